//! The running hash of a run. It stores nothing, is always on, and is the run's identity: two runs are the same
//! exactly when their hashes are. Format 1; a change of the words or of their order is another format.

/// The version of the event words that go into the hash.
pub const FORMAT: u32 = 1;

/// Folds fixed-width words, two at a time, by a 64 x 64 -> 128 bit multiplication.
#[derive(Clone, Copy, Debug)]
pub struct TraceHash(u64);

const K0: u64 = 0xa076_1d64_78bd_642f;
const K1: u64 = 0xe703_7ed1_a0b4_28db;

#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Default for TraceHash {
    fn default() -> TraceHash {
        TraceHash(u64::from(FORMAT))
    }
}

impl TraceHash {
    /// Folds two words in.
    #[inline]
    pub fn words(&mut self, a: u64, b: u64) {
        self.0 = mix(self.0 ^ a ^ K0, b ^ K1).wrapping_add(self.0.rotate_left(23));
    }

    /// Folds bytes in, with their length.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let mut low = self.0;
        let mut high = bytes.len() as u64;
        let mut blocks = bytes.chunks_exact(32);
        let word = |chunk: &[u8], at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&chunk[at..at + 8]);
            u64::from_le_bytes(word)
        };
        for block in &mut blocks {
            low = mix(low ^ word(block, 0) ^ K0, word(block, 8) ^ K1);
            high = mix(high ^ word(block, 16) ^ K1, word(block, 24) ^ K0);
        }
        for chunk in blocks.remainder().chunks(8) {
            let mut last = [0; 8];
            last[..chunk.len()].copy_from_slice(chunk);
            low = mix(low ^ u64::from_le_bytes(last) ^ K0, high ^ K1);
        }
        self.words(low, high);
    }

    /// The hash so far.
    pub fn value(self) -> u64 {
        mix(self.0 ^ K1, K0)
    }
}
