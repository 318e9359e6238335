//! The statics of each process of a world, and whose are in place.
//!
//! Few of them are ever written (std's cache of symbols alone is more than half of a small program's). What goes from process to
//! process is what any process was seen to have written in this worker; all else is as before any code ran, and is compared with that
//! each time that a process is left, so that nothing is missed.

use super::{Piece, WITH_LIBC, cells, is_with_libc, pieces};
use std::cell::{Cell, RefCell};
use std::ffi::c_char;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

/// What is written is noted by pieces of so many bytes.
const LINE: usize = 64;
/// Less than that between two of them goes along: a comparison of its own would take longer.
const GAP: usize = 4 * LINE;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// The statics of one process, as far as processes write them; of the harness: all.
#[derive(Default)]
struct Image {
    bytes: Vec<u8>,
    /// libc's own variable, not the executable's: it belongs to the process all the same.
    environment: usize,
}

impl Image {
    #[inline(always)]
    fn take<'a>(&mut self, pieces: impl Iterator<Item = &'a Piece>) {
        self.bytes.clear();
        pieces.for_each(|piece| self.bytes.extend_from_slice(piece.now()));
        // SAFETY: one OS thread of programs; libc's variable.
        self.environment = unsafe { environ } as usize;
    }

    #[inline(always)]
    fn put<'a>(&self, pieces: impl Iterator<Item = &'a Piece>) {
        let mut rest = &self.bytes[..];
        for piece in pieces {
            let (bytes, behind) = rest.split_at(piece.length);
            piece.put(bytes);
            rest = behind;
        }
        // SAFETY: one OS thread of programs; null, or what the process had.
        unsafe { environ = self.environment as *mut *mut c_char };
    }
}

/// What of the statics processes write.
#[derive(Default)]
struct Written {
    /// By offset in an image of all, in order, apart by [`GAP`] at least.
    ranges: Vec<Range<usize>>,
    /// These, and what lies between.
    copied: Vec<Piece>,
    compared: Vec<Piece>,
}

impl Written {
    /// Adds what is not as before any code ran.
    fn add(&mut self) {
        let mut ranges = std::mem::take(&mut self.ranges);
        for piece in pieces() {
            let lines = piece.now().chunks(LINE).zip(piece.pristine().chunks(LINE));
            for (at, (now, pristine)) in lines.enumerate() {
                if now != pristine {
                    let start = piece.offset + at * LINE;
                    ranges.push(start..start + now.len());
                }
            }
        }
        ranges.sort_by_key(|range| range.start);
        for range in ranges {
            match self.ranges.last_mut() {
                Some(last) if range.start < last.end + GAP => last.end = last.end.max(range.end),
                _ => self.ranges.push(range),
            }
        }
        self.divide();
    }

    /// What is copied, and what is compared.
    fn divide(&mut self) {
        self.copied.clear();
        self.compared.clear();
        for piece in pieces() {
            let end = piece.offset + piece.length;
            let part = |from: usize, to: usize| Piece {
                at: piece.at + (from - piece.offset),
                length: to - from,
                offset: from,
            };
            let mut next = piece.offset;
            for range in &self.ranges {
                let (from, to) = (range.start.max(next), range.end.min(end));
                if from < to {
                    if next < from {
                        self.compared.push(part(next, from));
                    }
                    self.copied.push(part(from, to));
                    next = to;
                }
            }
            if next < end {
                self.compared.push(part(next, end));
            }
        }
    }
}

#[derive(Default)]
struct Processes {
    images: Vec<Option<Image>>,
    spare: Vec<Image>,
    /// Without and with libc's variables among the statics.
    written: [Written; 2],
}

impl Processes {
    /// Takes what is in place.
    fn keep(&mut self, process: u32) {
        let written = &self.written[usize::from(is_with_libc())];
        if written.compared.iter().any(|piece| piece.now() != piece.pristine()) {
            self.widen();
        }
        let written = &self.written[usize::from(is_with_libc())];
        if let Some(Some(image)) = self.images.get_mut(process as usize) {
            image.take(written.copied.iter());
        }
    }

    /// A process has written what none had before.
    #[cold]
    #[inline(never)]
    fn widen(&mut self) {
        let written = &mut self.written[usize::from(is_with_libc())];
        let before = written.copied.clone();
        written.add();
        for image in self.images.iter_mut().flatten() {
            let mut all: Vec<u8> = pieces().flat_map(|piece| piece.pristine()).copied().collect();
            let mut rest = &image.bytes[..];
            for piece in &before {
                let (bytes, behind) = rest.split_at(piece.length);
                all[piece.offset..piece.offset + piece.length].copy_from_slice(bytes);
                rest = behind;
            }
            let copied = written.copied.iter();
            image.bytes =
                copied.flat_map(|piece| &all[piece.offset..piece.offset + piece.length]).copied().collect();
        }
    }

    /// What `process` left is in place from now on: as new, where it has not begun.
    fn put(&mut self, process: u32) {
        let index = process as usize;
        if self.images.len() <= index {
            self.images.resize_with(index + 1, || None);
        }
        let written = &self.written[usize::from(is_with_libc())];
        let image = self.images[index].get_or_insert_with(|| {
            let mut image = self.spare.pop().unwrap_or_default();
            image.bytes.clear();
            written.copied.iter().for_each(|piece| image.bytes.extend_from_slice(piece.pristine()));
            image.environment = 0;
            image
        });
        image.put(written.copied.iter());
    }
}

/// The images of the processes of a world.
#[derive(Default)]
pub struct Images {
    /// The process whose image is in place; `None`: the harness's.
    current: Cell<Option<u32>>,
    harness: RefCell<Image>,
    processes: RefCell<Processes>,
}

impl Images {
    /// The statics of `process` are in place from now on: those that it left, or as new.
    #[inline]
    pub fn enter(&self, process: u32) {
        if self.current.get() != Some(process) {
            self.swap(process);
        }
    }

    #[inline(never)]
    fn swap(&self, process: u32) {
        let mut processes = self.processes.borrow_mut();
        match self.current.replace(Some(process)) {
            Some(last) => processes.keep(last),
            None => self.leave_harness(&mut processes),
        }
        processes.put(process);
    }

    #[cold]
    fn leave_harness(&self, processes: &mut Processes) {
        let all: Vec<Piece> = pieces().collect();
        self.harness.borrow_mut().take(all.iter());
        all.iter().for_each(|piece| piece.put(piece.pristine()));
        // The first time of all, nobody has written anything.
        let written = &mut processes.written[usize::from(is_with_libc())];
        if written.copied.is_empty() && written.compared.is_empty() {
            written.divide();
        }
    }

    /// The harness's statics are in place from now on.
    pub fn leave(&self) {
        if let Some(last) = self.current.take() {
            self.processes.borrow_mut().keep(last);
            let all: Vec<Piece> = pieces().collect();
            self.harness.borrow().put(all.iter());
        }
    }

    /// Every process of the next world begins as new. The harness's statics must be in place.
    pub fn forget(&self) {
        cells()[WITH_LIBC].store(0, Relaxed);
        let Processes { images, spare, .. } = &mut *self.processes.borrow_mut();
        spare.extend(images.drain(..).flatten());
    }
}
