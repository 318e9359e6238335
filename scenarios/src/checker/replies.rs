//! O1, O2, O7: the right reply, every byte of it, and nobody else's.

use crate::resp::Frame;

/// Which oracle a wrong reply breaks, and where; `None`: it is right. `tag` begins whatever this connection may see.
pub fn compare(expected: &Frame, reply: &Frame, tag: &str) -> Option<(&'static str, &'static str)> {
    if expected == reply {
        return None;
    }
    let (Frame::Bulk(wanted), Frame::Bulk(got)) = (expected, reply) else {
        return Some(("O1", "wrong reply"));
    };
    let unexpected = got.starts_with(b"<") && !got.starts_with(tag.as_bytes());
    Some(if unexpected {
        ("O7", "reply of another connection")
    } else if wanted.len() == got.len() || got.starts_with(tag.as_bytes()) {
        ("O2", "reply differs")
    } else {
        ("O1", "wrong reply")
    })
}

/// A reply for people: long ones are cut.
pub fn shown(reply: &Frame) -> String {
    let mut text = match reply {
        Frame::Bulk(bytes) => format!("{} bytes {:?}", bytes.len(), String::from_utf8_lossy(bytes)),
        other => format!("{other:?}"),
    };
    if let Some((end, _)) = text.char_indices().nth(120) {
        text.truncate(end);
        text.push('…');
    }
    text
}
