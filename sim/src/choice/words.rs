//! The words that choices are made from: a stream of ChaCha8 for each object, drawn by the block, and what is known of a block
//! without asking: most choices of most runs give 0, and asking costs a comparison then.

use super::Distribution;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// The drawn words of one object, buffered by the block. Nothing is drawn before it is asked for, since most objects of
/// most runs ask for nothing.
#[derive(Default)]
pub struct Words {
    /// Hash of the group and the object.
    id: Option<u64>,
    pub(super) block: Option<Box<Block>>,
    zeros: KnownZeros,
    /// Where the overrides of the first lanes are, looked up once.
    pub(super) places: Option<Box<[Place; PLACES]>>,
}

/// So many lanes of an object remember where their overrides are; those of the swarm, which are asked once, do not.
const PLACES: usize = 8;

/// Where the overrides of a kind of choices by one object are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Place {
    #[default]
    NotLookedUp,
    /// There are none.
    Nowhere,
    /// This entry of `Choices::overrides`.
    At(u32),
}

/// How many 64-bit words are drawn at once: what ChaCha8 gives in one go.
pub(super) const BLOCK_WORDS: u64 = 32;

/// Numbers of blocks are below this one.
pub(super) const ERA: u64 = 1 << 26;

/// So many lanes of a step can be known to be 0 without being drawn.
pub(crate) const LANES: usize = 6;

/// What is known of the steps to come, which are asked for in their order: that those before `until` give 0 in every lane.
/// Most do, and asking costs a comparison then.
#[derive(Clone, Copy, Default)]
struct KnownZeros {
    until: u64,
    /// The [`Choices::era`](super::Choices::era) that it holds in.
    era: u64,
    looked_at: Looked,
}

/// One block that was looked at.
#[derive(Clone, Copy, Default)]
struct Looked {
    /// The number of the block, plus 1; 0: none.
    block: u64,
    /// A bit for each step that has a value other than 0 in some lane.
    nonzero: u32,
    /// The chances that this holds for, folded into one word.
    chances: u32,
}

pub(super) struct Block {
    /// Which block of the stream.
    pub(super) number: u64,
    pub(super) words: [u64; BLOCK_WORDS as usize],
}

impl Block {
    /// A bit for each step that has a value other than 0 in some lane, at these chances.
    fn nonzero(&self, chances: &[u32; LANES]) -> u32 {
        let mut nonzero = 0;
        for (lane, &chance) in chances.iter().enumerate().filter(|&(_, &chance)| chance != 0) {
            for (step, &word) in self.words.iter().enumerate() {
                let happens = Distribution::happens(lane_draw(word, lane as u64), chance);
                nonzero |= u32::from(happens) << step;
            }
        }
        nonzero
    }
}

/// The draw of a lane: the word itself for the first, else the finalizer of splitmix64 over word and lane.
#[inline]
pub(super) fn lane_draw(word: u64, lane: u64) -> u64 {
    if lane == 0 {
        return word;
    }
    splitmix(word.wrapping_add(lane.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The finalizer of splitmix64: every bit of the result depends on every bit of the word.
#[inline]
pub(crate) fn splitmix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

impl Words {
    /// Whether every lane of step `at` is known to give 0.
    #[inline(always)]
    pub(crate) fn is_known_zero(&self, at: u64, era: u64) -> bool {
        at < self.zeros.until && self.zeros.era == era
    }

    /// As [`Words::is_known_zero`], after a look at the block of step `at`, where it was drawn. Lane `i` gives something else than 0
    /// `chances[i]` times of 65,536; `sum` distinguishes these chances from others that the same words are asked with, and `era`
    /// ([`Choices::era`](super::Choices::era)) the block from one that was drawn before.
    #[cold]
    pub(crate) fn look(&mut self, at: u64, era: u64, chances: &[u32; LANES], sum: u32) -> bool {
        let number = at / BLOCK_WORDS + era;
        let known = &mut self.zeros.looked_at;
        if known.block != number + 1 || known.chances != sum {
            let Some(block) = self.block.as_ref().filter(|block| block.number == number) else {
                return false;
            };
            *known = Looked { block: number + 1, nonzero: block.nonzero(chances), chances: sum };
        }
        let step = at % BLOCK_WORDS;
        let zeros = (known.nonzero >> step).trailing_zeros();
        self.zeros.until = at + u64::from(zeros).min(BLOCK_WORDS - step);
        self.zeros.era = era;
        zeros > 0
    }

    /// All steps to come give 0 in every lane.
    pub(crate) fn set_known_zero(&mut self, era: u64) {
        self.zeros = KnownZeros { until: u64::MAX, era, ..self.zeros };
    }

    #[inline]
    pub(super) fn draw(&mut self, root: &ChaCha8Rng, at: u64, id: impl FnOnce() -> u64) -> u64 {
        let number = at / BLOCK_WORDS;
        match &self.block {
            Some(block) if block.number == number => block.words[(at % BLOCK_WORDS) as usize],
            _ => self.draw_block(root, number, id).words[(at % BLOCK_WORDS) as usize],
        }
    }

    #[cold]
    pub(super) fn draw_block(
        &mut self,
        root: &ChaCha8Rng,
        number: u64,
        id: impl FnOnce() -> u64,
    ) -> &mut Block {
        let id = *self.id.get_or_insert_with(id);
        let mut rng = root.clone();
        rng.set_stream(id);
        rng.set_word_pos(u128::from(number) * u128::from(BLOCK_WORDS) * 2);
        let block =
            self.block.get_or_insert_with(|| Box::new(Block { number, words: [0; BLOCK_WORDS as usize] }));
        block.number = number;
        let mut bytes = [0; BLOCK_WORDS as usize * 8];
        rng.fill_bytes(&mut bytes);
        for (word, bytes) in block.words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        block
    }
}
