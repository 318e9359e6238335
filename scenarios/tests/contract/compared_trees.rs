//! Sets in sets: every small tree of them with levels, edges and one-shots on its branches, two threads that wait by `epoll_wait` or
//! `poll`, and what happens at the leaves (`epoll(7)`; fs/eventpoll.c: `ep_poll_callback`, `ep_done_scan`). How many threads have an event
//! of it, and what each set says afterwards, is compared.

use crate::asleep::{Caller, Sleepers};
use crate::compared::{Log, same};
use eagain_net::{EpollEvent, EpollOp, Events, Fd, PollFd, SendFlags, SigAction, Signal, SocketFlags};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
const ENDS: Signal = Signal::SIGUSR1;

/// What a set watches: another set, or a leaf.
#[derive(Clone, Copy, PartialEq)]
enum Node {
    Set(usize),
    Leaf(usize),
}
use Node::{Leaf, Set};

/// Which set watches what; the first one is nobody's.
type Shape = &'static [(usize, Node)];
const SHAPES: [Shape; 7] = [
    &[(0, Leaf(0))],
    &[(0, Leaf(0)), (0, Leaf(1))],
    &[(0, Set(1)), (1, Leaf(0))],
    &[(0, Set(1)), (1, Leaf(0)), (1, Leaf(1))],
    &[(0, Set(1)), (1, Leaf(0)), (0, Leaf(0))],
    &[(0, Set(1)), (0, Set(2)), (1, Leaf(0)), (2, Leaf(1))],
    &[(0, Set(1)), (0, Set(2)), (1, Leaf(0)), (2, Leaf(0))],
];

const HOW: [Events; 3] = [Events::NONE, Events::ET, Events::ONESHOT];

#[derive(Clone, Copy, Debug)]
enum Waiter {
    /// `epoll_wait` for so many events.
    Wait(usize, usize),
    /// `poll`, and then `epoll_wait` without waiting.
    Poll(usize),
}
use Waiter::{Poll, Wait};

/// Two threads, and in which set they wait.
const WAITERS: [[Waiter; 2]; 7] = [
    [Wait(0, 1), Wait(0, 1)],
    [Wait(0, 2), Wait(0, 2)],
    [Wait(0, 1), Poll(0)],
    [Poll(0), Poll(0)],
    [Wait(0, 1), Wait(1, 1)],
    [Wait(0, 1), Poll(1)],
    [Wait(1, 1), Wait(1, 1)],
];

/// What is done at the leaves, one after the other: whoever it wakes is at rest before the next.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Act {
    Write(usize),
    /// The other end of a leaf is closed.
    Close(usize),
}
const ACTS: [&[Act]; 4] =
    [&[Act::Write(0)], &[Act::Write(0); 2], &[Act::Write(0), Act::Write(1)], &[Act::Close(0)]];

struct Tree {
    sets: Vec<Fd>,
    /// The watched end of each leaf, and the one that is written to.
    leaves: Vec<[Fd; 2]>,
}

impl Tree {
    fn new<K: Sleepers>(k: K, shape: Shape, how: &[Events]) -> Tree {
        let sets = 1 + shape.iter().map(|&(set, _)| set).max().unwrap_or(0);
        let leaves = [(); 2].map(|()| {
            let (a, b) = k.socketpair(SocketFlags::NONBLOCK).unwrap();
            [a, b]
        });
        let tree =
            Tree { sets: (0..sets).map(|_| k.epoll_create().unwrap()).collect(), leaves: leaves.to_vec() };
        for (at, (&(set, node), &how)) in shape.iter().zip(how).enumerate() {
            let fd = match node {
                Set(other) => tree.sets[other],
                Leaf(leaf) => tree.leaves[leaf][0],
            };
            k.epoll_ctl(tree.sets[set], EpollOp::Add, fd, Events::IN | how, at as u64).unwrap();
        }
        tree
    }

    fn act<K: Sleepers>(&self, k: K, act: Act) {
        match act {
            Act::Write(leaf) => _ = k.send(self.leaves[leaf][1], b"w", SendFlags::NONE).unwrap(),
            Act::Close(leaf) => k.close(self.leaves[leaf][1]).unwrap(),
        }
    }

    /// What each set says, asked twice: the second time an edge is gone, and a level is not.
    fn says<K: Sleepers>(&self, k: K) -> Vec<String> {
        let asked = self.sets.iter().chain(&self.sets).map(|&set| {
            let mut fds = [PollFd::new(set, Events::IN)];
            let readable = k.poll(&mut fds, NOW, None).unwrap();
            let mut events = [EpollEvent::default(); 4];
            let n = k.epoll_wait(set, &mut events, NOW, None).unwrap();
            let mut events: Vec<_> = events[..n].iter().map(|e| (e.data, e.events)).collect();
            events.sort_by_key(|&(data, _)| data);
            format!("{readable} {events:?}")
        });
        asked.collect()
    }

    fn close<K: Sleepers>(self, k: K, acts: &[Act]) {
        for (at, [a, b]) in self.leaves.into_iter().enumerate() {
            k.close(a).unwrap();
            if !acts.contains(&Act::Close(at)) {
                k.close(b).unwrap();
            }
        }
        self.sets.into_iter().for_each(|set| k.close(set).unwrap());
    }
}

/// A thread that waits; it returns how many events it got.
fn start<K: Sleepers>(k: K, tree: &Tree, waiter: Waiter) -> Caller {
    let (Wait(set, _) | Poll(set)) = waiter;
    let set = tree.sets[set];
    Caller::start(k, move |k| match waiter {
        Wait(_, most) => k.epoll_wait(set, &mut vec![EpollEvent::default(); most], None, None),
        Poll(_) => {
            k.poll(&mut [PollFd::new(set, Events::IN)], None, None)?;
            k.epoll_wait(set, &mut [EpollEvent::default()], NOW, None)
        }
    })
}

/// Returns when every thread has returned, or waits. One that returns has woken the next one before: looked at twice, so it stays.
fn rest<K: Sleepers>(k: K, callers: &[Caller; 2]) {
    callers.iter().chain(callers).for_each(|caller| caller.await_sleep(k));
}

/// How many of the threads got an event. Whoever waits is sent a signal.
fn got<K: Sleepers>(k: K, callers: [Caller; 2]) -> usize {
    let ends = |caller: Caller| {
        if !caller.is_over() {
            k.tgkill(caller.thread, ENDS).unwrap();
        }
        usize::from(caller.end(k).is_ok_and(|n| n > 0))
    };
    callers.into_iter().map(ends).sum()
}

/// Whether what comes once is for whoever is first: of two at an inner and at an outer set; of two with room for all that one leaf
/// brings on two ways, one after the other; or of one whom `poll` has woken and who may find it gone.
fn is_a_race(shape: Shape, how: &[Events], waiters: [Waiter; 2]) -> bool {
    let once = |(_, how): (&(usize, Node), &Events)| *how != Events::NONE;
    let of_leaves = |((_, node), _): &(&(usize, Node), &Events)| matches!(node, Leaf(_));
    let mut branches = shape.iter().zip(how);
    let two_ways = shape.iter().filter(|(_, node)| *node == Leaf(0)).count() > 1;
    let [one, other] = waiters.map(|(Wait(set, _) | Poll(set))| set);
    match waiters {
        _ if one != other => branches.filter(of_leaves).any(once),
        [Wait(_, 1), Wait(_, 1)] => false,
        [Wait(..), Wait(..)] => two_ways && branches.any(once),
        _ => branches.any(once),
    }
}

fn every_tree<K: Sleepers>(k: K, log: &Log) {
    k.sigaction(ENDS, SigAction::handler(false, |_| {})).unwrap();
    for (number, shape) in SHAPES.into_iter().enumerate() {
        let sets = 1 + shape.iter().map(|&(set, _)| set).max().unwrap_or(0);
        for at in 0..3_usize.pow(shape.len() as u32) {
            let how: Vec<Events> = (0..shape.len()).map(|n| HOW[at / 3_usize.pow(n as u32) % 3]).collect();
            for waiters in WAITERS {
                let beyond = waiters.iter().any(|&(Wait(set, _) | Poll(set))| set >= sets);
                if beyond || is_a_race(shape, &how, waiters) {
                    continue;
                }
                for acts in ACTS {
                    let tree = Tree::new(k, shape, &how);
                    let callers = waiters.map(|waiter| start(k, &tree, waiter));
                    for &act in acts {
                        tree.act(k, act);
                        rest(k, &callers);
                    }
                    let got = got(k, callers);
                    log.say(format!("{number} {how:?} {waiters:?} {acts:?}"), (got, tree.says(k)));
                    tree.close(k, acts);
                }
            }
        }
    }
}

#[test]
fn trees_of_sets_wake_whom_linux_wakes() {
    same(every_tree, every_tree);
}
