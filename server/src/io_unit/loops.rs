//! The loops of a server: one, or one a core. Each has its own listener, of the same address (`SO_REUSEPORT`: the kernel
//! spreads the connections), its own model and its own peers; what they share are the units. Nobody is let in before all
//! of them have what they need.

use super::loop_context::LoopContext;
use super::loop_setup::{LoopSetup, Model};
use super::poll_set::PollSet;
use super::proactor::{completion, emulated};
use super::units::Units;
use super::{reactor, signals};
use crate::config::{Config, Pattern};
use crate::error::ServeError;
use crate::storage_unit::Storage;
use eagain_net::model::Waker;
use eagain_net::sync::Queue;
use eagain_net::{Errno, Kernel, thread};
use std::sync::Arc;

/// Runs the loops until a stop is asked for and everybody has got what is due.
pub(super) fn run<K: Kernel, S: Storage + 'static>(
    units: Arc<Units<K, S>>,
    setup: LoopSetup<K>,
    waker: Waker<K>,
    ready: impl FnOnce(),
) -> Result<(), ServeError> {
    let kernel = units.kernel;
    let mut wakers = vec![waker.clone()];
    // Before anybody is let in: what a command asks for must find the orders of every loop.
    let context = LoopContext::new(units.clone(), waker.clone(), true);
    let mut threads = Vec::new();
    let mut result = Ok(());
    // One word for each of the others, once all are ready; closed where that will not be.
    let all_ready = Arc::new(Queue::new(kernel, units.config.loops));
    for number in 1..units.config.loops {
        let (begun, begins, first) = (Arc::new(Queue::new(kernel, 1)), units.clone(), waker.clone());
        let (report, all_ready) = (begun.clone(), all_ready.clone());
        // The path of a Unix socket is one loop's.
        let config =
            Config { listen: setup.local_addr(), unix_socket: String::new(), ..units.config.clone() };
        let body = move || {
            let setup = LoopSetup::new(kernel, &config);
            let its_own = setup.as_ref().ok().and_then(LoopSetup::waker);
            match (setup, its_own) {
                (Ok(setup), Some(its_own)) => {
                    let context = LoopContext::new(begins.clone(), its_own.clone(), false);
                    let _ = report.push(Ok(its_own));
                    if all_ready.pop().is_none() {
                        return Ok(());
                    }
                    let ended =
                        setup.listen().and_then(|()| drive(context, setup).map_err(ServeError::Kernel));
                    // Where this loop has failed, the first has to stop, which stops the others.
                    begins.stop();
                    let _ = first.wake();
                    ended
                }
                (Err(error), _) => {
                    let _ = report.push(Err(error));
                    Ok(())
                }
                (Ok(_), None) => Ok(()),
            }
        };
        match thread::spawn(kernel, &format!("loop-{number}"), body) {
            Ok(thread) => threads.push(thread),
            Err(errno) => {
                result = Err(ServeError::Kernel(errno));
                break;
            }
        }
        match begun.pop() {
            Some(Ok(waker)) => wakers.push(waker),
            Some(Err(error)) => result = Err(error),
            None => {}
        }
    }
    let wake_all = move || wakers.iter().for_each(|waker| _ = waker.wake());
    let wake_all = Arc::new(wake_all);
    let on_signal = wake_all.clone();
    let dispositions = signals::stop_on_signal(&units, move || on_signal());
    let stops_on_signal = dispositions.as_ref().map(drop).map_err(|&errno| ServeError::Kernel(errno));
    result = result.and(stops_on_signal).and_then(|()| setup.listen());
    if result.is_ok() {
        threads.iter().for_each(|_| _ = all_ready.push(()));
        ready();
        result = drive(context, setup).map_err(ServeError::Kernel);
    }
    all_ready.close();
    // Where this loop has failed, the others have to stop.
    units.stop();
    wake_all();
    for thread in threads {
        let ended = thread.join().expect("an event loop panicked");
        result = result.and(ended);
    }
    signals::restore(kernel, dispositions.unwrap_or_default()).map_err(ServeError::Kernel)?;
    result
}

/// Runs a loop to its end.
fn drive<K: Kernel, S: Storage + 'static>(
    mut context: LoopContext<K, S>,
    setup: LoopSetup<K>,
) -> Result<(), Errno> {
    let pattern = context.units.config.pattern;
    context.peers_max = setup.peers_max;
    match setup.model {
        Model::None => Ok(()),
        Model::Completer(completer) => completion::run(context, completer, setup.acceptors),
        Model::Poller(poller) => {
            let poll_set = PollSet::new(context, poller, setup.acceptors);
            match pattern {
                Pattern::Reactor => reactor::run(poll_set),
                Pattern::Proactor => emulated::run(poll_set),
            }
        }
    }
}
