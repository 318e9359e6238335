//! The bytes of a file, in blocks that are there once something was written into them. What is durable is its neighbours'.

use std::collections::BTreeMap;

/// Bytes of a block.
const BLOCK: u64 = 4096;

/// Up to `len` bytes; where no block is, they are zeros. What a block has behind the end is zeros.
#[derive(Default)]
pub(crate) struct Contents {
    len: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK as usize]>>,
}

/// The parts of `len` bytes from `offset` on: the block, where in it, and from where to where in the bytes.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = offset + from as u64;
        let start = (at % BLOCK) as usize;
        let to = len.min(from + BLOCK as usize - start);
        let part = (from < len).then_some((at / BLOCK, start, from..to));
        from = to;
        part
    })
}

impl Contents {
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Copies from `offset` on; how much.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let n = self.len.saturating_sub(offset).min(buffer.len() as u64) as usize;
        for (block, start, range) in parts(offset, n) {
            let into = &mut buffer[range];
            match self.blocks.get(&block) {
                Some(block) => into.copy_from_slice(&block[start..start + into.len()]),
                None => into.fill(0),
            }
        }
        n
    }

    /// Writes at `offset`; the file reaches at least to the end of it.
    pub fn write(&mut self, bytes: &[u8], offset: u64) {
        self.len = self.len.max(offset + bytes.len() as u64);
        for (block, start, range) in parts(offset, bytes.len()) {
            let block = self.blocks.entry(block).or_insert_with(|| Box::new([0; BLOCK as usize]));
            block[start..start + range.len()].copy_from_slice(&bytes[range]);
        }
    }

    /// Cuts the file, or makes it larger by zeros that cost nothing.
    pub fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.blocks.split_off(&len.div_ceil(BLOCK));
            if let Some(last) = self.blocks.get_mut(&(len / BLOCK)) {
                last[(len % BLOCK) as usize..].fill(0);
            }
        }
        self.len = len;
    }
}
