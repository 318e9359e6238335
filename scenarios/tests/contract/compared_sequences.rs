//! Several calls of `compared_calls`, one after another, on a descriptor in a state that is drawn too.

use crate::compared::{Log, compared};
use crate::compared_calls::{descriptors, end, is_alike, lives, make, transfers};
use crate::compared_states::{self as states, Maker, State};
use eagain_net::*;

/// Numbers below others (SplitMix64).
fn draws(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |n| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % n as u64) as usize
    }
}

/// More than these are made where `EAGAIN_SEQUENCES` says so.
const SEQUENCES: u64 = 400;

/// Makes several calls, one after another, in states drawn at random.
fn sequences<K: Kernel>(m: Maker<K>, log: &Log, states: Vec<State<K>>) {
    m.k.sigaction(Signal::SIGPIPE, SigAction::ignore()).unwrap();
    let calls = [transfers(), lives(), descriptors()];
    let programs = std::env::var("EAGAIN_SEQUENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(SEQUENCES);
    for seed in 0..programs {
        let mut below = draws(seed);
        let (state, begin) = states[below(states.len())];
        let made = begin(m);
        let _ = m.k.fcntl_setfl(made[0], StatusFlags::NONBLOCK);
        let mut how = format!("{seed} {state}");
        for _ in 0..4 {
            let some = &calls[below(calls.len())];
            let call = &some[below(some.len())];
            if is_alike(m, state, &call.0) {
                make(m, log, &how, made[0], call);
                how = format!("{how}; {}", call.0);
            }
        }
        end(m.k, log, made);
    }
}

macro_rules! drawn {
    ($($name:ident: $domain:ident $states:ident;)*) => {
        $(fn $name<K: Kernel>(k: K, log: &Log) {
            sequences(Maker { k, domain: Domain::$domain }, log, states::$states());
        })*
        compared! { $($name)* }
    };
}

drawn! {
    of_connections: Inet connections;
    of_connections_of_6: Inet6 connections;
    of_datagrams: Inet datagrams;
    of_datagrams_of_6: Inet6 datagrams;
    of_unix_sockets: Unix unix;
    of_others: Unix others;
}
