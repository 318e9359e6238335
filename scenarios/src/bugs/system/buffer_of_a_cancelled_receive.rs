//! A provided buffer that nobody gives back (compio 2026, liburing's users since 2021): a receive is cancelled and forgotten; where
//! it had completed already, its completion names a buffer that the kernel took from the pool, which runs dry. Repaired: the
//! buffer of any completion is given back.

use crate::bugs::common_ring::{OTHER, Receiving, build as build_server, pushed, serve};
use eagain_net::*;
use eagain_sim::{Sim, fail, sometimes};

crate::bugs::planted!(
    "buffer-of-a-cancelled-receive",
    "B58",
    'l',
    ["O12", "O4"],
    "a receive completes although it was cancelled, and its buffer is not given back"
);

const GROUP: BufferGroup = 1;
const BUFFERS: u16 = 4;
const LENGTH: usize = 64;

/// A pool of buffers from which the kernel chooses.
struct Pool {
    is_filled: bool,
    /// How many of them completions have brought and were not given back.
    outside: usize,
    defect: bool,
}

impl<K: Kernel> Receiving<K> for Pool {
    fn begin(&mut self, ring: &mut Ring<K>, session: u64, fd: Fd) -> Result<()> {
        if !std::mem::replace(&mut self.is_filled, true) {
            pushed(ring.provide(OTHER, GROUP, vec![vec![0; LENGTH]; usize::from(BUFFERS)], 0))?;
        }
        let operation = Operation::RecvGroup { fd, group: GROUP, multishot: false };
        pushed(ring.push(Submission { user_data: session, operation, flags: SubmissionFlags::NONE }))
    }

    fn completed(&mut self, ring: &mut Ring<K>, completed: Completed, is_open: bool) -> Result<Vec<u8>> {
        let has_buffer = completed.flags.contains(CompletedFlags::BUFFER);
        self.outside += usize::from(has_buffer);
        sometimes!("a cancelled receive had a buffer", has_buffer && !is_open);
        if has_buffer && (is_open || !self.defect) {
            pushed(ring.provide(OTHER, GROUP, vec![vec![0; LENGTH]], completed.buffer_id))?;
            self.outside -= 1;
        }
        completed.value().map(|_| completed.buffer.unwrap_or_default())
    }

    fn closed(&mut self, ring: &mut Ring<K>, session: u64) -> Result<()> {
        pushed(ring.cancel(OTHER, session))
    }

    fn turn_ends(&mut self) {
        if self.outside > 0 {
            let message = format!("{} of {BUFFERS} buffers are with nobody", self.outside);
            fail("O12", "buffer not given back", message);
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    build_server(sim, move |k| serve(k, Pool { is_filled: false, outside: 0, defect }));
}
