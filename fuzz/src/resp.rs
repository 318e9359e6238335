//! Requests and replies: whole and byte by byte they come to the same, and no bytes are a panic.

use eagain_server::limits::Limits;
use eagain_server::resp::{Decoder, ReplyDecoder};
use std::sync::Arc;

/// The requests up to the first error, and whether there was one.
fn requests<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<Vec<u8>>>, bool) {
    let mut decoder = Decoder::new(&Arc::new(Limits::default()));
    let (mut unread, mut all) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            match decoder.decode(&unread) {
                Ok(None) => break,
                Err(_) => return (all, true),
                Ok(Some(length)) => {
                    all.push(decoder.arguments(&unread[..length]).iter().map(<[u8]>::to_vec).collect());
                    unread.drain(..length);
                }
            }
        }
    }
    (all, false)
}

/// Fails by a panic.
pub fn run(bytes: &[u8]) {
    assert_eq!(requests(std::iter::once(bytes)), requests(bytes.chunks(1)));
    let mut replies = ReplyDecoder::new(8, 1 << 20);
    replies.feed(bytes);
    while let Ok(Some(_)) = replies.next_reply() {}
}
