//! `pipe(7)`: bytes in pages, as the kernel keeps them, which decides how much fits.

use crate::NONE;
use eagain_net::{Errno, Result};
use std::collections::VecDeque;

/// `PIPE_DEF_BUFFERS`: how many pages a new one has.
const PAGES_MAX: usize = 16;
/// `PAGE_SIZE`, which is also `PIPE_BUF`.
const PAGE: usize = 4096;

/// A page: its first `read` bytes are read already.
struct Page {
    bytes: Vec<u8>,
    read: usize,
}

/// What an open file of a pipe is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PipeEnd {
    Reader,
    Writer,
    /// A FIFO that was opened with `O_RDWR`.
    Both,
}

impl PipeEnd {
    pub fn reads(self) -> bool {
        self != PipeEnd::Writer
    }

    pub fn writes(self) -> bool {
        self != PipeEnd::Reader
    }
}

/// A pipe.
pub(crate) struct Pipe {
    pages: VecDeque<Page>,
    /// How many there may be.
    most: usize,
    /// The open files of its ends, of which only a FIFO has several, and how often it was opened for either.
    readers: Vec<u32>,
    writers: Vec<u32>,
    read_opens: u32,
    write_opens: u32,
    /// The host and the inode of a FIFO.
    name: Option<(u32, u32)>,
    /// The threads that last read and wrote it, or `NONE`.
    read_by: u32,
    written_by: u32,
}

impl Pipe {
    /// `name`: the host and the inode of a FIFO.
    pub fn new(name: Option<(u32, u32)>) -> Pipe {
        Pipe {
            pages: VecDeque::new(),
            most: PAGES_MAX,
            readers: Vec::new(),
            writers: Vec::new(),
            read_opens: 0,
            write_opens: 0,
            name,
            read_by: NONE,
            written_by: NONE,
        }
    }

    /// An open file of it more.
    pub fn opened(&mut self, file: u32, end: PipeEnd) {
        if end.reads() {
            self.readers.push(file);
            self.read_opens = self.read_opens.wrapping_add(1);
        }
        if end.writes() {
            self.writers.push(file);
            self.write_opens = self.write_opens.wrapping_add(1);
        }
    }

    /// An open file of it less.
    pub fn closed(&mut self, file: u32) {
        self.readers.retain(|&other| other != file);
        self.writers.retain(|&other| other != file);
    }

    pub fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    pub fn has_writers(&self) -> bool {
        !self.writers.is_empty()
    }

    /// The open files of one of its ends.
    pub fn files(&self, end: PipeEnd) -> &[u32] {
        if end == PipeEnd::Reader { &self.readers } else { &self.writers }
    }

    /// How often one of its ends was opened.
    pub fn opens(&self, end: PipeEnd) -> u32 {
        if end == PipeEnd::Reader { self.read_opens } else { self.write_opens }
    }

    /// The host and the inode of a FIFO.
    pub fn name(&self) -> Option<(u32, u32)> {
        self.name
    }

    /// `thread` has read; the one that wrote last, or `NONE`.
    pub fn read_by(&mut self, thread: u32) -> u32 {
        self.read_by = thread;
        self.written_by
    }

    /// `thread` has written; the one that read last, or `NONE`.
    pub fn written_by(&mut self, thread: u32) -> u32 {
        self.written_by = thread;
        self.read_by
    }

    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.pages.len() >= self.most
    }

    /// `F_GETPIPE_SZ`, in bytes.
    pub fn size(&self) -> usize {
        self.most * PAGE
    }

    /// `F_SETPIPE_SZ`: room for as many pages as `bytes` take, a power of two (`round_pipe_size`, for a process that may exceed
    /// `pipe-max-size`). `EINVAL` above 2 GiB, `EBUSY` below what is in it.
    pub fn resize(&mut self, bytes: u64) -> Result<()> {
        if bytes > 1 << 31 {
            return Err(Errno::EINVAL);
        }
        let most = bytes.next_power_of_two() as usize / PAGE;
        if most.max(1) < self.pages.len() {
            return Err(Errno::EBUSY);
        }
        self.most = most.max(1);
        Ok(())
    }

    /// Bytes that can be read.
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.bytes.len() - page.read).sum()
    }

    /// Writes what fits (`anon_pipe_write`); `first`: nothing of this call is written yet, so that what is left over behind
    /// whole pages may go into the last page.
    pub fn write(&mut self, bytes: &[u8], first: bool) -> usize {
        let mut rest = bytes;
        let over = rest.len() % PAGE;
        if let Some(last) = self.pages.back_mut()
            && first
            && over > 0
            && last.bytes.len() + over <= PAGE
        {
            last.bytes.extend_from_slice(&rest[..over]);
            rest = &rest[over..];
        }
        while !rest.is_empty() && !self.is_full() {
            let (page, behind) = rest.split_at(rest.len().min(PAGE));
            self.pages.push_back(Page { bytes: page.to_vec(), read: 0 });
            rest = behind;
        }
        bytes.len() - rest.len()
    }

    /// Reads what there is; how much, and whether there is room for a writer who found none.
    pub fn read(&mut self, buffer: &mut [u8]) -> (usize, bool) {
        let (mut n, mut room) = (0, false);
        while n < buffer.len()
            && let Some(page) = self.pages.front_mut()
        {
            let take = (page.bytes.len() - page.read).min(buffer.len() - n);
            buffer[n..n + take].copy_from_slice(&page.bytes[page.read..page.read + take]);
            n += take;
            page.read += take;
            if page.read == page.bytes.len() {
                room |= self.is_full();
                self.pages.pop_front();
            }
        }
        (n, room)
    }
}
