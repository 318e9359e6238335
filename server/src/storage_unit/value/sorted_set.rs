//! A sorted set: different strings, each with a score, in the order of scores and, where those are equal, of the strings.
//!
//! A table has each member with its score; beside it a [`Sequence`] has the members' places in the table in order. So a
//! member lies in memory once, and its rank, or the member at a rank, takes a logarithm of steps to find.

use super::sequence::Sequence;
use crate::storage_unit::bytes::SmallBytes;
use crate::storage_unit::sip_hash::HashKey;
use crate::storage_unit::table::Table;
use std::cmp::Ordering;
use std::ops::Range;

/// From here on it counts as large (Redis: `zset-max-listpack-entries`, `zset-max-listpack-value`).
const SMALL_MEMBERS_MAX: usize = 128;
const SMALL_BYTES_MAX: usize = 64;
/// What a member costs in the sequence, whose leaves are three quarters full on average.
const ORDER_BYTES_PER_MEMBER: usize = 6;

/// Strings with scores.
#[derive(Clone, Debug)]
pub struct SortedSet {
    /// No score is NaN.
    members: Table<f64>,
    /// Positions in `members`.
    order: Sequence,
    members_heap_bytes: usize,
    is_large: bool,
}

/// Scores first; 0 and -0 are equal.
fn compare(left: (f64, &[u8]), right: (f64, &[u8])) -> Ordering {
    left.0.partial_cmp(&right.0).unwrap_or(Ordering::Equal).then_with(|| left.1.cmp(right.1))
}

impl SortedSet {
    /// A sorted set without members.
    pub fn new(hash_key: HashKey) -> Self {
        SortedSet {
            members: Table::new(hash_key),
            order: Sequence::default(),
            members_heap_bytes: 0,
            is_large: false,
        }
    }

    /// The members with their scores, in no order. Changes go through the methods here.
    pub fn members(&self) -> &Table<f64> {
        &self.members
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether it has, or once had, more or longer members than a small one may have.
    pub fn is_large(&self) -> bool {
        self.is_large
    }

    /// What `OBJECT ENCODING` says.
    pub fn encoding_name(&self) -> &'static str {
        if self.is_large { "skiplist" } else { "listpack" }
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.members.get(member).copied()
    }

    /// The rank of a member, from 0.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        self.members.find(member).map(|at| self.rank_of(at))
    }

    /// How many members are at the front for which `is_before` holds; after them it must hold for none.
    pub fn partition_point(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> usize {
        self.order.partition_point(|at| {
            let (member, score) = self.member_at(at);
            is_before(score, member)
        })
    }

    /// The members at these ranks, which must exist, with their scores.
    pub fn range(
        &self,
        ranks: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (&SmallBytes, f64)> + ExactSizeIterator {
        self.order.range(ranks).into_iter().map(|at| self.member_at(at))
    }

    /// Gives a member a score, which must be a number; the score that it had. A zero loses its sign, as in Redis.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan(), "a score without an order");
        let score = score + 0.0;
        let place =
            |set: &Self| set.partition_point(|other, name| compare((other, name), (score, member)).is_lt());
        if let Some(at) = self.members.find(member) {
            let old = *self.members.value_at(at);
            if old != score {
                let number = self.order.remove(self.rank_of(at));
                self.order.insert(place(self), number);
            }
            *self.members.value_at_mut(at) = score;
            return Some(old);
        }
        let rank = place(self);
        let (at, _) = self.members.find_or_insert(member, || score);
        self.order.insert(rank, at as u32);
        self.members_heap_bytes += self.members.key_at(at).heap_bytes();
        self.is_large |= self.len() > SMALL_MEMBERS_MAX || member.len() > SMALL_BYTES_MAX;
        None
    }

    /// Removes a member; the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.members.find(member)?;
        Some(self.remove_at(at, self.rank_of(at)).1)
    }

    /// Removes the member at a rank, which must exist.
    pub fn remove_rank(&mut self, rank: usize) -> (SmallBytes, f64) {
        self.remove_at(self.order.at(rank) as usize, rank)
    }

    fn remove_at(&mut self, at: usize, rank: usize) -> (SmallBytes, f64) {
        let last = self.len() - 1;
        if at != last {
            // The table's last entry is about to move to the gap.
            self.order.replace(self.rank_of(last), at as u32);
        }
        self.order.remove(rank);
        let (member, score) = self.members.remove_at(at);
        self.members_heap_bytes -= member.heap_bytes();
        (member, score)
    }

    fn member_at(&self, at: u32) -> (&SmallBytes, f64) {
        (self.members.key_at(at as usize), *self.members.value_at(at as usize))
    }

    fn rank_of(&self, at: usize) -> usize {
        let (member, score) = self.member_at(at as u32);
        self.partition_point(|other, name| compare((other, name), (score, member)).is_lt())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let per_member = Table::<f64>::BYTES_PER_ENTRY + ORDER_BYTES_PER_MEMBER;
        size_of::<SortedSet>() + self.len() * per_member + self.members_heap_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(model: &std::collections::BTreeMap<Vec<u8>, i8>) -> Vec<(i8, Vec<u8>)> {
        let mut all: Vec<_> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
        all.sort();
        all
    }

    proptest! {
        #[test]
        fn is_a_sorted_map(steps in proptest::collection::vec((0u8..4, any::<u8>(), -3i8..4), 0..600)) {
            let mut set = SortedSet::new(HashKey::from_seed(1));
            let mut model = std::collections::BTreeMap::new();
            for (step, number, score) in steps {
                // Some members lie in the table and some are boxed.
                let member = number.to_string().repeat(1 + usize::from(number % 12)).into_bytes();
                if step > 0 {
                    let old = set.insert(&member, score.into());
                    prop_assert_eq!(old, model.insert(member, score).map(f64::from));
                } else {
                    prop_assert_eq!(set.remove(&member), model.remove(&member).map(f64::from));
                }
            }
            let expected = sorted(&model);
            let all: Vec<_> = set.range(0..set.len()).map(|(member, score)| (score as i8, member.to_vec())).collect();
            prop_assert_eq!(&all, &expected);
            for (rank, (score, member)) in expected.iter().enumerate() {
                prop_assert_eq!(set.rank(member), Some(rank));
                prop_assert_eq!(set.score(member), Some(f64::from(*score)));
            }
            while !set.is_empty() {
                let (member, _) = set.remove_rank(set.len() / 2);
                model.remove(&member.to_vec());
                prop_assert_eq!(set.len(), model.len());
            }
            prop_assert_eq!(set.members_heap_bytes, 0);
        }
    }

    #[test]
    fn zero_has_one_place_whatever_its_sign() {
        let mut set = SortedSet::new(HashKey::from_seed(1));
        set.insert(b"b", 0.0);
        set.insert(b"a", -0.0);
        set.insert(b"b", -0.0);
        assert_eq!((set.rank(b"a"), set.rank(b"b")), (Some(0), Some(1)));
    }
}
