//! Stop signals and SIGCONT (signal(7)). The same body stops itself on both kernels: on Linux in a process of its own, which this
//! one continues when `/proc` says that it is stopped; in the simulation another process does, after a while.

use crate::asleep::{Caller, Sleepers};
use crate::blocking::{close_all, listener, pair};
use crate::compared::{Log, alike};
use eagain_net::*;
use eagain_scenarios::conform::sides::in_simulation_beside;
use eagain_sim::{Engine, SimKernel};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
const LONG: Option<Duration> = Some(Duration::from_secs(20));
/// How long a stop lasts at least, and what is over before it ends.
const STOP: Duration = Duration::from_millis(60);
const WITHIN: Duration = Duration::from_millis(30);
const PART: &str = "EAGAIN_STOPS_ITSELF";

/// What the body needs from whoever continues it.
struct Stops<'a, K> {
    k: K,
    log: &'a Log,
    /// Called before each stop.
    ahead: &'a dyn Fn(),
}

impl<K: Sleepers> Stops<'_, K> {
    /// `how` stops this thread before it returns, as what is sent to the process need not; and the process, until it is continued. A
    /// timer that was set before has fired.
    fn stop(&self, what: &str, how: impl FnOnce(K) -> Result<()>) {
        let k = self.k;
        let timer = k.timerfd_create(ClockId::Monotonic, SocketFlags::NONBLOCK).unwrap();
        let spec = TimerSpec { value: WITHIN, interval: Duration::ZERO };
        k.timerfd_settime(timer, spec, false).unwrap();
        (self.ahead)();
        let result = how(k);
        let mut fds = [PollFd::new(timer, Events::IN)];
        k.poll(&mut fds, NOW, None).unwrap();
        self.log.say(what, (result, fds[0].revents));
        k.close(timer).unwrap();
    }

    fn stop_by(&self, signal: Signal) {
        self.stop(&format!("{signal:?}"), move |k| k.tgkill(k.gettid(), signal));
    }

    /// What a call comes to that waits when the process is stopped. What it waits for has come when the process is continued.
    fn stopped_in(
        &self,
        what: &str,
        call: impl FnOnce(K) -> Result<usize> + Send + 'static,
        then: impl FnOnce(K),
    ) {
        let caller = Caller::start(self.k, call);
        self.stop(what, |k| k.tgkill(k.gettid(), Signal::SIGSTOP));
        then(self.k);
        self.log.say(what, caller.end(self.k));
    }
}

fn recv<K: Sleepers>(fd: Fd, flags: RecvFlags) -> impl FnOnce(K) -> Result<usize> + Send + 'static {
    move |k| k.recv(fd, &mut [0; 4], flags)
}

fn signals<K: Sleepers>(s: &Stops<K>) {
    let k = s.k;
    let pending = || k.sigpending().unwrap();
    let (stops, cont) = ([Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU], Signal::SIGCONT);
    s.stop_by(Signal::SIGSTOP);
    for signal in stops {
        s.stop_by(signal);
    }

    let count = Arc::new(AtomicU32::new(0));
    let inside = count.clone();
    let counts = SigAction::handler(true, move |_| _ = inside.fetch_add(1, SeqCst));
    // Only this thread takes what is sent to the process: the test harness has threads of its own.
    let ring = |signal| k.tgkill(k.gettid(), signal).unwrap();
    for signal in stops {
        k.sigaction(signal, SigAction::ignore()).unwrap();
        ring(signal);
        k.sigaction(signal, counts.clone()).unwrap();
        ring(signal);
        s.log.say(format!("{signal:?} ignored, handled"), count.load(SeqCst));
        k.sigaction(signal, SigAction::default_action()).unwrap();
        k.sigprocmask(MaskHow::Block, SigSet::of(&[signal])).unwrap();
        ring(signal);
        s.log.say(format!("{signal:?} blocked"), pending());
        ring(cont);
        s.log.say("then SIGCONT", pending());
        ring(signal);
        s.stop("unblocked", |k| k.sigprocmask(MaskHow::Unblock, SigSet::of(&[signal])).map(|_| ()));
        k.sigprocmask(MaskHow::Block, SigSet::of(&[signal])).unwrap();
        ring(signal);
        let taken = k.sigtimedwait(SigSet::of(&[signal]), NOW).map(|info| info.signal);
        s.log.say("taken", (taken, pending()));
        k.sigprocmask(MaskHow::Unblock, SigSet::of(&[signal])).unwrap();
    }

    // SIGCONT continues although it is blocked or ignored, and waits to be handled; a stop signal that is blocked discards it.
    k.sigprocmask(MaskHow::Block, SigSet::of(&[cont, Signal::SIGTTIN])).unwrap();
    ring(cont);
    s.log.say("SIGCONT blocked", pending());
    ring(Signal::SIGTTIN);
    s.log.say("then SIGTTIN", pending());
    ring(cont);
    s.log.say("then SIGCONT", pending());
    k.sigaction(cont, counts.clone()).unwrap();
    // One that is sent to the process may be another thread's to handle.
    s.stop_by(Signal::SIGSTOP);
    k.sigprocmask(MaskHow::Unblock, SigSet::of(&[cont, Signal::SIGTTIN])).unwrap();
    k.sigaction(cont, SigAction::ignore()).unwrap();
    s.stop_by(Signal::SIGSTOP);
    s.log.say("continued by SIGCONT, ignored", pending());
    k.sigaction(cont, SigAction::default_action()).unwrap();
    for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
        s.log.say(format!("{signal:?}"), k.sigaction(signal, SigAction::ignore()).map(|_| ()));
        let old = k.sigprocmask(MaskHow::Block, SigSet::of(&[signal])).unwrap();
        s.log.say("blocked", k.sigprocmask(MaskHow::SetMask, old));
    }
}

fn calls<K: Sleepers>(s: &Stops<K>) {
    let k = s.k;
    let (client, server) = pair(k);
    let send = |bytes: &'static [u8]| move |k: K| _ = k.send(client, bytes, SendFlags::NONE).unwrap();
    let timed = |on: bool| {
        k.setsockopt(server, SocketOption::RecvTimeout(LONG.filter(|_| on))).unwrap();
    };
    let drain = || while k.recv(server, &mut [0; 9], RecvFlags::DONTWAIT).is_ok() {};
    for on in [false, true] {
        timed(on);
        s.stopped_in(&format!("recv {on}"), recv(server, RecvFlags::NONE), send(b"ab"));
        drain();
        s.stopped_in(&format!("peek {on}"), recv(server, RecvFlags::PEEK), send(b"ab"));
        drain();
        s.stopped_in(&format!("waitall {on}"), recv(server, RecvFlags::WAITALL), send(b"abcd"));
        drain();
        k.send(client, b"ab", SendFlags::NONE).unwrap();
        s.stopped_in(&format!("waitall of 2 {on}"), recv(server, RecvFlags::WAITALL), send(b"cd"));
        drain();
        s.stopped_in(&format!("read {on}"), move |k| k.read(server, &mut [0; 4]), send(b"ab"));
        drain();
    }
    timed(false);

    let (reader, writer) = k.pipe2(SocketFlags::NONE).unwrap();
    s.stopped_in("pipe", move |k| k.read(reader, &mut [0; 4]), |k| _ = k.write(writer, b"a").unwrap());
    k.write(writer, &[0; 65_536]).unwrap();
    let drain = |k: K| _ = k.read(reader, &mut [0; 65_536]).unwrap();
    s.stopped_in("full pipe", move |k| k.write(writer, b"a"), drain);
    close_all(k, &[writer]);
    k.close(reader).unwrap();

    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let add = |k: K| _ = k.write(event, &1_u64.to_ne_bytes()).unwrap();
    s.stopped_in("counter", move |k| k.read(event, &mut [0; 8]), add);
    let set = k.epoll_create().unwrap();
    k.epoll_ctl(set, EpollOp::Add, event, Events::IN, 1).unwrap();
    for timeout in [None, LONG] {
        let wait = move |k: K| k.epoll_wait(set, &mut [EpollEvent::default(); 2], timeout, None);
        s.stopped_in("epoll_wait", wait, add);
        let _ = k.read(event, &mut [0; 8]);
        let poll = move |k: K| k.poll(&mut [PollFd::new(event, Events::IN)], timeout, None);
        s.stopped_in("poll", poll, add);
        let _ = k.read(event, &mut [0; 8]);
        let poll = move |k: K| k.poll(&mut [PollFd::new(event, Events::IN)], timeout, Some(SigSet::EMPTY));
        s.stopped_in("ppoll", poll, add);
        let _ = k.read(event, &mut [0; 8]);
        let select = move |k: K| {
            let mut fds = FdSet::default();
            assert!(fds.insert(event));
            k.select(event.0 + 1, Some(&mut fds), None, None, timeout, None)
        };
        s.stopped_in("select", select, add);
        let _ = k.read(event, &mut [0; 8]);
    }
    // What comes while the process is stopped is too late for a call that a stop ends.
    let (timer, timers) =
        (k.timerfd_create(ClockId::Monotonic, SocketFlags::NONE).unwrap(), k.epoll_create().unwrap());
    let stops_before_it_fires = |k: K| {
        let spec = TimerSpec { value: WITHIN, interval: Duration::ZERO };
        k.timerfd_settime(timer, spec, false).unwrap();
        k.tgkill(k.gettid(), Signal::SIGSTOP)
    };
    k.epoll_ctl(timers, EpollOp::Add, timer, Events::IN, 1).unwrap();
    let caller = Caller::start(k, move |k| k.epoll_wait(timers, &mut [EpollEvent::default(); 2], LONG, None));
    s.stop("a timer fires meanwhile", stops_before_it_fires);
    s.log.say("epoll_wait", caller.end(k));
    k.read(timer, &mut [0; 8]).unwrap();
    let caller = Caller::start(k, move |k| k.read(timer, &mut [0; 8]));
    s.stop("a timer fires meanwhile", stops_before_it_fires);
    s.log.say("read", caller.end(k));
    k.close(timers).unwrap();
    k.close(timer).unwrap();
    // A time that is over meanwhile is over.
    let brief = Some(WITHIN);
    s.stopped_in("poll until", move |k| k.poll(&mut [], brief, None), |_| {});
    s.stopped_in("sleep until", |k| k.nanosleep(WITHIN).map(|()| 0), |_| {});
    let word = Arc::new(AtomicU32::new(0));
    for timeout in [FutexTimeout::Never, FutexTimeout::Relative(Duration::from_secs(20))] {
        let inside = word.clone();
        let wake = |k: K| {
            word.store(1, SeqCst);
            while k.futex_wake(&word, 1) == Ok(0) && Arc::strong_count(&word) > 1 {}
        };
        // Called anew after the stop, it finds the word changed where that was first.
        let wait = move |k: K| match k.futex_wait(&inside, 0, timeout) {
            Ok(()) | Err(Errno::EAGAIN) => Ok(0),
            Err(errno) => Err(errno),
        };
        s.stopped_in("futex", wait, wake);
        word.store(0, SeqCst);
    }
    let signal = SigSet::of(&[Signal::SIGIO]);
    k.sigprocmask(MaskHow::Block, signal).unwrap();
    let awaits = move |k: K| {
        k.sigprocmask(MaskHow::Block, signal)?;
        k.sigtimedwait(signal, LONG).map(|info| info.signal.0 as usize)
    };
    s.stopped_in("sigtimedwait", awaits, |_| {});
    if k.io_uring_probe() == Advice::Available {
        let enter = move |k: K| {
            let mut ring = k.io_uring_setup(RingParams { entries: 8, cq_entries: 0, defer_taskrun: true })?;
            ring.enter(1, LONG, None).map(|n| n as usize)
        };
        s.stopped_in("ring", enter, |_| {});
    }
    let (listener, address) = listener(k, 4);
    for timeout in [None, LONG] {
        k.setsockopt(listener, SocketOption::RecvTimeout(timeout)).unwrap();
        let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        let accept =
            move |k: K| k.accept4(listener, SocketFlags::NONE).and_then(|(fd, _)| k.close(fd)).map(|()| 1);
        s.stopped_in("accept", accept, |k| k.connect(client, address).unwrap());
        k.close(client).unwrap();
    }
    close_all(k, &[listener, client, server]);
    k.close(set).unwrap();
    k.close(event).unwrap();
}

/// The threads of the C library and the work of a ring stop with the process: a timer that has fired many times meanwhile was read by
/// neither, and then counts them all.
fn operations<K: Sleepers>(s: &Stops<K>) {
    let k = s.k;
    let timer = || {
        let timer = k.timerfd_create(ClockId::Monotonic, SocketFlags::NONE).unwrap();
        let spec = TimerSpec { value: WITHIN, interval: Duration::from_millis(1) };
        k.timerfd_settime(timer, spec, false).unwrap();
        timer
    };
    let often =
        |result: i64, buffer: &[u8]| (result, buffer.first_chunk().map(|n| u64::from_ne_bytes(*n) > 9));
    let stop = |k: K| k.tgkill(k.gettid(), Signal::SIGSTOP);
    if k.aio_probe() == Advice::Available {
        let timer = timer();
        let id = k.aio_read(timer, vec![0; 8], 0, SigEvent::None).unwrap();
        s.stop("aio_read", stop);
        k.aio_suspend(&[id], LONG).unwrap();
        let (result, buffer) = k.aio_return(id).unwrap();
        s.log.say("aio_read", often(result.unwrap() as i64, &buffer));
        k.close(timer).unwrap();
    }
    let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: false };
    if let Ok(mut ring) = k.io_uring_setup(params) {
        let timer = timer();
        let operation = Operation::Read { fd: timer, buffer: vec![0; 8], offset: u64::MAX };
        assert!(ring.push(Submission { user_data: 1, operation, flags: SubmissionFlags::NONE }).is_ok());
        ring.enter(0, None, None).unwrap();
        s.stop("ring", stop);
        ring.enter(1, LONG, None).unwrap();
        let mut done = Vec::new();
        ring.reap(&mut done);
        let buffer = done[0].buffer.clone().unwrap_or_default();
        s.log.say("ring", often(i64::from(done[0].result), &buffer));
        k.close(timer).unwrap();
    }
}

fn body<K: Sleepers>(s: &Stops<K>) {
    signals(s);
    calls(s);
    operations(s);
}

/// Run by `a_stop_is_the_same_on_both_kernels`, in a process of its own.
#[test]
#[ignore = "it stops itself: somebody has to continue it"]
fn stops_itself() {
    if std::env::var_os(PART).is_some() {
        let log = Log::default();
        body(&Stops { k: Linux, log: &log, ahead: &|| {} });
        log.lines().iter().for_each(|line| println!("{PART} {line}"));
    }
}

fn stopped_and_continued() -> Vec<String> {
    use std::os::unix::process::CommandExt;
    // A group of its own, with this process above it: an orphaned one does not stop by SIGTSTP.
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stopping::stops_itself", "--ignored", "--nocapture"])
        .env(PART, "1")
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    while child.try_wait().unwrap().is_none() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')) {
            Linux.nanosleep(STOP).unwrap();
            Linux.kill(pid as i32, Signal::SIGCONT).unwrap();
        }
        Linux.nanosleep(Duration::from_micros(200)).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text.lines().filter_map(|line| Some(line.split_once(PART)?.1.trim().to_owned())).collect()
}

fn in_simulation() -> Vec<String> {
    let (log, asked, pid) = (Log::default(), Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(0)));
    let (inside, ahead, own) = (log.clone(), asked.clone(), pid.clone());
    let program = move |k: SimKernel| {
        *own.lock().unwrap() = k.getpid();
        body(&Stops { k, log: &inside, ahead: &|| _ = ahead.fetch_add(1, SeqCst) });
    };
    let continues = move |k: SimKernel| {
        let mut done = 0;
        loop {
            k.nanosleep(Duration::from_millis(1)).unwrap();
            if asked.load(SeqCst) > done {
                done += 1;
                k.nanosleep(STOP).unwrap();
                k.kill(*pid.lock().unwrap(), Signal::SIGCONT).unwrap();
            }
        }
    };
    let report = in_simulation_beside(&mut Engine::new(), program, continues);
    assert_eq!(report.failure, None);
    log.lines()
}

#[test]
fn a_stop_is_the_same_on_both_kernels() {
    let mut linux = Vec::new();
    // Pipes and files of `/proc` would take numbers that other rows count on.
    crate::on_linux(|_| linux = stopped_and_continued()).unwrap();
    alike(&linux, &in_simulation(), 64);
}
