//! SipHash-1-3 over bytes: a hash that a peer who does not know the key cannot steer, and that is the same on every
//! machine. The standard library has it, but only behind an interface that does not promise the algorithm.

/// The key of a hash table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKey {
    first: u64,
    second: u64,
}

impl HashKey {
    /// The key itself.
    pub fn new(first: u64, second: u64) -> Self {
        HashKey { first, second }
    }

    /// A key drawn from a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = crate::random::Random::new(seed);
        HashKey { first: random.next_u64(), second: random.next_u64() }
    }

    /// The hash of `bytes` under this key.
    #[inline]
    pub fn hash(self, bytes: &[u8]) -> u64 {
        let mut state = [
            self.first ^ 0x736f_6d65_7073_6575,
            self.second ^ 0x646f_7261_6e64_6f6d,
            self.first ^ 0x6c79_6765_6e65_7261,
            self.second ^ 0x7465_6462_7974_6573,
        ];
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            absorb(&mut state, u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        last[7] = bytes.len() as u8;
        absorb(&mut state, u64::from_le_bytes(last));
        state[2] ^= 0xff;
        for _ in 0..3 {
            round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

#[inline]
fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    state[0] ^= word;
}

#[inline]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hasher;

    /// The standard library's default hasher is SipHash-1-3 with the key (0, 0) today.
    #[test]
    fn agrees_with_the_standard_library_under_the_zero_key() {
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).collect();
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write(&bytes);
            assert_eq!(HashKey::new(0, 0).hash(&bytes), hasher.finish(), "length {length}");
        }
    }

    #[test]
    fn depends_on_the_key() {
        assert_ne!(HashKey::from_seed(1).hash(b"a"), HashKey::from_seed(2).hash(b"a"));
    }
}
