//! Every short program of a few steps on one connection: what a drawn program meets once in a million, a list meets for certain.

use super::draw::Slot::{A, B, E, X};
use super::draw::{RingOp, Step};
use eagain_net::{Events, RecvFlags};

/// What each step may be: calls that wait at B, and what happens to B and its peer meanwhile.
const STEPS: [Step; 16] = [
    Step::Aio(true, B, 100, false),
    Step::Recv(B, 10, RecvFlags::NONE),
    Step::Recv(B, 10, RecvFlags::WAITALL),
    Step::Ring(RingOp::Recv, B, 100, false),
    Step::Ring(RingOp::RecvAll, B, 10, false),
    Step::Ring(RingOp::Send, A, 1, false),
    Step::Wait(E, 4, false),
    Step::Watch(B, Events(Events::IN.0 | Events::RDHUP.0)),
    Step::LowAt(B, 200),
    Step::Write(A, 1),
    Step::Dup(B, X),
    Step::Shutdown(A, 1),
    Step::Shutdown(B, 0),
    Step::Shutdown(B, 2),
    Step::Close(A),
    Step::Close(B),
];

/// How many programs of so many steps there are.
pub(super) fn count(steps: u32) -> u64 {
    (STEPS.len() as u64).pow(steps)
}

/// One of the programs of so many steps.
pub(super) fn program(steps: u32, mut number: u64) -> Vec<Step> {
    let each = (0..steps).map(|_| {
        let step = STEPS[(number % STEPS.len() as u64) as usize];
        number /= STEPS.len() as u64;
        step
    });
    each.collect()
}
