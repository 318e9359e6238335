//! Making room: when memory is over its bound, keys go, chosen as Redis chooses them (`evict.c`): the one that was
//! not used for longest among a few drawn at random. The draw comes from a handed-in stream of numbers.

use super::databases::Databases;
use super::keyspace::Found;
use crate::names::name_of;
use crate::random::Random;

/// Who has to go (`maxmemory-policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// Nobody; commands that need memory are refused.
    #[default]
    NoEviction,
    /// Whoever was not used for longest.
    AllKeysLru,
    /// Whoever has an end and was not used for longest.
    VolatileLru,
    /// Anybody.
    AllKeysRandom,
    /// Anybody who has an end.
    VolatileRandom,
    /// Whoever ends first.
    VolatileTtl,
}

impl EvictionPolicy {
    /// All of them, with the names that Redis gives them.
    pub const NAMES: [(&'static str, EvictionPolicy); 6] = [
        ("noeviction", EvictionPolicy::NoEviction),
        ("allkeys-lru", EvictionPolicy::AllKeysLru),
        ("volatile-lru", EvictionPolicy::VolatileLru),
        ("allkeys-random", EvictionPolicy::AllKeysRandom),
        ("volatile-random", EvictionPolicy::VolatileRandom),
        ("volatile-ttl", EvictionPolicy::VolatileTtl),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }

    fn only_volatile(self) -> bool {
        matches!(
            self,
            EvictionPolicy::VolatileLru | EvictionPolicy::VolatileRandom | EvictionPolicy::VolatileTtl
        )
    }
}

/// Keys that are compared before one goes (Redis: `maxmemory-samples`).
const SAMPLES: usize = 5;
/// Draws that may hit keys without an end before a policy for those with one gives up.
const DRAWS_MAX: usize = 1000;

/// Evicts until no more than `bytes_max` are used; whether that was possible.
pub fn make_room(
    databases: &mut Databases,
    bytes_max: usize,
    policy: EvictionPolicy,
    random: &mut Random,
) -> bool {
    while databases.used_bytes() > bytes_max {
        let Some((database, found)) = choose(databases, policy, random) else {
            return false;
        };
        databases.at(database).evict(found);
    }
    true
}

fn choose(databases: &mut Databases, policy: EvictionPolicy, random: &mut Random) -> Option<(usize, Found)> {
    if policy == EvictionPolicy::NoEviction {
        return None;
    }
    let (mut best, mut sampled) = (None, 0);
    for _ in 0..DRAWS_MAX {
        let total: usize = databases.iter().map(|keyspace| keyspace.len()).sum();
        if total == 0 {
            return None;
        }
        let mut position = random.below(total);
        for number in 0..databases.count() {
            let keyspace = databases.at(number);
            if position >= keyspace.len() {
                position -= keyspace.len();
                continue;
            }
            let (found, _) = keyspace.at(position);
            let end = keyspace.expires_at_ms(found);
            if policy.only_volatile() && end.is_none() {
                break;
            }
            let rank = match policy {
                EvictionPolicy::VolatileTtl => end.unwrap_or(u64::MAX),
                EvictionPolicy::AllKeysRandom | EvictionPolicy::VolatileRandom => 0,
                _ => keyspace.accessed_ms(found),
            };
            if best.is_none_or(|(least, _, _)| rank < least) {
                best = Some((rank, number, found));
            }
            sampled += 1;
            break;
        }
        if sampled >= SAMPLES {
            break;
        }
    }
    best.map(|(_, number, found)| (number, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_unit::keyspace::Lifetime;
    use crate::storage_unit::{HashKey, Value};

    fn filled() -> Databases {
        let mut databases = Databases::new(2, HashKey::from_seed(1));
        for number in 0..200u64 {
            let lifetime =
                if number % 2 == 0 { Lifetime::Forever } else { Lifetime::Until(1_000_000 + number) };
            let key = format!("key-{number}");
            databases.at(number as usize % 2).set(
                key.as_bytes(),
                Value::string(&[b'x'; 100]),
                lifetime,
                number,
            );
        }
        databases
    }

    #[test]
    fn room_is_made_as_far_as_the_policy_allows() {
        let table = [
            (EvictionPolicy::NoEviction, false),
            (EvictionPolicy::AllKeysLru, true),
            (EvictionPolicy::AllKeysRandom, true),
            (EvictionPolicy::VolatileLru, true),
            (EvictionPolicy::VolatileRandom, true),
            (EvictionPolicy::VolatileTtl, true),
        ];
        for (policy, possible) in table {
            let mut databases = filled();
            let bound = databases.used_bytes() * 3 / 4;
            assert_eq!(make_room(&mut databases, bound, policy, &mut Random::new(1)), possible, "{policy:?}");
            assert_eq!(databases.used_bytes() <= bound, possible);
            if policy.only_volatile() {
                assert_eq!(databases.at(0).len(), 100, "keys without an end stay");
            }
        }
    }

    #[test]
    fn the_same_seed_evicts_the_same_keys() {
        let left = |seed| {
            let mut databases = filled();
            make_room(&mut databases, 5000, EvictionPolicy::AllKeysLru, &mut Random::new(seed));
            databases.at(0).iter(0).map(|(key, _)| key.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(left(3), left(3));
    }
}
