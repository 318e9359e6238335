//! The loops of a server: one, or one a core. Each has its own listener, of the same address (`SO_REUSEPORT`: the kernel
//! spreads the connections), its own model and its own peers; what they share are the units.

use super::front::{Front, Machine};
use super::home::Home;
use super::proactor::{completion, emulated};
use super::units::Units;
use super::watch::Watch;
use super::{reactor, signals};
use crate::config::{Config, Pattern};
use crate::server::ServeError;
use crate::storage_unit::Storage;
use eagain_net::model::Waker;
use eagain_net::sync::Queue;
use eagain_net::{Errno, Kernel, thread};
use std::sync::Arc;

/// Runs the loops until a stop is asked for and everybody has got what is due.
pub(super) fn run<K: Kernel, S: Storage + 'static>(
    units: Arc<Units<K, S>>,
    front: Front<K>,
    waker: Waker<K>,
    ready: impl FnOnce(),
) -> Result<(), ServeError> {
    let kernel = units.kernel;
    let mut wakers = vec![waker.clone()];
    // Before anybody is let in: what a command asks for must find the mailbox of every loop.
    let home = Home::new(units.clone(), waker.clone(), true);
    let mut threads = Vec::new();
    let mut result = Ok(());
    for number in 1..units.config.loops {
        let (begun, begins, first) = (Arc::new(Queue::new(kernel, 1)), units.clone(), waker.clone());
        let tell = begun.clone();
        let config = Config { listen: front.local_addr(), ..units.config.clone() };
        let body = move || {
            let front = Front::new(kernel, &config);
            let its_own = front.as_ref().ok().and_then(Front::waker);
            match (front, its_own) {
                (Ok(front), Some(its_own)) => {
                    let home = Home::new(begins.clone(), its_own.clone(), false);
                    let _ = tell.push(Ok(its_own));
                    let ended = drive(home, front);
                    // Where this loop has failed, the first has to stop, which stops the others.
                    begins.stop();
                    let _ = first.wake();
                    ended
                }
                (Err(error), _) => {
                    let _ = tell.push(Err(error));
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
    let ring = wake_all.clone();
    let dispositions = signals::stop_on_signal(&units, move || ring()).map_err(ServeError::Kernel)?;
    if result.is_ok() {
        ready();
        result = drive(home, front).map_err(ServeError::Kernel);
    }
    // Where this loop has failed, the others have to stop.
    units.stop();
    wake_all();
    for thread in threads {
        let ended = thread.join().unwrap_or(Ok(()));
        result = result.and(ended.map_err(ServeError::Kernel));
    }
    signals::restore(kernel, dispositions).map_err(ServeError::Kernel)?;
    result
}

/// Runs a loop to its end.
fn drive<K: Kernel, S: Storage + 'static>(mut home: Home<K, S>, front: Front<K>) -> Result<(), Errno> {
    let pattern = home.units.config.pattern;
    home.peers_max = front.peers_max;
    match front.machine {
        Machine::None => Ok(()),
        Machine::Completer(completer) => completion::run(home, completer, front.acceptor),
        Machine::Poller(poller) => {
            let watch = Watch::new(home, poller, front.acceptor);
            match pattern {
                Pattern::Reactor => reactor::run(watch),
                Pattern::Proactor => emulated::run(watch),
            }
        }
    }
}
