//! Requests typed by hand: one line, words between blanks, quotes as a shell would have them.
//!
//! The grammar is `sdssplitargs` of Redis: `"…"` knows `\n \r \t \b \a \xHH`, `'…'` knows only `\'`, a closing quote
//! must be followed by a blank or the end, and a NUL ends the line. Finding the line is left to `decode`.

use super::Span;

/// A quote was opened and not closed, or a closed one runs on into a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// Splits `line` (without its line end) into words.
///
/// Their spans go to `spans`. They refer to `line` itself, except when the line has a quote in it: then the words
/// are unquoted into `unquoted` and the spans refer to that; the answer says so with `true`.
pub fn split(line: &[u8], spans: &mut Vec<Span>, unquoted: &mut Vec<u8>) -> Result<bool, UnbalancedQuotes> {
    let line = match memchr::memchr(0, line) {
        Some(nul) => &line[..nul],
        None => line,
    };
    if memchr::memchr2(b'"', b'\'', line).is_none() {
        split_plain(line, spans);
        return Ok(false);
    }
    unquoted.clear();
    let mut rest = line;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return Ok(true);
        }
        let start = unquoted.len();
        rest = unquote_word(rest, unquoted)?;
        spans.push(Span { start, end: unquoted.len() });
    }
}

fn split_plain(line: &[u8], spans: &mut Vec<Span>) {
    let mut at = 0;
    while at < line.len() {
        if is_blank(line[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < line.len() && !is_blank(line[at]) {
            at += 1;
        }
        spans.push(Span { start, end: at });
    }
}

/// Appends one word to `out` and returns what follows it; `rest` begins with a byte that is not blank.
fn unquote_word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        match rest {
            [] => return Ok(rest),
            [blank, ..] if is_blank(*blank) => return Ok(rest),
            [b'"', tail @ ..] => return ends_word(double_quoted(tail, out)?),
            [b'\'', tail @ ..] => return ends_word(single_quoted(tail, out)?),
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        match rest {
            [] => return Err(UnbalancedQuotes),
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex_value(*high) << 4 | hex_value(*low));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = tail;
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        match rest {
            [] => return Err(UnbalancedQuotes),
            [b'\'', tail @ ..] => return Ok(tail),
            [b'\\', b'\'', tail @ ..] => {
                out.push(b'\'');
                rest = tail;
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

/// A closing quote must be the end of its word.
fn ends_word(rest: &[u8]) -> Result<&[u8], UnbalancedQuotes> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| is_blank(**byte)).count();
    &line[blanks..]
}

/// What C's `isspace` says in the "C" locale; Rust's `is_ascii_whitespace` leaves out the vertical tab.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        let (mut spans, mut unquoted) = (Vec::new(), Vec::new());
        let quoted = split(line.as_bytes(), &mut spans, &mut unquoted).ok()?;
        let source = if quoted { &unquoted[..] } else { line.as_bytes() };
        Some(spans.iter().map(|span| source[span.start..span.end].to_vec()).collect())
    }

    #[test]
    fn words_are_split_as_redis_splits_them() {
        let table: &[(&str, Option<&[&[u8]]>)] = &[
            ("", Some(&[])),
            ("  \t ", Some(&[])),
            ("PING", Some(&[b"PING"])),
            ("  SET  a\tb ", Some(&[b"SET", b"a", b"b"])),
            ("SET a \"x y\"", Some(&[b"SET", b"a", b"x y"])),
            ("SET a 'x \"y'", Some(&[b"SET", b"a", b"x \"y"])),
            (r#"E "\n\r\t\b\a\x41\q""#, Some(&[b"E", b"\n\r\t\x08\x07Aq"])),
            (r#"E "\xZZ""#, Some(&[b"E", b"xZZ"])),
            (r"E '\n\''", Some(&[b"E", b"\\n'"])),
            ("E \"\"", Some(&[b"E", b""])),
            ("E ab\"c d\"", Some(&[b"E", b"abc d"])),
            ("GET \"", None),
            ("GET '", None),
            ("GET \"a\"b", None),
            ("GET 'a'b", None),
            (r#"GET "a\"#, None),
            ("GET a\0b c", Some(&[b"GET", b"a"])),
            ("GET \"a\0\"", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(|words| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{line:?}");
        }
    }
}
