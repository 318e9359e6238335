//! From 64 drawn bits to a value, in integers only: floating point differs between machines.

/// How likely a value is. 0 is always possible and always means that nothing goes wrong; a smaller value is a milder fault, so
/// that shrinking lowers values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Distribution {
    /// How often the value is not 0, of 65,536.
    chance: u32,
    low: u64,
    high: u64,
    logarithmic: bool,
}

impl Distribution {
    /// Always `low` to `high`, each equally likely. With `low` 0 the benign value is one of them.
    pub const fn uniform(low: u64, high: u64) -> Distribution {
        Distribution { chance: 65_536, low, high, logarithmic: false }
    }

    /// 0, but `chance` times of 65,536 a value from `low` to `high`, each equally likely.
    pub const fn rarely(chance: u32, low: u64, high: u64) -> Distribution {
        Distribution { chance, low, high, logarithmic: false }
    }

    /// 0, but `chance` times of 65,536 a value from `low` to `high`, each order of magnitude (of two) equally likely.
    pub const fn rarely_log(chance: u32, low: u64, high: u64) -> Distribution {
        Distribution { chance, low, high, logarithmic: true }
    }

    /// How often, of 65,536, the value is not 0.
    #[inline]
    pub(crate) const fn chance(self) -> u32 {
        self.chance
    }

    /// Whether these bits stand for a value that is not 0, at this chance.
    #[inline]
    pub(crate) const fn happens(draw: u64, chance: u32) -> bool {
        ((draw & 0xffff) as u32) < chance
    }

    /// The value that these bits stand for: 16 of them decide whether, the others how much.
    #[inline]
    pub fn value(self, draw: u64) -> u64 {
        if !Distribution::happens(draw, self.chance) {
            return 0;
        }
        let bits = draw >> 16;
        if self.logarithmic { self.log_value(bits) } else { scale(bits, 48, self.low, self.high) }
    }

    /// What a value that was recorded comes to where the choice has this range now.
    pub(crate) fn within(self, value: u64) -> u64 {
        value.min(self.high)
    }

    fn log_value(self, bits: u64) -> u64 {
        let (from, to) = (self.low.max(1).ilog2(), self.high.max(1).ilog2());
        let magnitude = from + (bits & 0xff) as u32 * (to - from + 1) / 256;
        let low = (1_u64 << magnitude).max(self.low);
        let high = (1_u64 << magnitude).saturating_mul(2).saturating_sub(1).min(self.high);
        scale(bits >> 8, 40, low, high)
    }
}

/// Maps `width` bits onto `low..=high` by multiplication.
fn scale(bits: u64, width: u32, low: u64, high: u64) -> u64 {
    if high <= low {
        return low;
    }
    let span = u128::from(high - low) + 1;
    low + ((u128::from(bits) * span) >> width) as u64
}
