//! What is left of a disk after its host has crashed: all that was synced, and of the rest what the choices leave.

use super::{Disk, Inode, LENGTH, SECTOR};
use crate::choice::{Distribution, Domain, Once, Stream};
use crate::fault::Family;
use crate::run::Run;

/// Which of the unsynced sectors or names are gone.
const GONE: Domain = Domain("disk.gone");

/// How much of what is not durable a crash leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// All of it got to the disk in time.
    Nothing,
    /// All of it is gone.
    Everything,
    /// The last of it is gone: a torn write.
    Tail,
    /// Some of it is: the disk had written in another order.
    Some,
}

/// Chooses which of `count` things, in the order in which they were made, are gone.
fn choose_gone(run: &mut Run, name: &str, count: usize) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let loss = run.draw(Family::DiskTorn, Once, || name.to_owned());
    let loss = [Loss::Nothing, Loss::Everything, Loss::Tail, Loss::Some][loss.min(3) as usize];
    match loss {
        Loss::Nothing => Vec::new(),
        Loss::Everything => (0..count).collect(),
        Loss::Tail => {
            let tail = run.choose_once(GONE, name, Distribution::uniform(0, count as u64)) as usize;
            (count - tail.min(count)..count).collect()
        }
        Loss::Some => {
            let mut stream = Stream::default();
            let mut gone = Vec::new();
            for start in (0..count).step_by(32) {
                let bits = Distribution::uniform(0, u64::from(u32::MAX));
                let bits = run.choose(&mut stream, GONE, bits, || name.to_owned());
                gone.extend((start..count.min(start + 32)).filter(|at| bits >> (at - start) & 1 == 1));
            }
            gone
        }
    }
}

impl Disk {
    /// The host has crashed. Returns how many sectors and names are gone. `ordered`: a file was made longer only once its data was
    /// written.
    pub fn crash(&mut self, run: &mut Run, host: &str, ordered: bool) -> u64 {
        self.crashes += 1;
        let crash = self.crashes;
        let mut gone_in_all = 0;
        for (_, inode) in &mut self.inodes {
            inode.opens = 0;
            inode.errors = 0;
            inode.error_reported = true;
            if inode.directory.is_some() || inode.dirty.is_empty() && inode.lost.is_empty() {
                inode.durable_len = inode.len();
                continue;
            }
            let mut order: Vec<(u64, u64)> = inode.dirty.iter().map(|(&s, &(at, _))| (at, s)).collect();
            order.sort_unstable();
            let name = format!("{}@{crash}", inode.name);
            let gone = choose_gone(run, &name, order.len());
            let mut gone: Vec<u64> = gone.into_iter().map(|at| order[at].1).collect();
            if ordered {
                lose_what_follows(inode, &mut gone);
            }
            gone_in_all += gone.len() as u64;
            let len = length_after(inode, &gone);
            inode.revert(&gone, len);
        }
        let name = format!("{host}:names@{crash}");
        let gone = choose_gone(run, &name, self.changes.len());
        gone_in_all += gone.len() as u64;
        for (at, change) in std::mem::take(&mut self.changes).into_iter().enumerate() {
            if !gone.contains(&at) {
                self.make_durable(change);
            }
        }
        self.forget_cache();
        gone_in_all
    }

    /// What is seen from now on is what is durable.
    fn forget_cache(&mut self) {
        let mut links = vec![0; self.inodes.capacity() + 1];
        for (_, inode) in &mut self.inodes {
            if let Some(d) = &mut inode.directory {
                d.now = d.durable.clone();
                d.now.values().for_each(|&to| links[to as usize] += 1);
            }
        }
        for (at, inode) in &mut self.inodes {
            inode.links = links[at] + u32::from(at == 0);
        }
        self.collect();
        self.used = self.inodes.iter().filter(|(_, i)| i.links > 0).map(|(_, i)| i.stored()).sum();
        (self.full_until, self.room) = (0, 0);
    }
}

/// Where a sector that made the file longer is gone, all behind it is.
fn lose_what_follows(inode: &Inode, gone: &mut Vec<u64>) {
    let grew = |sector: &u64| *sector != LENGTH && (sector + 1) * SECTOR > inode.durable_len;
    if let Some(first) = gone.iter().copied().filter(grew).min() {
        gone.retain(|sector| !grew(sector));
        gone.extend(inode.dirty.range(first..LENGTH).map(|(sector, _)| *sector));
    }
}

/// The length of a file of which these unsynced sectors are gone: as far as it is durable, or a later sector was kept. A
/// journal keeps changes of the length in order: where one is gone, no later write has made the file longer.
fn length_after(inode: &Inode, gone: &[u64]) -> u64 {
    if gone.is_empty() {
        return inode.len();
    }
    let kept = inode.dirty.keys().filter(|sector| **sector != LENGTH && !gone.contains(sector)).max();
    let reach = kept.map_or(0, |sector| ((sector + 1) * SECTOR).min(inode.len()));
    let reach = match inode.grown {
        Some((from, _)) if gone.contains(&LENGTH) => reach.min(from),
        Some((_, to)) => reach.max(to.min(inode.len())),
        None => reach,
    };
    inode.durable_len.max(reach)
}
