//! Who executes the requests of a loop's peers: the thread that received them, or workers that get them through the
//! request queue and give the replies reply_to through another. Workers know no sockets; to them, finished reads come in.
//!
//! At most as many batches are on their way as a queue has room for, hence neither side ever waits for the other with
//! something in its hands; peers beyond that wait, and are not read from.

use super::loop_context::LoopContext;
use super::peer::Peer;
use super::units::{Now, Units};
use crate::logic_unit::Session;
use crate::observe::Level;
use crate::request_queue::{ReplyBatch, RequestBatch, Wait};
use crate::storage_unit::{Commit, Storage};
use eagain_net::model::Waker;
use eagain_net::sync::{Mutex, Queue};
use eagain_net::thread::{self, JoinHandle};
use eagain_net::{Errno, Kernel};
use std::collections::VecDeque;
use std::sync::Arc;

/// Requests of one peer on their way to a worker, and their replies on the way reply_to. The session comes along: nobody
/// else executes requests of this client meanwhile.
pub(super) struct Job<K: Kernel> {
    token: u64,
    session: Option<Session>,
    requests: RequestBatch,
    /// How many of them were executed before.
    done: usize,
    replies: ReplyBatch,
    /// When the replies may leave.
    commit: Commit,
    reply_to: ReplyTo<K>,
}

/// The request queue.
type JobQueue<K> = Arc<Queue<K, Box<Job<K>>>>;

/// Where replies are put, and who is woken to see them; nobody, where somebody waits for them.
#[derive(Clone)]
struct ReplyTo<K: Kernel> {
    replies: JobQueue<K>,
    waker: Option<Waker<K>>,
}

/// Workers.
pub(super) struct Workers<K: Kernel> {
    requests: JobQueue<K>,
    threads: Mutex<K, Vec<JoinHandle<K, ()>>>,
    count: usize,
}

/// Who executes.
pub(super) enum Service<K: Kernel> {
    /// The thread that received.
    Here,
    /// Workers.
    Workers(WorkerQueues<K>),
}

/// What is on the way to and from workers.
pub(super) struct WorkerQueues<K: Kernel> {
    requests: JobQueue<K>,
    reply_to: ReplyTo<K>,
    /// Batches on their way; at most the capacity of a queue.
    outstanding: usize,
    /// Peers with requests that found no room.
    waiting: VecDeque<u64>,
    /// To be used again, boxes included: they go through two queues.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Job<K>>>,
}

impl<K: Kernel> Workers<K> {
    /// As many as the configuration says.
    pub(super) fn start<S: Storage + 'static>(units: &Arc<Units<K, S>>) -> Result<Workers<K>, Errno> {
        let requests = Arc::new(Queue::new(units.kernel, units.config.limits.queue_length_max));
        let count = units.config.workers;
        let workers = Workers { requests, threads: Mutex::new(units.kernel, Vec::new()), count };
        for number in 0..count {
            let (units, requests) = (units.clone(), workers.requests.clone());
            match thread::spawn(units.kernel, &format!("worker-{number}"), move || work(&units, &requests)) {
                Ok(thread) => workers.threads.lock().push(thread),
                Err(errno) => {
                    workers.end();
                    return Err(errno);
                }
            }
        }
        Ok(workers)
    }

    /// For a loop that is woken when they have done something, or for a thread that waits for it (`waker`: none).
    pub(super) fn service(&self, kernel: K, waker: Option<Waker<K>>) -> Service<K> {
        if self.count == 0 {
            return Service::Here;
        }
        let capacity = if waker.is_some() { self.requests.capacity() } else { 1 };
        Service::Workers(WorkerQueues {
            requests: self.requests.clone(),
            reply_to: ReplyTo { replies: Arc::new(Queue::new(kernel, capacity)), waker },
            outstanding: 0,
            waiting: VecDeque::new(),
            spare: Vec::new(),
        })
    }

    /// Lets them go.
    pub(super) fn end(&self) {
        self.requests.close();
        let threads = std::mem::take(&mut *self.threads.lock());
        for worker in threads {
            worker.join().expect("a worker panicked");
        }
    }
}

impl<K: Kernel> Service<K> {
    /// Whether requests of this peer can be taken now. Where there is no room, the peer is remembered.
    #[inline]
    pub(super) fn takes(&mut self, peer: &mut Peer<K>) -> bool {
        if !(peer.connection.wants_service() || peer.goes_on()) || peer.session.is_none() {
            return false;
        }
        match self {
            Service::Here => true,
            Service::Workers(queues) => {
                let room = queues.outstanding < queues.reply_to.replies.capacity();
                if !room && !peer.flight.waits_for_worker {
                    peer.flight.waits_for_worker = true;
                    queues.waiting.push_back(peer.token);
                }
                room
            }
        }
    }

    /// Has executed what `fresh`, just received, completes, and what waited before it.
    pub(super) fn serve<S: Storage>(
        &mut self,
        units: &Units<K, S>,
        peer: &mut Peer<K>,
        fresh: &[u8],
        now: Now,
    ) {
        if let (Service::Here, Some(session)) = (&self, &mut peer.session) {
            let (served, commit) = units.execute(|logic| {
                if logic.begin_turn() {
                    peer.connection.hold_replies();
                }
                let execute = |request: crate::resp::Arguments<'_>, out: &mut Vec<u8>| {
                    logic.execute(session, request, now.wall, out)
                };
                let served = peer.connection.serve(fresh, now.mono_ns, execute);
                logic.finish_turn(session, now.wall);
                served
            });
            peer.awaiting.hold(&mut peer.connection, commit, served.requests, now.mono_ns);
            peer.begin_wait();
            return;
        }
        peer.connection.receive(fresh, now.mono_ns);
        if self.takes(peer)
            && let Service::Workers(queues) = self
        {
            queues.hand_over(peer, now);
        }
    }

    /// Replies that have come reply_to, each put where it leaves from; `then` goes on with its peer.
    pub(super) fn collect<S: Storage>(
        &mut self,
        context: &LoopContext<K, S>,
        now: Now,
        mut then: impl FnMut(&mut Service<K>, &mut Peer<K>),
    ) {
        let Service::Workers(queues) = self else { return };
        let mut done = Vec::new();
        queues.reply_to.replies.try_pop_many(&mut done, usize::MAX);
        queues.outstanding -= done.len();
        let mut tokens = Vec::with_capacity(done.len());
        for mut job in done {
            tokens.push(job.token);
            if let Some(shared) = context.peers.get(job.token) {
                let mut peer = shared.lock();
                job.give_back(&mut peer, now);
                if peer.flight.delivery_came {
                    context.deliver(&mut peer, true, now);
                }
            } else if let Some(session) = job.session.take() {
                context.units.logic.lock().disconnect(session, (Level::Verbose, "it has gone"));
            }
            job.requests.restart(0);
            queues.spare.push(job);
        }
        // Who waited comes before those who have just had their turn and may want another; and until there is no room, since
        // one that waited may have nothing for a worker after all, and nobody would look at the next one then.
        while let Some(token) = self.next_waiting() {
            let Some(shared) = context.peers.get(token) else { continue };
            let mut peer = shared.lock();
            peer.flight.waits_for_worker = false;
            then(self, &mut peer);
        }
        for token in tokens {
            if let Some(shared) = context.peers.get(token) {
                then(self, &mut shared.lock());
            }
        }
    }

    /// The first of those who wait, if there is room for it.
    fn next_waiting(&mut self) -> Option<u64> {
        let Service::Workers(queues) = self else { return None };
        if queues.outstanding == queues.reply_to.replies.capacity() {
            None
        } else {
            queues.waiting.pop_front()
        }
    }

    /// Waits until the peer's requests have come reply_to from where they are handled, for threads that have one peer each.
    pub(super) fn wait(&mut self, peer: &mut Peer<K>, clock: impl FnOnce() -> Now) {
        let Service::Workers(queues) = self else { return };
        if queues.outstanding > 0
            && let Some(mut job) = queues.reply_to.replies.pop()
        {
            queues.outstanding -= 1;
            job.give_back(peer, clock());
            job.requests.restart(0);
            queues.spare.push(job);
        }
    }
}

impl<K: Kernel> Job<K> {
    /// The peer gets its session and its replies, and what was not executed because a request before it has to wait.
    fn give_back(&mut self, peer: &mut Peer<K>, now: Now) {
        peer.session = self.session.take();
        let replies = std::mem::take(&mut self.replies);
        if let Some(wait) = replies.wait {
            let executed = self.done + replies.count as usize + usize::from(matches!(wait, Wait::Reply(_)));
            if executed < self.requests.len() {
                peer.flight.rest = Some(Box::new((std::mem::take(&mut self.requests), executed)));
            }
        }
        peer.take_replies(replies, self.commit, now);
        peer.begin_wait();
    }
}

impl<K: Kernel> WorkerQueues<K> {
    /// A finished read goes into the request queue.
    fn hand_over(&mut self, peer: &mut Peer<K>, now: Now) {
        let mut job = self.spare.pop().unwrap_or_else(|| {
            Box::new(Job {
                token: 0,
                session: None,
                requests: RequestBatch::new(),
                done: 0,
                replies: ReplyBatch::default(),
                commit: Commit::Done,
                reply_to: self.reply_to.clone(),
            })
        });
        job.done = 0;
        if let Some(rest) = peer.flight.rest.take() {
            (job.requests, job.done) = *rest;
        } else if !peer.connection.take_batch(&mut job.requests, now.mono_ns) {
            self.spare.push(job);
            return;
        }
        job.token = peer.token;
        job.session = peer.session.take();
        self.outstanding += 1;
        // A loop finds room here; a thread with one peer may have to wait. The queue is closed only after their end.
        let _ = self.requests.push(job);
    }
}

/// A worker: the logic, and nothing else.
fn work<K: Kernel, S: Storage>(units: &Units<K, S>, requests: &Queue<K, Box<Job<K>>>) {
    while let Some(mut job) = requests.pop() {
        let now = Now::of(units.kernel);
        let Job { session, requests, done, replies, commit, reply_to, .. } = &mut *job;
        if let Some(session) = session {
            let out = std::mem::take(&mut replies.bytes);
            (*replies, *commit) =
                units.execute(|logic| logic.execute_batch(session, requests, *done, now.wall, out));
        }
        let ReplyTo { replies, waker } = reply_to.clone();
        // There is room for as many as are on their way.
        let _ = replies.push(job);
        if let Some(waker) = waker {
            // It fails only where the loop is gone.
            let _ = waker.wake();
        }
    }
}
