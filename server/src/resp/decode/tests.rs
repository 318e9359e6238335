//! Requests against streams cut everywhere, and the table of what is refused, with Redis's words.

use super::*;
use crate::resp::encode_request;
use proptest::prelude::*;

type Request = Vec<Vec<u8>>;

/// Feeds `pieces` one after the other, as a connection would, and returns the requests and the error that ended it.
fn decode_pieces(limits: &Limits, pieces: &[&[u8]]) -> (Vec<Request>, Option<ProtocolError>) {
    let mut decoder = Decoder::new(&Arc::new(limits.clone()));
    let (mut unread, mut requests) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            match decoder.decode(&unread) {
                Ok(Some(length)) => {
                    let arguments = decoder.arguments(&unread[..length]);
                    if !arguments.is_empty() {
                        requests.push(arguments.iter().map(<[u8]>::to_vec).collect());
                    }
                    unread.drain(..length);
                }
                Ok(None) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}

#[test]
fn malformed_requests_are_refused_in_redis_words() {
    let endless_line = vec![b'1'; 64 * 1024 + 2];
    let endless_count = [b"*".as_slice(), &endless_line].concat();
    let endless_length = [b"*1\r\n$".as_slice(), &endless_line].concat();
    let endless_word = vec![b'a'; 64 * 1024 + 1];
    let table: &[(&[u8], &str)] = &[
        (b"*3000000000\r\n", "Protocol error: invalid multibulk length"),
        (b"*2147483648\r\n", "Protocol error: invalid multibulk length"),
        (b"*x\r\n", "Protocol error: invalid multibulk length"),
        (b"*\r\n", "Protocol error: invalid multibulk length"),
        (b"*01\r\n", "Protocol error: invalid multibulk length"),
        (b"*+1\r\n", "Protocol error: invalid multibulk length"),
        (b"*1 \r\n", "Protocol error: invalid multibulk length"),
        (b"*99999999999999999999999\r\n", "Protocol error: invalid multibulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n", "Protocol error: invalid bulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$2000000000\r\n", "Protocol error: invalid bulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n", "Protocol error: invalid bulk length"),
        (b"*1\r\n$\r\n", "Protocol error: invalid bulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "Protocol error: expected '$', got 'f'"),
        (b"*1\r\n\r\n\r\n", "Protocol error: expected '$', got ' '"),
        (b"*3\r\n$3\r\nSET\r\n*1\r\n", "Protocol error: expected '$', got '*'"),
        (&endless_count, "Protocol error: too big mbulk count string"),
        (&endless_length, "Protocol error: too big bulk count string"),
        (&endless_word, "Protocol error: too big inline request"),
        (b"SET a \"b\r\n", "Protocol error: unbalanced quotes in request"),
        (b"SET a 'b\n", "Protocol error: unbalanced quotes in request"),
        (b"SET a \"b\"c\r\n", "Protocol error: unbalanced quotes in request"),
    ];
    for (stream, expected) in table {
        let head = String::from_utf8_lossy(&stream[..stream.len().min(40)]).into_owned();
        let (_, error) = decode_pieces(&Limits::default(), &[stream]);
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(*expected), "{head:?}");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        if stream.len() < 100 {
            let (_, error) = decode_pieces(&Limits::default(), &bytes);
            assert_eq!(
                error.map(|error| error.to_string()).as_deref(),
                Some(*expected),
                "{head:?}, byte by byte"
            );
        }
    }
}

#[test]
fn well_formed_requests_are_found() {
    type Words<'a> = &'a [&'a [u8]];
    let table: &[(&[u8], &[Words<'_>])] = &[
        (b"PING\r\n", &[&[b"PING"]]),
        (b"PING\n", &[&[b"PING"]]),
        (b"\r\n\n\r\nPING\r\n", &[&[b"PING"]]),
        (b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]),
        (b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &[&[b"ECHO", b""]]),
        (
            b"SET k 'a b'\r\n*1\r\n$4\r\nPING\r\nGET k\n",
            &[&[b"SET", b"k", b"a b"], &[b"PING"], &[b"GET", b"k"]],
        ),
        (b"*1\r\n$2\r\n\r\n\r\n", &[&[b"\r\n"]]),
        // The two bytes behind an argument are skipped unseen, as Redis does.
        (b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", &[&[b"PING"], &[b"PING"]]),
    ];
    for (stream, expected) in table {
        let expected: Vec<Request> =
            expected.iter().map(|request| request.iter().map(|word| word.to_vec()).collect()).collect();
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode_pieces(&Limits::default(), &[stream]), (expected.clone(), None));
        assert_eq!(decode_pieces(&Limits::default(), &bytes), (expected, None), "byte by byte");
    }
}

#[test]
fn a_stranger_has_smaller_limits() {
    let table: &[(&[u8], ProtocolError)] = &[
        (b"*11\r\n", ProtocolError::UnauthenticatedMultibulkLength),
        (b"*1\r\n$16385\r\n", ProtocolError::UnauthenticatedBulkLength),
    ];
    for (stream, expected) in table {
        let mut decoder = Decoder::new(&Arc::default());
        assert_eq!(decoder.decode(stream), Ok(None));
        let mut decoder = Decoder::new(&Arc::default());
        decoder.set_trusted(false);
        assert_eq!(decoder.decode(stream), Err(*expected));
    }
}

#[test]
fn a_request_larger_than_the_limit_is_refused_when_it_is_announced() {
    let limits = Limits { request_bytes_max: 100, ..Limits::default() };
    let (_, error) = decode_pieces(&limits, &[b"*2\r\n$50\r\n", &[b'x'; 50], b"\r\n$50\r\n"]);
    assert_eq!(error, Some(ProtocolError::RequestTooLarge));
}

#[test]
fn a_bulk_in_progress_says_how_much_it_wants() {
    let mut decoder = Decoder::new(&Arc::default());
    let stream = b"*1\r\n$1000\r\nabc";
    assert_eq!(decoder.decode(stream), Ok(None));
    assert_eq!(decoder.bytes_wanted(stream.len()), 999);
}

fn any_request() -> impl Strategy<Value = Request> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6)
}

proptest! {
    #[test]
    fn any_cut_of_the_stream_gives_the_same_requests(
        requests in proptest::collection::vec((any_request(), any::<bool>()), 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for (request, inline) in requests {
            if inline {
                stream.extend_from_slice(b"SET \"a\\x00b\" c\r\n");
                expected.push(vec![b"SET".to_vec(), b"a\0b".to_vec(), b"c".to_vec()]);
            } else {
                encode_request(&mut stream, &request);
                expected.push(request);
            }
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode_pieces(&Limits::default(), &pieces), (expected, None));
    }

    #[test]
    fn garbage_never_panics_and_has_the_same_result_however_it_is_cut(
        stream in proptest::collection::vec(
            prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'"'), any::<u8>()], 0..80),
    ) {
        let whole = decode_pieces(&Limits::default(), &[&stream]);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(decode_pieces(&Limits::default(), &bytes), whole);
    }
}
