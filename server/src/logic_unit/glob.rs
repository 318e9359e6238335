//! Patterns as `KEYS` and `CONFIG GET` know them: `*`, `?`, `[a-z]`, `[^a]`, and a backslash before what is meant
//! literally. A star is tried again at most once per byte, so a hostile pattern costs length times length and no more.

/// Whether `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    compare(pattern, text, |byte| byte)
}

/// Whether `text` matches `pattern`, letters in any case.
pub fn matches_any_case(pattern: &[u8], text: &[u8]) -> bool {
    compare(pattern, text, |byte| byte.to_ascii_lowercase())
}

fn compare(pattern: &[u8], text: &[u8], fold: fn(u8) -> u8) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star does not match: one byte later in the text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        let step = if p < pattern.len() { one(pattern, p, text[t], fold) } else { None };
        match (step, retry) {
            (Some(next), _) => {
                p = next;
                t += 1;
            }
            (None, Some((star_p, star_t))) => {
                p = star_p;
                t = star_t + 1;
                retry = Some((star_p, t));
            }
            (None, None) => return false,
        }
    }
}

/// Whether the element of the pattern at `p` matches `byte`: where the next element begins.
fn one(pattern: &[u8], p: usize, byte: u8, fold: fn(u8) -> u8) -> Option<usize> {
    match pattern[p] {
        b'?' => Some(p + 1),
        b'[' => {
            let (matched, next) = class(pattern, p + 1, byte, fold);
            matched.then_some(next)
        }
        b'\\' if p + 1 < pattern.len() => (fold(pattern[p + 1]) == fold(byte)).then_some(p + 2),
        literal => (fold(literal) == fold(byte)).then_some(p + 1),
    }
}

/// Reads a class behind its `[`; an unclosed one ends with the pattern, as in Redis.
fn class(pattern: &[u8], mut p: usize, byte: u8, fold: fn(u8) -> u8) -> (bool, usize) {
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let byte = fold(byte);
    let mut matched = false;
    while let Some(&first) = pattern.get(p) {
        match first {
            b'\\' if p + 1 < pattern.len() => {
                p += 1;
                matched |= fold(pattern[p]) == byte;
            }
            b']' => return (matched != negated, p + 1),
            _ if pattern.get(p + 1) == Some(&b'-') && p + 2 < pattern.len() => {
                let (low, high) = (fold(first.min(pattern[p + 2])), fold(first.max(pattern[p + 2])));
                matched |= (low..=high).contains(&byte);
                p += 2;
            }
            _ => matched |= fold(first) == byte,
        }
        p += 1;
    }
    (matched != negated, p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        let table = [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h*o*o", "hello world o", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("foo*", "foo", true),
            ("*foo", "barfo", false),
            ("a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(matches_any_case(b"MAX*", b"maxclients"));
    }
}
