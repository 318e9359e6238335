//! Several calls of `compared_calls`, one after another, on a descriptor in a state that is drawn too.

use crate::compared::{Log, compared};
use crate::compared_calls::{descriptors, end, lives, make, transfers};
use crate::compared_states::{self as states, Maker, State, is_alike};
use eagain_net::*;
use eagain_scenarios::conform::draw::Draw;

/// How many are made for each kind of descriptor, unless `EAGAIN_SEQUENCES` has another number.
const SEQUENCES: u64 = 400;

/// Makes several calls, one after another, in states drawn at random.
fn sequences<K: Kernel>(m: Maker<K>, log: &Log, states: Vec<State<K>>) {
    m.k.sigaction(Signal::SIGPIPE, SigAction::ignore()).unwrap();
    let calls = [transfers(), lives(), descriptors()];
    let programs = std::env::var("EAGAIN_SEQUENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(SEQUENCES);
    for seed in 0..programs {
        let mut draw = Draw::new(seed);
        let &(state, begin) = draw.one_of(&states);
        let made = begin(m);
        let _ = m.k.fcntl_setfl(made[0], StatusFlags::NONBLOCK);
        let mut how = format!("{seed} {state}");
        for _ in 0..4 {
            let family = draw.one_of(&calls);
            let call = draw.one_of(family);
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
