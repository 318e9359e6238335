//! Numbers, spans and bytes as text, appended to a line that is there already. Traces have many lines and names are made in
//! hot places, so nothing here goes through `std::fmt`. What the words mean is `crate::calls`' business.

/// Puts a text together piece by piece. All pieces are text.
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// An integer in decimal.
#[inline]
pub(crate) fn put_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `0x1f`, without leading zeros.
pub(crate) fn put_hex(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(b"0x");
    let first = (63 - (number | 1).leading_zeros()) / 4;
    out.extend((0..=first).rev().map(|at| HEX[(number >> (4 * at)) as usize & 15]));
}

/// Nanoseconds as seconds with nine decimals: `1.000250000`.
pub(crate) fn put_time(out: &mut Vec<u8>, ns: u64) {
    put_number(out, ns / 1_000_000_000);
    // The leading 1 keeps the zeros behind it; the point takes its place.
    let point = out.len();
    put_number(out, 1_000_000_000 + ns % 1_000_000_000);
    out[point] = b'.';
}

/// A span, exactly, in the largest unit that divides it: `20ms`, `1500ns`.
pub(crate) fn put_span(out: &mut Vec<u8>, ns: u64) {
    let (number, unit): (u64, &[u8]) = match ns {
        0 => return out.push(b'0'),
        ns if ns.is_multiple_of(1_000_000_000) => (ns / 1_000_000_000, b"s"),
        ns if ns.is_multiple_of(1_000_000) => (ns / 1_000_000, b"ms"),
        ns if ns.is_multiple_of(1_000) => (ns / 1_000, b"us"),
        ns => (ns, b"ns"),
    };
    put_number(out, number);
    out.extend_from_slice(unit);
}

/// Bytes as a C string, cut after `limit`.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    out.push(b'"');
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            // Always two digits: a digit may follow.
            _ => out.extend_from_slice(&[
                b'\\',
                b'x',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    out.push(b'"');
}
