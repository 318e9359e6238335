//! What Linux does, row by row, and the simulated kernel with it: every row is one body that runs on both kernels. A row
//! that cannot hold on one of them is listed in `exceptions` with the reason, and must fail there.
//!
//! Most rows are programs of `eagain_scenarios::conform::script`: a call a line, and what it comes to. By convention
//! `l` listens, `c` called, `s` was called, `e` and `f` are epoll sets.
#![cfg(target_os = "linux")]

mod accept;
mod aio;
mod asleep;
mod blocking;
mod close;
mod compared;
mod compared_addresses;
mod compared_calls;
mod compared_control;
mod compared_datagrams;
mod compared_operations;
mod compared_options;
mod compared_paths;
mod compared_sequences;
mod compared_states;
mod compared_trees;
mod connect;
mod counters;
mod coverage;
mod deadlock;
mod differences;
mod differences_addresses;
mod differences_local;
mod differences_rings;
mod differences_waiting;
mod disconnect;
mod epoll;
mod epoll_threads;
mod exceptions;
mod fifos;
mod files;
mod futex;
mod handoff;
mod held;
mod limits;
mod locks;
mod opening;
mod pipes;
mod poll;
mod posix_timers;
mod ring_overflow;
mod ring_pool;
mod rings;
mod short_reads;
mod sigio;
mod signals;
mod space;
mod stat;
mod stopping;
mod streams;
mod timeouts;
mod timers;
mod udp;
mod unix;
mod unix_datagrams;
mod unix_descriptors;
mod unix_waits;
mod waiters;
mod wakeups;
mod wrong;

use eagain_scenarios::conform::sides::{on_linux, on_simulation};

/// The two kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Linux,
    Simulation,
}

/// A listed row must fail, every other one must pass.
fn check(side: Side, row: &str, result: Result<(), String>) {
    let listed = exceptions::LISTED.iter().find(|(at, name, _)| *at == side && *name == row);
    match (listed, result) {
        (None, Ok(())) => {}
        (None, Err(why)) => panic!("{row} does not hold on {side:?}: {why}"),
        (Some(_), Err(_)) => {}
        (Some((_, _, reason)), Ok(())) => {
            panic!("{row} holds on {side:?} now; strike it from the exceptions (\"{reason}\")")
        }
    }
}

/// Makes two tests of each row, `linux::row` and `simulation::row`. A row is a program, or a function that is generic
/// over the kernel.
macro_rules! rows {
    ($($(#[doc = $doc:literal])* $row:ident: $program:literal;)*) => {
        $(#[doc = $program] #[allow(non_snake_case)] fn $row<K: eagain_scenarios::conform::machine::Calls>(k: K) {
            eagain_scenarios::conform::script::check(k, $program);
        })*
        $crate::bodies! { $($row)* }
    };
}

/// Makes the two tests of each function.
macro_rules! bodies {
    ($($row:ident)*) => {
        mod linux {
            $(#[test] fn $row() {
                let result = $crate::on_linux(super::$row);
                $crate::check($crate::Side::Linux, stringify!($row), result);
            })*
        }
        mod simulation {
            $(#[test] fn $row() {
                let result = $crate::on_simulation(super::$row);
                $crate::check($crate::Side::Simulation, stringify!($row), result);
            })*
        }
    };
}
use {bodies, rows};

/// A row that is listed but does not exist would never be missed.
#[test]
fn every_exception_has_a_reason() {
    for (_, row, reason) in exceptions::LISTED {
        assert!(reason.len() > 10, "{row}");
    }
}
