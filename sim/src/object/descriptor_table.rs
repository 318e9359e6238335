//! The descriptors of a process: which number refers to which open file, under a limit, and full for a while where the
//! family `fd.limit` makes it so.

use eagain_net::{Errno, Fd, Result};

/// A descriptor table. Invariant: every number below `lowest_free` is taken or reserved.
pub(crate) struct DescriptorTable {
    files: Vec<Option<u32>>,
    lowest_free: usize,
    /// Numbers that refer to nothing yet, and that calls under way will return.
    reserved: Vec<usize>,
    /// `RLIMIT_NOFILE`.
    limit: usize,
    /// Until when it counts as full, and the event of the fault that makes it so.
    full_until: u64,
    full_event: u64,
    /// Counts what was installed.
    installed: u64,
}

impl DescriptorTable {
    pub fn new(limit: usize) -> DescriptorTable {
        DescriptorTable {
            files: Vec::new(),
            lowest_free: 0,
            reserved: Vec::new(),
            limit,
            full_until: 0,
            full_event: 0,
            installed: 0,
        }
    }

    /// `RLIMIT_NOFILE`.
    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn set_limit(&mut self, limit: u64) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
    }

    /// The open file of a descriptor.
    #[inline(always)]
    pub fn get(&self, fd: Fd) -> Option<u32> {
        usize::try_from(fd.0).ok().and_then(|at| self.files.get(at)).copied().flatten()
    }

    /// The open files, by number.
    pub fn files(&self) -> impl Iterator<Item = u32> {
        self.files.iter().flatten().copied()
    }

    /// How many numbers the table has room for: more than the highest that was ever taken.
    pub fn size(&self) -> usize {
        self.files.len()
    }

    /// Counts as full until then, for `event`; `false`: it does already.
    pub fn fill(&mut self, now: u64, full_for: u64) -> bool {
        let full = now < self.full_until;
        if !full {
            self.full_until = now + full_for;
        }
        !full
    }

    /// The event that [`DescriptorTable::fill`] was recorded as.
    pub fn filled_by(&mut self, event: u64) {
        self.full_event = event;
    }

    /// Whether a number is free; where the table counts as full, the event of the fault that made it so.
    pub fn check_free(&mut self, now: u64) -> Result<(), Option<u64>> {
        if now < self.full_until {
            return Err(Some(self.full_event));
        }
        self.lowest_free = self.first_free();
        if self.lowest_free >= self.limit { Err(None) } else { Ok(()) }
    }

    /// Whether a second number is free, after [`DescriptorTable::check_free`].
    pub fn has_two_free(&self) -> bool {
        self.first_free_from(self.lowest_free + 1) < self.limit
    }

    /// The lowest free number, made to refer to `file`.
    pub fn install(&mut self, file: u32) -> Fd {
        let at = self.take_lowest();
        self.files[at] = Some(file);
        self.installed += 1;
        Fd(at as i32)
    }

    /// The lowest free number, kept for a call under way (`get_unused_fd_flags`).
    pub fn reserve(&mut self) -> Fd {
        let at = self.take_lowest();
        self.reserved.push(at);
        Fd(at as i32)
    }

    /// Whether a call under way will return this number.
    pub fn is_reserved(&self, fd: Fd) -> bool {
        self.reserved.contains(&(fd.0 as usize))
    }

    /// A reserved number is free again, or about to be installed.
    pub fn unreserve(&mut self, fd: Fd) {
        let at = fd.0 as usize;
        self.reserved.retain(|&reserved| reserved != at);
        self.lowest_free = self.lowest_free.min(at);
    }

    /// Makes a reserved number refer to `file`.
    pub fn install_reserved(&mut self, fd: Fd, file: u32) {
        self.reserved.retain(|&reserved| reserved != fd.0 as usize);
        self.files[fd.0 as usize] = Some(file);
        self.installed += 1;
    }

    fn take_lowest(&mut self) -> usize {
        let at = self.first_free();
        self.lowest_free = at + 1;
        if self.files.len() <= at {
            self.files.resize(at + 1, None);
        }
        at
    }

    /// The lowest free number from `least` on, below the limit.
    pub fn free_from(&self, least: usize) -> Option<Fd> {
        let at = self.first_free_from(least.max(self.lowest_free));
        (at < self.limit).then_some(Fd(at as i32))
    }

    /// Makes a number, which is no negative one, refer to `file`; the file that it referred to.
    pub fn install_at(&mut self, fd: Fd, file: u32) -> Option<u32> {
        let at = fd.0 as usize;
        if self.files.len() <= at {
            self.files.resize(at + 1, None);
        }
        self.installed += 1;
        self.files[at].replace(file)
    }

    /// How many files it ever was given.
    pub fn installed(&self) -> u64 {
        self.installed
    }

    /// Frees a number; the file that it referred to.
    pub fn remove(&mut self, fd: Fd) -> Result<u32> {
        let at = usize::try_from(fd.0).map_err(|_| Errno::EBADF)?;
        let file = self.files.get_mut(at).and_then(Option::take).ok_or(Errno::EBADF)?;
        self.lowest_free = self.lowest_free.min(at);
        Ok(file)
    }

    /// Closes all; the files that they referred to.
    pub fn take_all(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.files).into_iter().flatten().collect()
    }

    fn first_free(&self) -> usize {
        self.first_free_from(self.lowest_free)
    }

    fn first_free_from(&self, from: usize) -> usize {
        let is_free = |&at: &usize| self.files[at].is_none() && !self.reserved.contains(&at);
        (from..self.files.len()).find(is_free).unwrap_or(self.files.len().max(from))
    }
}
