//! Writes replies, in the dialect that the connection speaks.
//!
//! A [`Reply`] appends to the connection's outgoing bytes, so that a reply is written once, where it leaves from.
//! RESP2 has no maps, doubles or booleans; the methods here give it what Redis gives it instead, so that commands
//! say what they mean and never ask which dialect is spoken. [`encode_request`] is the client's side.

use super::Protocol;
use super::number::append_integer;

/// One reply being written.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
    /// Nothing but errors is written once `out` is longer than this.
    end: usize,
    is_cut: bool,
}

impl<'a> Reply<'a> {
    /// Appends to `out` in the dialect `protocol`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Reply { out, protocol, end: usize::MAX, is_cut: false }
    }

    /// As [`Reply::new`]; once `out` is longer than `end` bytes the rest is left out, however much a command would say.
    pub fn bounded(out: &'a mut Vec<u8>, protocol: Protocol, end: usize) -> Self {
        Reply { out, protocol, end, is_cut: false }
    }

    /// Whether something was left out.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    #[inline]
    fn has_room(&mut self) -> bool {
        let has_room = self.out.len() <= self.end;
        self.is_cut |= !has_room;
        has_room
    }

    /// The dialect being written.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What follows is written in `protocol`; `HELLO` answers in the dialect that it has just chosen.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// How much is written to the outgoing bytes; a position for [`Reply::rewind`].
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything after `position`.
    pub fn rewind(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// Bytes that are a reply already.
    pub fn raw(&mut self, encoded: &[u8]) {
        self.out.extend_from_slice(encoded);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A status; `text` must be one line.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        self.line(b'+', text.as_bytes());
    }

    /// An error; `text` begins with its code (`ERR`, `WRONGTYPE`, …). Line ends in it become blanks.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.out.push(b'-');
        let from = self.out.len();
        self.out.extend_from_slice(text.as_ref());
        for byte in &mut self.out[from..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A length or a count as an integer.
    pub fn count(&mut self, value: usize) {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if !self.has_room() {
            return;
        }
        self.header(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer as bytes, as `GET` shows a counter.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Nothing, where bytes could have been.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// Nothing, where an array could have been.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The beginning of an array; `length` replies follow.
    pub fn array(&mut self, length: usize) {
        self.header(b'*', length as i64);
    }

    /// The beginning of a map; `pairs` times two replies follow. RESP2: a flat array.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', pairs as i64 * 2),
            Protocol::Resp3 => self.header(b'%', pairs as i64),
        }
    }

    /// The beginning of a set; `length` replies follow. RESP2: an array.
    pub fn set(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length as i64),
            Protocol::Resp3 => self.header(b'~', length as i64),
        }
    }

    /// The beginning of a message that answers no request; `length` replies follow. RESP2: an array.
    pub fn push(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length as i64),
            Protocol::Resp3 => self.header(b'>', length as i64),
        }
    }

    /// A floating-point number. RESP2: its text as bytes.
    pub fn double(&mut self, value: f64) {
        let text = double_text(value);
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b',', text.as_bytes()),
        }
    }

    /// Yes or no. RESP2: 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp2, _) => self.integer(i64::from(value)),
            (Protocol::Resp3, true) => self.out.extend_from_slice(b"#t\r\n"),
            (Protocol::Resp3, false) => self.out.extend_from_slice(b"#f\r\n"),
        }
    }

    /// An integer of any length, given as digits. RESP2: bytes.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Text for people, with a format of three letters (`txt`, `mkd`). RESP2: bytes.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.header(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(format);
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        if !self.has_room() {
            return;
        }
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        self.out.push(kind);
        append_integer(self.out, value);
        self.out.extend_from_slice(b"\r\n");
    }
}

/// How a double looks on the wire: with 17 digits, of which zeros at the end are left out (`%.17g` of C), so that every
/// double reads back as itself.
pub fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let is_whole = value as i64 as f64 == value && value.abs() < 1e17;
    if is_whole && !(value == 0.0 && value.is_sign_negative()) {
        return itoa::Buffer::new().format(value as i64).to_owned();
    }
    let scientific = format!("{value:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..17).contains(&exponent) {
        return trim(&format!("{value:.places$}", places = (16 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}

/// Appends a request, as a client sends it.
pub fn encode_request<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    out.push(b'*');
    append_integer(out, words.len() as i64);
    out.extend_from_slice(b"\r\n");
    for word in words {
        Reply::new(out, Protocol::Resp2).bulk(word.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_in_both_dialects() {
        type Write = fn(&mut Reply<'_>);
        let table: &[(Write, &str, &str)] = &[
            (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
            (|r| r.error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"),
            (|r| r.integer(-12), ":-12\r\n", ":-12\r\n"),
            (|r| r.bulk(b"hello"), "$5\r\nhello\r\n", "$5\r\nhello\r\n"),
            (|r| r.null(), "$-1\r\n", "_\r\n"),
            (|r| r.null_array(), "*-1\r\n", "_\r\n"),
            (|r| r.array(2), "*2\r\n", "*2\r\n"),
            (|r| r.map(2), "*4\r\n", "%2\r\n"),
            (|r| r.set(2), "*2\r\n", "~2\r\n"),
            (|r| r.push(2), "*2\r\n", ">2\r\n"),
            (|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|r| r.double(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"),
            (|r| r.double(-0.0), "$2\r\n-0\r\n", ",-0\r\n"),
            (|r| r.double(1e17), "$5\r\n1e+17\r\n", ",1e+17\r\n"),
            (|r| r.double(-2.5e-7), "$23\r\n-2.4999999999999999e-07\r\n", ",-2.4999999999999999e-07\r\n"),
            (|r| r.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n"),
            (|r| r.boolean(true), ":1\r\n", "#t\r\n"),
            (|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n"),
            (|r| r.verbatim(b"txt", b"hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
        ];
        for (write, resp2, resp3) in table {
            for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
                let mut out = Vec::new();
                write(&mut Reply::new(&mut out, protocol));
                assert_eq!(String::from_utf8(out).unwrap(), **expected);
            }
        }
    }
}
