//! Where a reply ends in a stream of bytes, in either dialect, without taking it apart: a link passes replies on as they are.

use crate::resp::number::parse_integer;

/// The bytes are no replies; the stream has no meaning any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoReply;

/// A line may be so long; longer ones are nobody's reply.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A search that goes on where it stopped.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplySpan {
    /// Understood, from the first byte of the reply on.
    position: usize,
    /// Elements that are still to come; 0 before the first byte.
    left: u64,
}

impl ReplySpan {
    /// How long the reply at the front of `bytes` is; `None`: it is not all there. To be shown the same bytes again, and
    /// more, until then.
    pub fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, NoReply> {
        if self.position == 0 {
            self.left = 1;
        }
        while self.left > 0 {
            let rest = bytes.get(self.position..).unwrap_or_default();
            let Some(line_end) = memchr::memchr(b'\r', rest) else {
                return if rest.len() > LINE_BYTES_MAX { Err(NoReply) } else { Ok(None) };
            };
            if rest.len() < line_end + 2 {
                return Ok(None);
            }
            let (kind, line) = (rest[0], rest.get(1..line_end).unwrap_or_default());
            let mut length = line_end + 2;
            match kind {
                b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
                b'$' | b'=' | b'!' => match parse_integer(line).ok_or(NoReply)? {
                    -1 => {}
                    bulk => length += usize::try_from(bulk).map_err(|_| NoReply)?.saturating_add(2),
                },
                b'*' | b'~' | b'%' => match parse_integer(line).ok_or(NoReply)? {
                    -1 => {}
                    count => {
                        let each = if kind == b'%' { 2 } else { 1 };
                        let count = u64::try_from(count).ok().and_then(|count| count.checked_mul(each));
                        self.left = count.and_then(|count| self.left.checked_add(count)).ok_or(NoReply)?;
                    }
                },
                _ => return Err(NoReply),
            }
            if rest.len() < length {
                return Ok(None);
            }
            self.position += length;
            self.left -= 1;
        }
        let length = self.position;
        *self = ReplySpan::default();
        Ok(Some(length))
    }
}

/// The elements of an array reply, each as it is; `None` where it is none.
pub fn elements(reply: &[u8]) -> Option<Vec<&[u8]>> {
    let line_end = memchr::memchr(b'\r', reply)?;
    let count = parse_integer(reply.strip_prefix(b"*")?.get(..line_end.checked_sub(1)?)?)?;
    let mut rest = reply.get(line_end + 2..)?;
    let mut elements = Vec::new();
    for _ in 0..count {
        let length = ReplySpan::default().find(rest).ok()??;
        let (element, behind) = rest.split_at(length);
        elements.push(element);
        rest = behind;
    }
    Some(elements)
}

/// The integer of an integer reply.
pub fn integer(reply: &[u8]) -> Option<i64> {
    parse_integer(reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?)
}

/// The bytes of a bulk reply.
pub fn bulk(reply: &[u8]) -> Option<&[u8]> {
    let line_end = memchr::memchr(b'\r', reply.strip_prefix(b"$")?)? + 1;
    reply.get(line_end + 2..)?.strip_suffix(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_found_however_it_is_cut() {
        let replies: &[&[u8]] = &[
            b"+OK\r\n",
            b"-ERR no\r\n",
            b":12\r\n",
            b"$-1\r\n",
            b"$0\r\n\r\n",
            b"$4\r\n\r\n\r\n\r\n",
            b"*-1\r\n",
            b"*0\r\n",
            b"*2\r\n*2\r\n:1\r\n$1\r\nx\r\n+y\r\n",
            b"_\r\n",
            b"%2\r\n+a\r\n,1.5\r\n+b\r\n~2\r\n#t\r\n(12\r\n",
            b"=7\r\ntxt:hey\r\n",
        ];
        for reply in replies {
            let mut stream = reply.to_vec();
            stream.extend_from_slice(b"+next");
            let mut span = ReplySpan::default();
            for shown in 0..reply.len() {
                assert_eq!(span.find(&stream[..shown]), Ok(None), "{}", reply.escape_ascii());
            }
            assert_eq!(span.find(&stream), Ok(Some(reply.len())));
        }
        assert_eq!(elements(replies[8]), Some(vec![&b"*2\r\n:1\r\n$1\r\nx\r\n"[..], b"+y\r\n"]));
        assert_eq!((integer(b":-3\r\n"), integer(b"+3\r\n")), (Some(-3), None));
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for bytes in
            [&b"?\r\n"[..], b"$x\r\n", b"$-2\r\n", b"*-2\r\n", b"GET x\r\n", b"*99999999999999999999\r\n"]
        {
            assert_eq!(ReplySpan::default().find(bytes), Err(NoReply), "{}", bytes.escape_ascii());
        }
    }
}
