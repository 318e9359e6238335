//! The bytes of a file, and what of them is durable.

use super::{Inode, LENGTH, SECTOR};

impl Inode {
    pub fn len(&self) -> u64 {
        self.data.len()
    }

    /// Copies from `offset` on; how much.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        self.data.read(buffer, offset)
    }

    /// Writes at `offset`; a gap before it is zeros.
    pub fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        if self.len() < offset {
            self.holes.push((self.len(), offset));
        }
        self.fill(offset, end);
        self.touch(offset.min(self.len()), end);
        self.data.write(bytes, offset);
    }

    /// Cuts the file, or fills it up with zeros.
    pub fn truncate(&mut self, len: u64) {
        let old = self.len();
        if len < old {
            self.touch(len, old);
            self.cut_holes(len);
        } else if len > old {
            self.holes.push((old, len));
            self.grown.get_or_insert((old, len)).1 = len;
            self.dirtied += 1;
            self.dirty.entry(LENGTH).or_insert((self.dirtied, Vec::new()));
        }
        self.data.set_len(len);
    }

    /// Bytes that take room.
    pub fn stored(&self) -> u64 {
        self.len() - self.holes.iter().map(|(from, to)| to - from).sum::<u64>()
    }

    /// What of `from..to` takes no room yet, in order.
    pub fn fresh(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let holes = self.holes.iter().map(move |hole| (hole.0.max(from), hole.1.min(to)));
        let behind = (self.len().max(from), to);
        holes.chain([behind]).filter(|(from, to)| from < to)
    }

    /// How many of so many bytes can be written at `from` when there is so much room.
    pub fn fits(&self, from: u64, bytes: usize, mut room: u64) -> usize {
        for (start, end) in self.fresh(from, from + bytes as u64) {
            if end - start > room {
                return (start + room - from) as usize;
            }
            room -= end - start;
        }
        bytes
    }

    /// These bytes take room from now on.
    fn fill(&mut self, from: u64, to: u64) {
        if self.holes.iter().all(|hole| hole.1 <= from || to <= hole.0) {
            return;
        }
        let holes = std::mem::take(&mut self.holes);
        let rests = |(start, end): (u64, u64)| [(start, end.min(from)), (start.max(to), end)];
        self.holes = holes.into_iter().flat_map(rests).filter(|(start, end)| start < end).collect();
    }

    fn cut_holes(&mut self, len: u64) {
        self.holes.retain_mut(|hole| {
            hole.1 = hole.1.min(len);
            hole.0 < hole.1
        });
    }

    /// The sectors of `from..to` are about to change: what the disk has there is kept.
    fn touch(&mut self, from: u64, to: u64) {
        let (mut sector, end) = (from / SECTOR, to.div_ceil(SECTOR));
        while sector < end {
            let known = self.past_hole(sector).min(end);
            if sector < known {
                sector = known;
                continue;
            }
            if !self.dirty.contains_key(&sector) {
                let old = self.lost.remove(&sector).unwrap_or_else(|| {
                    let mut old = vec![0; SECTOR as usize];
                    let n = self.data.read(&mut old, sector * SECTOR);
                    old.truncate(n);
                    old
                });
                self.dirtied += 1;
                self.dirty.insert(sector, (self.dirtied, old));
            }
            sector += 1;
        }
    }

    /// The next sector from this one on that is not a hole as a whole. A hole is not on the disk either, but for what a
    /// failed sync has left there.
    fn past_hole(&self, sector: u64) -> u64 {
        let (from, to) = (sector * SECTOR, sector * SECTOR + SECTOR);
        match self.holes.iter().find(|hole| hole.0 <= from && to <= hole.1) {
            Some(hole) => {
                let past = hole.1 / SECTOR;
                self.lost.range(sector..past).next().map_or(past, |(&lost, _)| lost)
            }
            None => sector,
        }
    }

    /// Everything written is durable, but for what an earlier sync has given up.
    pub fn sync(&mut self) {
        self.dirty.clear();
        self.grown = None;
        self.durable_len = self.len();
    }

    /// A sync fails and gives up what it should have written: programs go on seeing it, the disk never gets it.
    pub fn give_up(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        self.dirty.extend(dirty.remove_entry(&LENGTH));
        self.lost.extend(dirty.into_iter().map(|(sector, (_, old))| (sector, old)));
    }

    /// After a crash the sectors of `gone` have what the disk had before, and `len` is the length.
    pub fn revert(&mut self, gone: &[u64], len: u64) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.remove(&LENGTH);
        self.grown = None;
        let mut lost = std::mem::take(&mut self.lost);
        lost.extend(dirty.into_iter().filter(|(s, _)| gone.contains(s)).map(|(s, (_, old))| (s, old)));
        let seen = self.len();
        if seen < len {
            self.holes.push((seen, len));
        }
        for (sector, mut old) in lost {
            let start = sector * SECTOR;
            self.fill(start.max(seen), start + SECTOR);
            old.resize(SECTOR as usize, 0);
            self.data.write(&old, start);
        }
        self.data.set_len(len);
        self.cut_holes(len);
        self.durable_len = len;
    }
}
