//! A file read from front to back through a buffer that grows only where a frame needs it.

use super::frame::MAGIC;
use eagain_net::{Errno, File, Files};

const CHUNK_BYTES: usize = 256 * 1024;

/// A view of a file that moves forward.
pub struct Window<'a, K: Files> {
    file: &'a File<K>,
    length: u64,
    buffer: Vec<u8>,
    /// The position of the buffer's first byte in the file.
    start: u64,
}

impl<'a, K: Files> Window<'a, K> {
    /// The first `length` bytes of `file`.
    pub fn new(file: &'a File<K>, length: u64) -> Self {
        Window { file, length, buffer: Vec::new(), start: 0 }
    }

    /// How much there is to be seen.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Up to `count` bytes from `at` on: fewer where the file ends before.
    pub fn at(&mut self, at: u64, count: usize) -> Result<&[u8], Errno> {
        let count = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX).min(count);
        let end = at + count as u64;
        if at < self.start || end > self.start + self.buffer.len() as u64 {
            let kept = usize::try_from(at.wrapping_sub(self.start)).unwrap_or(usize::MAX);
            if at >= self.start && kept <= self.buffer.len() {
                self.buffer.drain(..kept);
            } else {
                self.buffer.clear();
            }
            self.start = at;
            let have = self.buffer.len();
            let room = usize::try_from(self.length - at).unwrap_or(usize::MAX).min(count.max(CHUNK_BYTES));
            if have < room {
                self.buffer.resize(room, 0);
                let read = self.file.read_full_at(&mut self.buffer[have..], at + have as u64)?;
                self.buffer.truncate(have + read);
            }
        }
        let from = (at - self.start) as usize;
        let to = (from + count).min(self.buffer.len());
        Ok(self.buffer.get(from..to).unwrap_or_default())
    }

    /// The next place at or after `at` where a frame could begin.
    pub fn find_magic(&mut self, mut at: u64) -> Result<Option<u64>, Errno> {
        loop {
            let bytes = self.at(at, CHUNK_BYTES)?;
            if bytes.len() < MAGIC.len() {
                return Ok(None);
            }
            if let Some(found) = memchr::memmem::find(bytes, &MAGIC) {
                return Ok(Some(at + found as u64));
            }
            at += (bytes.len() - MAGIC.len() + 1) as u64;
        }
    }
}
