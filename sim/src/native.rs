//! What `eagain-native`, which runs programs that were not written for the simulator, needs besides the kernel's traits.
//! All of it is called from within a simulated thread; none of it is a system call, takes virtual time or is in the trace.

pub use crate::stack::Block;
pub use crate::stack::machine::{moved_by as clock_moved_by, unsettle};
pub use crate::stack::native::{Border, run_with_thread_pointer, stack_range};

use crate::Oracle;
use crate::choice::{Distribution, Domain, Once};
use crate::fault::Family;
use crate::object::{Access, Device, Object, OpenDevice};
use crate::run::Effect;
use crate::stack::{pause_for_ever, suspend, with};
use crate::syscall::thread::thread_of;
use crate::world::Who;
use eagain_net::{Fd, FileStat, OpenFlags, ThreadId};
use std::net::IpAddr;

/// Who runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The index of the thread in its world.
    pub thread: u32,
    /// The index of its process.
    pub process: u32,
    /// As `getpid(2)` gives it.
    pub pid: i32,
    /// As `gettid(2)` gives it.
    pub tid: i32,
}

/// Who runs.
pub fn identity() -> Identity {
    with(|w| {
        let thread = w.scheduler.current();
        let (process, tid) = (w.my_process(), w.scheduler[thread].tid());
        Identity { thread, process, pid: w.processes[process].pid(), tid }
    })
}

/// The thread `tid` of the running process is called so from now on, in traces and failures; whether there is one.
pub fn name_thread(tid: i32, name: &str) -> bool {
    with(|w| match thread_of(w, ThreadId(tid)) {
        Some(thread) => {
            w.rename_thread(thread, name);
            true
        }
        None => false,
    })
}

/// The name of the thread `tid` of the running process: its own, or that of the process.
pub fn thread_name(tid: i32) -> Option<String> {
    with(|w| {
        let given = w.scheduler[thread_of(w, ThreadId(tid))?].given();
        Some(if given.is_empty() { w.me().lifecycle.initial_name().to_owned() } else { given.to_owned() })
    })
}

/// What the running process was called when the world was built, and how often it has begun again.
pub fn program() -> (String, u32) {
    with(|w| {
        let lifecycle = &w.me().lifecycle;
        (lifecycle.initial_name().to_owned(), lifecycle.incarnation())
    })
}

/// The running process, which has no descriptors yet, has 0, 1 and 2: its console.
pub fn open_console() {
    with(|w| {
        let access = Access { readable: true, writable: true, append: false };
        let console = Object::Device(OpenDevice { device: Device::Console, access });
        let first = crate::syscall::descriptor::open_file(w, console, false);
        for _ in 0..2 {
            if let Ok(file) = w.file(first) {
                w.files.hold(file);
                w.install_fd(file);
            }
        }
    });
}

/// Whether a descriptor of the running process is a console.
#[inline(always)]
pub fn is_console(fd: Fd) -> bool {
    with(|w| {
        w.file(fd).is_ok_and(|file| {
            matches!(w.files[file].object, Object::Device(OpenDevice { device: Device::Console, .. }))
        })
    })
}

/// `RLIMIT_NOFILE` of the running process.
pub fn descriptor_limit() -> usize {
    with(|w| w.me().fds.limit())
}

/// `exit_group(2)`, with the status as `waitpid(2)` would show it: negative for a signal. Other than 0 it breaks O16, with
/// `why`, unless the process may panic.
pub fn exit(status: i32, why: &str) -> ! {
    let broken = (status != 0).then(|| {
        let name = with(|w| w.me().name().to_owned());
        (Oracle::Survival, "exit".to_owned(), format!("{name}: {why}"))
    });
    end(status, broken)
}

/// The running process ends, and an oracle is broken at a site, with a message. A process that may panic may end by itself, and
/// break O16 or crash; one that computes without end is a failure all the same.
pub fn end(status: i32, broken: Option<(Oracle, String, String)>) -> ! {
    with(|w| {
        let process = w.my_process();
        if let Some((oracle, site, message)) = broken
            && (oracle == Oracle::NoBusyLoop || !w.processes[process].may_panic())
        {
            w.fail_in(Who::Process(process), oracle, &site, message);
        }
        w.exit_process(process, status);
    });
    pause_for_ever()
}

/// So many edges, loads and stores of a program are one choice of `thread.preempt`.
pub const PREEMPT_SLICE: u64 = crate::fault::PREEMPT_SLICE;
/// For how long a thread is preempted.
const PREEMPTED: Domain = Domain("thread.preempt.for");
const PREEMPTED_NS: (u64, u64) = (1_000, 1_000_000);

/// At which of the next [`PREEMPT_SLICE`] edges, loads and stores the running thread loses the processor, and for how many
/// nanoseconds; 0: at none of them. Also for a wake, where any but 0 means that it does.
pub fn choose_preemption() -> (u64, u64) {
    with(|w| {
        if w.run.failed() {
            return (0, 0);
        }
        let me = w.scheduler.current();
        let (preemptions, name) = w.scheduler[me].stream(Family::Preempt);
        let at = w.run.draw(Family::Preempt, &mut *preemptions, || name.to_owned());
        if at == 0 {
            return (0, 0);
        }
        let nth = preemptions.count();
        let how_long = Distribution::rarely_log(65_536, PREEMPTED_NS.0, PREEMPTED_NS.1);
        let object = || format!("{name}:{nth}");
        let off = w.run.choose_about(Family::Preempt, Once, PREEMPTED, how_long, object).max(PREEMPTED_NS.0);
        (at.min(PREEMPT_SLICE), off)
    })
}

/// The running thread has woken another one, which may take the processor from it before it goes on.
pub fn preempt_waker() {
    let (at, off) = choose_preemption();
    if at > 0 {
        compute(0, off);
    }
}

/// The running thread has computed for `ns` nanoseconds without a call; `off`: and loses the processor for so long, 0: it does not.
pub fn compute(ns: u64, off: u64) {
    let mut entered = false;
    loop {
        let go_on = with(|w| {
            // A run that has failed ends at the next call, however much is computed on the way to it.
            if w.scheduler.is_unwinding() || w.run.failed() {
                return true;
            }
            let me = w.scheduler.current();
            if !entered {
                entered = true;
                w.scheduler[me].compute(ns);
                w.scheduler[me].spend(off);
                if off > 0 {
                    let (time, args) = (w.scheduler[me].time(), [off, 0, 0, 0]);
                    w.run.injected(Family::Preempt, Effect { time, thread: me, args });
                }
            }
            w.catch_up(me)
        });
        if go_on {
            return;
        }
        suspend();
    }
}

/// The address of the host of this name.
pub fn resolve(name: &str) -> Option<IpAddr> {
    with(|w| w.hosts.position(|host| host.name() == name).map(|host| IpAddr::V4(w.network.ip(host))))
}

/// Whether a thread of the running process waits on this futex word.
pub fn is_awaited(word: usize) -> bool {
    with(|w| w.futexes.first((w.my_process(), word)).is_some())
}

/// What kind of socket a descriptor of the running process is: its domain, and whether it takes datagrams.
pub fn socket_kind(fd: Fd) -> Option<(eagain_net::Domain, bool)> {
    with(|w| match w.files[w.file(fd).ok()?].object {
        Object::Socket(sock) => Some((w.network.domain(sock), false)),
        Object::Udp(sock) => Some((w.network.udp_domain(sock), true)),
        Object::Unix(sock) => Some((eagain_net::Domain::Unix, w.network.unix_is_datagram(sock))),
        _ => None,
    })
}

/// How many bytes one read of a socket or pipe could give, for `FIONREAD`.
pub fn readable(fd: Fd) -> Option<u64> {
    with(|w| match w.files[w.file(fd).ok()?].object {
        Object::Socket(sock) => Some(w.network.readable(sock).map_or(0, |(bytes, _)| bytes)),
        Object::Udp(sock) => Some(w.network.udp_next_len(sock)),
        Object::Unix(sock) => Some(w.network.unix_next_len(sock)),
        Object::Pipe { pipe, .. } => Some(w.pipes[pipe as usize].len() as u64),
        _ => None,
    })
}

/// A tick of the coarse clocks and of the times of files, in nanoseconds.
pub const TICK: u64 = crate::object::TICK;

/// Whether `stat(2)` spoke of what is on no disk: a pipe, a socket, an eventfd.
pub fn is_on_no_disk(stat: &FileStat) -> bool {
    stat.inode >= crate::syscall::stat::ON_NO_DISK
}

/// The path of an open directory, as it is now.
pub fn path_of(fd: Fd) -> eagain_net::Result<String> {
    with(|w| crate::syscall::names::path_of(w, fd))
}

/// The names in an open directory, sorted, and what each is.
pub fn entries(fd: Fd) -> eagain_net::Result<Vec<(String, FileStat)>> {
    with(|w| crate::syscall::names::entries(w, fd))
}

/// The permissions of a file or directory of the running process's host; `None`: there is none of this name.
pub fn permissions(path: &str) -> Option<u32> {
    with(|w| crate::syscall::stat::stat(w, path)).ok().map(|stat| stat.mode & 0o7777)
}

/// What the running process has just made there has these.
pub fn set_permissions(path: &str, permissions: u32) {
    let _ = with(|w| crate::syscall::stat::chmod(w, path, permissions));
}

/// `F_GETFL` without the flags that can be changed: how the file may be used. 0 is `O_RDONLY`.
pub fn access_mode(fd: Fd) -> i32 {
    with(|w| match w.file(fd).map(|file| &w.files[file].object) {
        Ok(Object::File(open)) => open.access.mode(),
        Ok(Object::Pipe { end, .. }) if !end.reads() => OpenFlags::WRONLY.0,
        Ok(Object::Pipe { end, .. }) if !end.writes() => OpenFlags::NONE.0,
        Ok(Object::Device(open)) => open.access.mode(),
        _ => OpenFlags::RDWR.0,
    })
}

/// The name of the running thread's host.
pub fn host_name() -> String {
    with(|w| {
        let host = w.my_host();
        w.hosts[host].name().to_string()
    })
}

/// How many processors that host has.
pub fn processors() -> usize {
    with(|w| {
        let host = w.my_host();
        w.hosts[host].processors()
    })
}

/// A thread of the running process panicked at `place` (`file:line`): breaks O16, unless the process may. It goes on unwinding.
pub fn panicked(message: &str, place: &str) {
    with(|w| {
        let process = w.my_process();
        if !w.processes[process].may_panic() {
            let me = w.scheduler.current();
            let name = w.scheduler[me].shown().into_owned();
            w.fail_in(Who::Thread(me), Oracle::Survival, place, format!("{name} panicked: {message}"));
        }
    });
}
