//! Provided buffers: a ring of entries that the kernel takes from (`io_uring_register_buf_ring(3)`), and the buffers
//! themselves, owned here until a completion names them.
//!
//! ```text
//!   entry 0          entry 1          …   entry 2^n - 1
//!   addr len id tail addr len id –        addr len id –      16 bytes each
//!            │    └─ u16, one for the ring: entries below it are the kernel's to take
//!            └─ comes back in the completion
//! ```

use crate::{BufferGroup, Errno, Result};
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering::Release};

/// As many buffers a group can hold at a time.
pub(super) const CAPACITY: u16 = 4096;

/// One group.
pub(super) struct Group {
    pub(super) id: BufferGroup,
    /// `CAPACITY` entries, page-aligned, read by the kernel until the ring is gone.
    entries: NonNull<BufRingEntry>,
    /// The next entry to fill, counted on and on; published in the first entry.
    tail: u16,
    /// The buffers inside, by their id.
    buffers: Vec<Option<Vec<u8>>>,
    /// How many of `buffers` are there; at most `CAPACITY`.
    inside: u16,
}

// SAFETY: the entries are owned by the group like a Box; the kernel's reading is not bound to a thread.
unsafe impl Send for Group {}

/// io_uring_register_buf_ring(3): the address has to be that of a page.
fn layout() -> Layout {
    let bytes = size_of::<BufRingEntry>() * usize::from(CAPACITY);
    match Layout::from_size_align(bytes, 4096) {
        Ok(layout) => layout,
        Err(_) => unreachable!("64 KiB, aligned to a page, is a layout"),
    }
}

impl Group {
    /// An empty one, not yet registered.
    pub(super) fn new(id: BufferGroup) -> Group {
        // SAFETY: the layout is not of size zero.
        let memory = unsafe { alloc_zeroed(layout()) };
        let Some(entries) = NonNull::new(memory.cast::<BufRingEntry>()) else { handle_alloc_error(layout()) };
        Group { id, entries, tail: 0, buffers: Vec::new(), inside: 0 }
    }

    /// Where the entries are, for the kernel.
    pub(super) fn address(&self) -> u64 {
        self.entries.as_ptr() as u64
    }

    /// Gives buffers to the kernel. `E2BIG`: more than fit. `EEXIST`: an id is inside already. On an error none was
    /// given, and all are freed.
    pub(super) fn provide(&mut self, buffers: Vec<Vec<u8>>, first_id: u16) -> Result<()> {
        let end = usize::from(first_id) + buffers.len();
        if end > usize::from(u16::MAX) + 1 || buffers.len() > usize::from(CAPACITY - self.inside) {
            return Err(Errno::E2BIG);
        }
        if self.buffers.iter().take(end).skip(usize::from(first_id)).any(Option::is_some) {
            return Err(Errno::EEXIST);
        }
        if self.buffers.len() < end {
            self.buffers.resize_with(end, || None);
        }
        for (buffer, id) in buffers.into_iter().zip(first_id..=u16::MAX) {
            self.give(buffer, id);
        }
        // SAFETY: the first entry is there, and its tail is a u16 that the kernel reads atomically.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries.as_ptr()).cast_mut()) };
        // Released: the entries below it are written before it is seen.
        tail.store(self.tail, Release);
        Ok(())
    }

    fn give(&mut self, mut buffer: Vec<u8>, id: u16) {
        let at = usize::from(self.tail & (CAPACITY - 1));
        // SAFETY: `at` is below CAPACITY; the entry was taken by the kernel long ago, since at most CAPACITY buffers
        // are inside, and is not read again before the tail passes it. Its last field, of the first entry the tail
        // itself, is not written.
        let entry = unsafe { &mut *self.entries.as_ptr().add(at) };
        entry.set_addr(buffer.as_mut_ptr() as u64);
        entry.set_len(u32::try_from(buffer.len()).unwrap_or(u32::MAX));
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        if let Some(slot) = self.buffers.get_mut(usize::from(id)) {
            *slot = Some(buffer);
            self.inside += 1;
        }
    }

    /// The buffer that the kernel has filled with `len` bytes, cut to them.
    pub(super) fn take(&mut self, id: u16, len: usize) -> Option<Vec<u8>> {
        let mut buffer = self.buffers.get_mut(usize::from(id))?.take()?;
        self.inside -= 1;
        buffer.truncate(len);
        Some(buffer)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new`. Whoever drops a group has seen to it that the kernel no longer
        // reads it (see `LinuxRing::drop`).
        unsafe { dealloc(self.entries.as_ptr().cast(), layout()) };
    }
}
