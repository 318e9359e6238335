//! Consistent hashing: which server is for which key. Every server has many places on a ring of hashes; a key belongs to
//! the first place behind its own. One server more or less moves only the keys that have to move.

use crate::storage_unit::HashKey;

/// Places of one server; with so many the shares differ by a few percent.
const PLACES: u64 = 160;

/// The servers on their ring.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Ascending.
    places: Vec<(u64, usize)>,
    servers: usize,
}

/// The part of a key that decides: what is between the first braces, if that is anything (as in Redis Cluster).
pub fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    match memchr::memchr(b'}', &key[open + 1..]) {
        Some(length) if length > 0 => &key[open + 1..open + 1 + length],
        _ => key,
    }
}

/// The same everywhere, so that every logic server looks for a key in the same place.
fn hash(bytes: &[u8]) -> u64 {
    HashKey::new(0x6561_6761_696e_7269, 0x6e67).hash(bytes)
}

impl Ring {
    /// A ring of servers with these names, which decide where their places are.
    pub fn new(names: &[String]) -> Ring {
        let mut places = Vec::new();
        for (server, name) in names.iter().enumerate() {
            places.extend((0..PLACES).map(|place| (hash(format!("{name}#{place}").as_bytes()), server)));
        }
        places.sort_unstable();
        Ring { places, servers: names.len() }
    }

    /// The servers from the key's own on, in the order in which they take over for each other.
    pub fn walk(&self, key: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let own = self.places.partition_point(|&(place, _)| place < hash(tag(key)));
        let (before, behind) = self.places.split_at(own);
        let mut seen = vec![false; self.servers];
        behind
            .iter()
            .chain(before)
            .map(|&(_, server)| server)
            .filter(move |&server| !std::mem::replace(&mut seen[server], true))
    }

    /// The key's own server; there is one.
    pub fn owner(&self, key: &[u8]) -> usize {
        let own = self.places.partition_point(|&(place, _)| place < hash(tag(key)));
        self.places.get(own).or_else(|| self.places.first()).map_or(0, |&(_, server)| server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("10.0.0.{number}:6379")).collect()
    }

    #[test]
    fn keys_spread_and_few_move_when_a_server_comes() {
        let (three, four) = (Ring::new(&names(3)), Ring::new(&names(4)));
        let (mut shares, mut moved) = ([0; 3], 0);
        for number in 0..30_000 {
            let key = format!("key:{number}").into_bytes();
            shares[three.owner(&key)] += 1;
            assert_eq!(three.walk(&key).next(), Some(three.owner(&key)));
            if three.owner(&key) != four.owner(&key) {
                moved += 1;
                assert_eq!(four.owner(&key), 3, "keys move only to who has come");
            }
        }
        assert!(shares.iter().all(|share| (8_000..12_000).contains(share)), "{shares:?}");
        assert!((5_000..10_000).contains(&moved), "{moved}");
    }

    #[test]
    fn what_is_in_braces_decides() {
        let table: &[(&str, &str)] =
            &[("a", "a"), ("{a}b", "a"), ("x{a}{b}", "a"), ("{}a", "{}a"), ("{a", "{a"), ("a}b{c}", "c")];
        for (key, expected) in table {
            assert_eq!(tag(key.as_bytes()), expected.as_bytes());
        }
    }
}
