//! Connections driven by hand: no socket, no clock, every order of things.

use super::*;
use crate::request_queue::{After, RequestBatch, Wait};
use crate::resp::{Arguments, encode_request};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

/// Answers a request with its last word, as `ECHO` does; `QUIT` closes.
fn echo(arguments: Arguments<'_>, out: &mut Vec<u8>) -> After {
    Reply::new(out, Protocol::Resp2).bulk(arguments.at(arguments.len() - 1));
    if arguments.at(0) == b"QUIT" { After::Close } else { After::KeepOpen }
}

fn take_output(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.output().to_vec();
    connection.sent(bytes.len(), 0);
    bytes
}

fn answer(batch: &RequestBatch) -> ReplyBatch {
    let (mut bytes, mut after) = (Vec::new(), After::KeepOpen);
    for request in batch.iter() {
        after = echo(request, &mut bytes);
    }
    ReplyBatch { first: batch.first(), count: batch.len() as u64, bytes, after, wait: None }
}

#[test]
fn a_pipeline_in_one_read_is_served_in_one_turn() {
    let mut connection = Connection::new(&Arc::default(), 0);
    let served = connection.serve(b"ECHO a\r\n*2\r\n$4\r\nECHO\r\n$1\r\nb\r\nECHO", 0, echo);
    assert_eq!(served.requests, 2);
    assert_eq!(connection.output(), b"$1\r\na\r\n$1\r\nb\r\n");
    assert!(connection.wants_read() && !connection.wants_service());
    connection.serve(b" c\r\n", 0, echo);
    assert_eq!(take_output(&mut connection), b"$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
}

#[test]
fn a_large_request_can_be_received_in_place() {
    let mut connection = Connection::new(&Arc::default(), 0);
    let mut stream = Vec::new();
    encode_request(&mut stream, &[b"ECHO".as_slice(), &[7; 200_000]]);
    connection.serve(&stream[..100], 0, echo);
    assert!(connection.prefers_own_space());
    let mut rest = &stream[100..];
    while !rest.is_empty() {
        let space = connection.read_space();
        let count = space.len().min(rest.len()).min(9999);
        space[..count].copy_from_slice(&rest[..count]);
        connection.received(count, 0);
        connection.serve(&[], 0, echo);
        rest = &rest[count..];
    }
    assert_eq!(connection.output().len(), 200_000 + 11);
}

#[test]
fn an_error_in_the_protocol_comes_behind_the_replies_that_are_due_then_the_end() {
    let mut connection = Connection::new(&Arc::default(), 0);
    connection.serve(b"ECHO a\r\n*1\r\nfoo\r\nECHO b\r\n", 0, echo);
    let error = "-ERR Protocol error: expected '$', got 'f'\r\n";
    assert_eq!(connection.output(), format!("$1\r\na\r\n{error}").as_bytes());
    assert_eq!(connection.phase(), Phase::Draining);

    let mut connection = Connection::new(&Arc::default(), 0);
    let mut batch = RequestBatch::new();
    connection.receive(b"ECHO a\r\n*1\r\nfoo\r\nECHO b\r\n", 0);
    assert!(connection.take_batch(&mut batch, 0));
    assert_eq!((connection.output(), connection.phase()), (&b""[..], Phase::Open));
    connection.complete(answer(&batch), 0);
    assert_eq!(connection.output(), format!("$1\r\na\r\n{error}").as_bytes());
    assert_eq!(connection.phase(), Phase::Draining);
    let expected = ProtocolError::ExpectedDollar(b'f');
    assert_eq!(connection.close_reason(), Some(CloseReason::ProtocolError(expected)));
}

#[test]
fn the_end_is_announced_when_all_is_sent_and_the_peers_end_awaited() {
    let limits = Limits { linger_timeout_ns: SECOND, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    connection.serve(b"QUIT\r\nECHO never\r\n", 0, echo);
    assert_eq!(connection.close_reason(), Some(CloseReason::CommandAsked));
    connection.sent(3, 0);
    assert!(!connection.wants_shutdown() && !connection.wants_read());
    assert_eq!(take_output(&mut connection), b"\nQUIT\r\n");
    assert!(connection.wants_shutdown());
    connection.shutdown_done(5);
    assert!(!connection.wants_shutdown() && connection.wants_read());
    assert_eq!(connection.deadline(), Some(SECOND + 5));
    connection.serve(b"ECHO ignored\r\n", 6, echo);
    assert_eq!(connection.output(), b"");
    let mut other = Connection::new(&Arc::new(limits.clone()), 0);
    other.serve(b"QUIT\r\n", 0, echo);
    take_output(&mut other);
    connection.end_of_input(7);
    assert!(connection.is_closed());
    assert!(!other.deadline_passed(SECOND - 1));
    assert!(other.deadline_passed(SECOND));
    assert!(other.is_closed());
    assert_eq!(other.close_reason(), Some(CloseReason::CommandAsked));
}

#[test]
fn a_peer_that_ends_its_side_still_gets_its_replies() {
    let mut connection = Connection::new(&Arc::default(), 0);
    connection.serve(b"ECHO a\r\nECHO hal", 0, echo);
    connection.end_of_input(0);
    assert!(!connection.is_closed());
    assert_eq!(take_output(&mut connection), b"$1\r\na\r\n");
    assert!(connection.is_closed());

    let mut connection = Connection::new(&Arc::default(), 0);
    let mut batch = RequestBatch::new();
    connection.receive(b"ECHO a\r\n", 0);
    connection.take_batch(&mut batch, 0);
    connection.end_of_input(0);
    assert_eq!(connection.phase(), Phase::Open);
    connection.complete(answer(&batch), 0);
    assert_eq!(take_output(&mut connection), b"$1\r\na\r\n");
    assert!(connection.is_closed());
    assert_eq!(connection.close_reason(), Some(CloseReason::PeerEnded));
}

#[test]
fn a_stopping_server_answers_what_it_has_received() {
    let limits = Limits { requests_per_turn_max: 1, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    connection.serve(b"ECHO a\r\nECHO b\r\n", 0, echo);
    connection.drain(0);
    assert!(!connection.wants_read() && connection.wants_service());
    connection.serve(&[], 0, echo);
    assert_eq!(connection.output(), b"$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(connection.close_reason(), Some(CloseReason::ServerStopping));
}

#[test]
fn waiting_output_closes_admission_and_sending_opens_it() {
    let limits = Limits { output_bytes_high: 10, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    connection.serve(b"ECHO aaaa\r\nECHO bbbb\r\n", 0, echo);
    assert_eq!(connection.output(), b"$4\r\naaaa\r\n");
    assert!(!connection.wants_read() && !connection.wants_service());
    connection.sent(1, 0);
    assert!(connection.wants_service() && !connection.wants_read());
    connection.serve(&[], 0, echo);
    assert_eq!(connection.output(), b"4\r\naaaa\r\n$4\r\nbbbb\r\n");
    take_output(&mut connection);
    assert!(connection.wants_read());
}

#[test]
fn requests_in_flight_close_admission() {
    let limits = Limits { in_flight_max: 2, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    let mut batch = RequestBatch::new();
    connection.receive(b"ECHO a\r\nECHO b\r\nECHO c\r\n", 0);
    assert!(connection.take_batch(&mut batch, 0));
    assert_eq!(batch.len(), 2);
    assert!(!connection.wants_service() && !connection.wants_read());
    connection.complete(answer(&batch), 0);
    assert!(connection.wants_service());
    assert!(connection.take_batch(&mut batch, 0));
    assert_eq!((batch.first(), batch.len()), (2, 1));
}

#[test]
fn a_reply_beyond_the_limit_becomes_an_error_and_the_end() {
    let limits = Limits { output: OutputLimit { hard: 100, ..OutputLimit::NONE }, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    connection.serve(b"ECHO a\r\nBIG b\r\nECHO c\r\n", 0, |arguments, out| {
        let size = if arguments.at(0) == b"BIG" { 101 } else { 1 };
        out.resize(out.len() + size, b'x');
        After::KeepOpen
    });
    let expected = "x-ERR output buffer limit of 100 bytes exceeded, closing the connection\r\n";
    assert_eq!(connection.output(), expected.as_bytes());
    assert_eq!(connection.close_reason(), Some(CloseReason::OutputLimit));
}

#[test]
fn deadlines_follow_what_the_connection_waits_for() {
    let limits =
        Limits { idle_timeout_ns: 10 * SECOND, write_stall_timeout_ns: 3 * SECOND, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    assert_eq!(connection.deadline(), Some(10 * SECOND));
    connection.serve(b"ECHO", 2 * SECOND, echo);
    assert_eq!(connection.deadline(), Some(12 * SECOND));
    connection.serve(b" a\r\n", 4 * SECOND, echo);
    assert_eq!(connection.deadline(), Some(7 * SECOND));
    connection.sent(2, 5 * SECOND);
    assert_eq!(connection.deadline(), Some(8 * SECOND));
    let mut stalled = Connection::new(&Arc::new(limits.clone()), 0);
    stalled.serve(b"ECHO a\r\n", 0, echo);
    assert!(stalled.deadline_passed(3 * SECOND));
    assert_eq!(stalled.close_reason(), Some(CloseReason::WriteStalled));
    connection.sent(5, 6 * SECOND);
    assert_eq!(connection.deadline(), Some(16 * SECOND));
    let mut batch = RequestBatch::new();
    connection.receive(b"ECHO b\r\n", 7 * SECOND);
    connection.take_batch(&mut batch, 7 * SECOND);
    assert_eq!(connection.deadline(), None, "a request that is being served is not idleness");
    connection.complete(answer(&batch), 20 * SECOND);
    connection.sent(7, 20 * SECOND);
    assert!(connection.deadline_passed(30 * SECOND));
    assert_eq!(connection.close_reason(), Some(CloseReason::Idle));
}

#[test]
fn a_wait_for_others_begins_when_it_is_known_and_one_of_a_pause_with_the_turn() {
    const MS: u64 = 1_000_000;
    let waiting = |wait| {
        let mut connection = Connection::new(&Arc::default(), 0);
        connection.serve(b"BLPOP a 0.005\r\n", 0, |_, _| After::Wait(wait));
        connection
    };
    let mut connection = waiting(Wait::Reply(5));
    connection.wait_from(|| 3 * MS);
    // What began before goes on as it was.
    connection.wait_from(|| 4 * MS);
    assert!(!connection.has_waited(8 * MS - 1) && connection.has_waited(8 * MS));
    let mut for_ever = waiting(Wait::Reply(0));
    for_ever.wait_from(|| 3 * MS);
    assert!(!for_ever.has_waited(u64::MAX - 1));
    // How long it has to wait was reckoned from the time of the turn.
    let mut paused = waiting(Wait::Pause(5));
    paused.wait_from(|| 3 * MS);
    assert!(paused.has_waited(5 * MS));
}

#[test]
fn a_connection_with_nothing_to_do_gives_its_buffers_back() {
    let mut connection = Connection::new(&Arc::default(), 0);
    let request = format!("*2\r\n$4\r\nECHO\r\n$9000\r\n{}\r\n", "x".repeat(9000));
    let (begin, end) = request.as_bytes().split_at(5000);
    connection.serve(begin, SECOND, echo);
    assert_eq!(connection.deadline(), None, "a request is under way");
    connection.serve(end, SECOND, echo);
    take_output(&mut connection);
    let active = connection.active_ns();
    assert!(connection.memory() > 9000);
    assert_eq!(connection.deadline(), Some(active + 2 * SECOND));
    assert!(!connection.deadline_passed(active + 2 * SECOND) && !connection.is_closed());
    assert_eq!((connection.memory(), connection.deadline()), (0, None));
    connection.serve(b"ECHO a\r\n", active + 3 * SECOND, echo);
    assert_eq!(take_output(&mut connection), b"$1\r\na\r\n");
    assert_eq!(connection.deadline(), None, "what a small request needs is kept");
}

#[test]
fn a_connection_has_buffers_in_its_turn_alone_but_for_what_is_in_them() {
    let (mut lent, mut connection) = (TurnBuffers::default(), Connection::new(&Arc::default(), 0));
    let mut turn = |connection: &mut Connection, bytes: &[u8], sends: bool| {
        connection.borrow_buffers(&mut lent);
        connection.serve(bytes, 0, echo);
        let output = if sends { take_output(connection) } else { Vec::new() };
        connection.return_buffers(&mut lent);
        (output, connection.memory())
    };
    assert_eq!(turn(&mut connection, b"ECHO a\r\n", true), (b"$1\r\na\r\n".to_vec(), 0));
    // The words of a request that is cut, and a reply that does not leave, are its own, and another's turn finds others.
    assert!(turn(&mut connection, b"*2\r\n$4\r\nECHO\r\n", true).1 > 0);
    let mut other = Connection::new(&Arc::default(), 0);
    assert!(turn(&mut other, b"*2\r\n$4\r\nECHO\r\n$1\r\nb\r\n", false).1 > 0);
    assert_eq!(turn(&mut connection, b"$1\r\nc\r\n", true).0, b"$1\r\nc\r\n");
    assert_eq!(take_output(&mut other), b"$1\r\nb\r\n");
}

#[test]
fn an_ordinary_client_may_have_more_than_the_soft_bound_waiting_for_so_long() {
    let output = OutputLimit { hard: 1000, soft: 100, soft_ns: 5 * SECOND };
    let limits = Arc::new(Limits { output, ..Limits::default() });
    for taken in [0, 10, 200] {
        let mut connection = Connection::new(&limits, 0);
        connection.serve(format!("ECHO {}\r\n", "x".repeat(200)).as_bytes(), SECOND, echo);
        connection.sent(taken, 2 * SECOND);
        assert!(!connection.deadline_passed(6 * SECOND - 1));
        assert_eq!(connection.deadline_passed(6 * SECOND), taken < 200, "{taken}");
        assert_eq!(connection.close_reason().is_some(), taken < 200);
    }
}

#[test]
fn changed_limits_reach_a_connection_that_is_open() {
    let mut connection = Connection::new(&Arc::default(), 0);
    assert_eq!(connection.deadline(), None);
    let limits = Limits { idle_timeout_ns: 10 * SECOND, bulk_bytes_max: 8, ..Limits::default() };
    connection.set_limits(&Arc::new(limits));
    assert_eq!(connection.deadline(), Some(10 * SECOND));
    connection.serve(b"*1\r\n$9\r\n", SECOND, echo);
    assert!(matches!(connection.close_reason(), Some(CloseReason::ProtocolError(_))));
}

#[test]
fn replies_wait_until_they_are_durable() {
    let mut connection = Connection::new(&Arc::default(), 0);
    connection.hold_replies();
    connection.serve(b"QUIT a\r\n", 0, echo);
    assert!(!connection.wants_write() && !connection.is_closed());
    connection.release_replies(connection.reply_position(), 0);
    assert_eq!(take_output(&mut connection), b"$1\r\na\r\n");
    assert!(connection.wants_shutdown());
}

#[test]
fn a_client_that_waits_for_a_slow_sync_is_not_idle() {
    let limits =
        Limits { idle_timeout_ns: 10 * SECOND, write_stall_timeout_ns: 3 * SECOND, ..Limits::default() };
    let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
    connection.hold_replies();
    connection.serve(b"ECHO a\r\n", SECOND, echo);
    assert_eq!(connection.deadline(), None, "it is the disk's turn, not the peer's");
    assert!(!connection.deadline_passed(100 * SECOND));
    connection.release_replies(connection.reply_position(), 100 * SECOND);
    assert_eq!(connection.deadline(), Some(103 * SECOND), "the peer has all of its time to take the reply");
    take_output(&mut connection);
    // A reply that waits for the peer while another waits for the disk.
    connection.serve(b"ECHO b\r\n", 100 * SECOND, echo);
    connection.hold_replies();
    connection.serve(b"ECHO c\r\n", 100 * SECOND, echo);
    connection.release_replies(connection.reply_position(), 102 * SECOND);
    assert_eq!(connection.deadline(), Some(103 * SECOND), "what waits already has no more time than it had");
    // What takes the place of lost replies is to be taken too.
    let mut lost = Connection::new(&Arc::new(limits.clone()), 0);
    lost.hold_replies();
    lost.serve(b"ECHO a\r\n", 0, echo);
    lost.fail_replies(1, "MISCONF lost", 100 * SECOND);
    assert_eq!(lost.deadline(), Some(103 * SECOND));
}

#[test]
fn a_stop_does_not_wait_for_a_peer_that_was_never_sent_anything() {
    let mut connection = Connection::new(&Arc::default(), 0);
    connection.serve(b"*1\r\n$4\r\nPI", 5, echo);
    connection.drain(10);
    assert!(connection.is_closed());
}

#[test]
fn a_stop_waits_for_the_end_of_a_peer_unless_it_has_been_silent_for_as_long() {
    for (stopped_at, phase) in [(SECOND, Phase::Lingering), (2 * SECOND, Phase::Closed)] {
        let mut connection = Connection::new(&Arc::default(), 0);
        connection.serve(b"ECHO a\r\n", 0, echo);
        take_output(&mut connection);
        connection.drain(stopped_at);
        assert_eq!(
            (connection.phase(), connection.close_reason()),
            (phase, Some(CloseReason::ServerStopping))
        );
    }
}

#[test]
fn strangers_are_let_in_by_a_reply() {
    let mut connection = Connection::new(&Arc::default(), 0);
    connection.set_trusted(false);
    let big = b"*11\r\n$1\r\na\r\n";
    connection.serve(&[b"AUTH x\r\n".as_slice(), big].concat(), 0, |_, _| After::Trust);
    assert_eq!(connection.phase(), Phase::Open);
    let mut connection = Connection::new(&Arc::default(), 0);
    connection.set_trusted(false);
    connection.serve(big, 0, echo);
    assert_eq!(connection.output(), b"-ERR Protocol error: unauthenticated multibulk length\r\n");
}

proptest! {
    #[test]
    fn replies_leave_in_order_whatever_the_order_of_completion(
        count in 1usize..60,
        in_flight_max in 1usize..9,
        picks in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..30), 1..200),
    ) {
        let limits = Limits { in_flight_max, requests_per_turn_max: 3, ..Limits::default() };
        let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for number in 0..count {
            let word = format!("word-{number}");
            encode_request(&mut stream, &[b"ECHO".as_slice(), word.as_bytes()]);
            Reply::new(&mut expected, Protocol::Resp2).bulk(word.as_bytes());
        }
        let (mut at_workers, mut sent) = (Vec::<RequestBatch>::new(), Vec::new());
        let mut picks = picks.into_iter().cycle();
        let mut turns = 0;
        while sent.len() < expected.len() {
            turns += 1;
            prop_assert!(turns < 10_000, "no progress");
            let Some((pick, size)) = picks.next() else { break };
            if connection.wants_read() && !stream.is_empty() {
                let size = size.clamp(1, stream.len());
                connection.receive(&stream[..size], 0);
                stream.drain(..size);
            }
            let mut batch = RequestBatch::new();
            if connection.take_batch(&mut batch, 0) {
                at_workers.push(batch);
            }
            if !at_workers.is_empty() && (size % 3 != 0 || turns % 7 == 0) {
                let batch = at_workers.swap_remove(pick.index(at_workers.len()));
                connection.complete(answer(&batch), 0);
            }
            let leaving = size.min(connection.output().len());
            sent.extend_from_slice(&connection.output()[..leaving]);
            connection.sent(leaving, 0);
            if turns % 11 == 0 {
                sent.extend(take_output(&mut connection));
            }
        }
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(connection.in_flight(), 0);
    }

    #[test]
    fn inline_replies_do_not_depend_on_how_the_stream_is_cut_and_drained(
        words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..30),
        sizes in proptest::collection::vec((0usize..60, 0usize..60), 1..200),
        high in 1usize..200,
    ) {
        let limits = Limits { output_bytes_high: high, requests_per_turn_max: 2, ..Limits::default() };
        let mut connection = Connection::new(&Arc::new(limits.clone()), 0);
        let (mut stream, mut expected, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for word in &words {
            encode_request(&mut stream, &[b"ECHO".as_slice(), word]);
            Reply::new(&mut expected, Protocol::Resp2).bulk(word);
        }
        let mut rest = &stream[..];
        for (read, write) in sizes.into_iter().cycle().take(20_000) {
            if connection.wants_service() {
                connection.serve(&[], 0, echo);
            } else if connection.wants_read() {
                let (fresh, later) = rest.split_at(read.min(rest.len()));
                rest = later;
                connection.serve(fresh, 0, echo);
            }
            let leaving = write.min(connection.output().len());
            sent.extend_from_slice(&connection.output()[..leaving]);
            connection.sent(leaving, 0);
            prop_assert!(connection.output().len() < high + 60);
            if sent.len() == expected.len() {
                break;
            }
        }
        if sent.len() == expected.len() {
            prop_assert_eq!(sent, expected);
        } else {
            // Only a drawn plan that never reads or never writes may leave something undone.
            prop_assert!(expected.starts_with(&sent));
        }
    }
}
