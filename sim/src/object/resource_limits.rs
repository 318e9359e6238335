//! The limits of a process (`RLIMIT_…`): what it has at its start, and what it has set since.

use eagain_net::{Resource, Rlimit};

/// `/proc/sys/fs/nr_open`, which is the hard limit of descriptors, too.
pub(crate) const NR_OPEN: u64 = 1 << 20;
/// `_STK_LIM` is 8 MiB; threads here have stacks of this length.
const STACK_BYTES: u64 = 2 << 20;

/// The limits of a process.
pub(crate) struct ResourceLimits {
    /// Of [`Resource::Files`], as whoever started the process gave it.
    files: Rlimit,
    pending_signals: u64,
    /// What the process has set, the last of each resource.
    set: Vec<(Resource, Rlimit)>,
}

impl ResourceLimits {
    /// So many descriptors, which the process itself may raise up to Linux's default, and so many queued signals.
    pub fn new(files: usize, pending_signals: usize) -> ResourceLimits {
        let soft = files as u64;
        let files = Rlimit { soft, hard: soft.max(NR_OPEN) };
        ResourceLimits { files, pending_signals: pending_signals as u64, set: Vec::new() }
    }

    /// What the process had at its start of [`Resource::Files`].
    pub fn files_at_start(&self) -> Rlimit {
        self.files
    }

    /// From outside, as `ulimit -n` does it: what the process has set itself is gone.
    pub fn give_files(&mut self, limit: Rlimit) {
        self.files = limit;
        self.set.retain(|(of, _)| *of != Resource::Files);
    }

    pub fn get(&self, resource: Resource) -> Rlimit {
        let unlimited = Rlimit::INFINITY;
        let own = self.set.iter().find(|(of, _)| *of == resource);
        own.map_or_else(
            || match resource {
                Resource::Files => self.files,
                Resource::PendingSignals => Rlimit { soft: self.pending_signals, hard: self.pending_signals },
                Resource::Stack => Rlimit { soft: STACK_BYTES, hard: unlimited },
                Resource::Core => Rlimit { soft: 0, hard: unlimited },
                Resource::Locked => Rlimit { soft: 8 << 20, hard: 8 << 20 },
                Resource::MessageQueues => Rlimit { soft: 819_200, hard: 819_200 },
                Resource::Nice | Resource::RealtimePriority => Rlimit { soft: 0, hard: 0 },
                _ => Rlimit { soft: unlimited, hard: unlimited },
            },
            |(_, limit)| *limit,
        )
    }

    pub fn set(&mut self, resource: Resource, limit: Rlimit) {
        self.set.retain(|(of, _)| *of != resource);
        self.set.push((resource, limit));
    }
}
