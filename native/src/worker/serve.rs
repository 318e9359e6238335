//! The worker's side: one OS thread, which runs what it is asked to until the socket is at its end.

use super::{BEAT, CRASHED, LAST_REPORT, OVERFLOW, REPLIES_BYTES, REPORT, VARIABLE, message};
use crate::c::stdio;
use crate::crash::{self, Crash};
use crate::{dispatch, image, raw, state, tls};
use eagain_sim::runner::{Execute, watchdog};
use eagain_sim::{Engine, native, run_spec};
use std::ffi::{c_int, c_void};
use std::io::{BufReader, Read};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Instant;

/// How often the parent is notified that calls are made.
const TICK_US: i64 = 250_000;

/// Cells of `image`: what the signal handlers look at.
const SERVING: usize = 0;
const HEARTBEAT: usize = 1;
const LAST_BEAT: usize = 2;
const SOCKET: usize = 3;
const PARENT: usize = 4;
/// In nanoseconds of this process on a processor: when a call was last seen to have been made, the last tick, and how much a program
/// may compute without a call. `crate::crash` has cells 5 and 9.
const CPU_AT_BEAT: usize = 6;
const CPU_AT_TICK: usize = 7;
const CPU_MAX: usize = 8;
/// The reports that were not sent yet: address and length.
const REPLIES: usize = 10;
const REPLIES_LENGTH: usize = 11;
/// Who gets less of a processor in a tick is blocked, and not just late: a tick takes some itself.
const COMPUTES_NS: usize = 1_000_000;

/// Before `main`, after std knows the arguments of the process.
#[used]
#[unsafe(link_section = ".init_array")]
static SERVE: extern "C" fn() = serve_if_asked;

extern "C" fn serve_if_asked() {
    // In a simulated process this runs again, as all of `.init_array` does.
    if crate::context::current().is_some() {
        return;
    }
    let Ok(text) = std::env::var(VARIABLE) else { return };
    let Ok(number @ 3..) = text.parse::<i32>() else { return };
    let ask = || {
        // In a virtual machine a question (`CPUID`) takes tens of microseconds.
        std::hint::black_box(std::is_x86_feature_detected!("avx2"));
        // It looks up functions of libc.
        tls::check()
    };
    if let Err(line) = image::check().and_then(|()| image::keep(ask)) {
        raw::fatal(line);
    }
    native::unsettle();
    stdio::enable_locks();
    raw::announce_threads();
    image::also(stdio::variables());
    // SAFETY: the parent made it for this process, and nobody else here knows it.
    let socket = unsafe { UnixStream::from_raw_fd(number) };
    // SAFETY: it has no preconditions. One arena: what simulated threads allocate for the harness is not spread over many.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    serve(socket, number);
    raw::exit_now(0)
}

/// Whether a world is being run here.
pub fn is_serving() -> bool {
    image::cells()[SERVING].load(SeqCst) == 1
}

fn serve(socket: UnixStream, number: i32) {
    let (start, _) = message::executable();
    let mut socket = BufReader::new(socket);
    let mut engine = Engine::with_thread_pointers();
    handle_signals(&engine.heartbeat(), number);
    dispatch::install();
    let cells = image::cells();
    let mut replies = Vec::new();
    loop {
        let mut length = [0; 8];
        if socket.read_exact(&mut length).is_err() {
            return;
        }
        let mut requests = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX)];
        if socket.read_exact(&mut requests).is_err() {
            return;
        }
        let mut rest = &requests[..];
        while !rest.is_empty() {
            let begun = Instant::now();
            let Some((spec, mix)) = message::read_specification(&mut rest, start) else {
                raw::fatal("a worker process was asked for something that it cannot read")
            };
            cells[SERVING].store(1, SeqCst);
            state::begin_world();
            let report = match mix.and_then(|mix| engine.run_guided(&spec, &mix)) {
                Some(report) => report,
                None => run_spec(&spec, &mut engine),
            };
            state::end_world();
            cells[SERVING].store(0, SeqCst);
            let is_last = crash::is_damaged();
            if cells[REPLIES_LENGTH].load(Relaxed) == 0 {
                replies.clear();
            }
            replies.push(if is_last { LAST_REPORT } else { REPORT });
            replies.extend_from_slice(&(begun.elapsed().as_nanos() as u64).to_le_bytes());
            message::report(&report, &mut replies);
            cells[REPLIES].store(replies.as_ptr() as usize, Relaxed);
            cells[REPLIES_LENGTH].store(replies.len(), SeqCst);
            let is_due = is_last || rest.is_empty() || replies.len() >= REPLIES_BYTES;
            if is_due && !send_replies() || is_last {
                return;
            }
        }
    }
}

/// Sends the replies that there are; whether somebody still waits for them. Async-signal-safe.
fn send_replies() -> bool {
    let cells = image::cells();
    let mut length = cells[REPLIES_LENGTH].swap(0, SeqCst);
    let mut at = cells[REPLIES].load(Relaxed);
    while length > 0 {
        let arguments = [cells[SOCKET].load(Relaxed) as i64, at as i64, length as i64, 0, 0, 0];
        // SAFETY: so many bytes of the replies, which stay as they are until they were sent.
        match unsafe { raw::system_call(libc::SYS_write, arguments) } {
            sent @ 1.. => (at, length) = (at + sent as usize, length - sent as usize),
            error if error == -i64::from(libc::EINTR) => {}
            _ => return false,
        }
    }
    true
}

/// What says how the worker crashed, and that it makes calls.
fn handle_signals(heartbeat: &Arc<AtomicU64>, socket: i32) {
    let cells = image::cells();
    cells[HEARTBEAT].store(Arc::as_ptr(heartbeat) as usize, SeqCst);
    cells[SOCKET].store(socket as usize, SeqCst);
    // Before the parent's watchdog, which does not see what computes.
    let limit = watchdog::limit().as_nanos() as usize / 4 * 3;
    cells[CPU_MAX].store(if limit == 0 { usize::MAX } else { limit }, SeqCst);
    crash::prepare();
    cells[PARENT].store(std::os::unix::process::parent_id() as usize, SeqCst);
    // The counter is the engine's, which lives as long as the process; it must not go before.
    std::mem::forget(heartbeat.clone());
    const ALTERNATE_BYTES: usize = 64 << 10;
    let alternate = vec![0u8; ALTERNATE_BYTES].leak().as_mut_ptr();
    // SAFETY: the stack is leaked and used by nobody else; the handlers are async-signal-safe and of the type that
    // SA_SIGINFO asks for; all-zero is a valid sigaction and itimerval.
    unsafe {
        let stack = libc::stack_t { ss_sp: alternate.cast(), ss_flags: 0, ss_size: ALTERNATE_BYTES };
        libc::sigaltstack(&stack, std::ptr::null_mut());
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGTRAP]
        {
            dispatch::handle(signal, on_crash, 0);
        }
        dispatch::handle(libc::SIGALRM, on_tick, libc::SA_RESTART);
        // The parent's end may be closed: then write(2) says so.
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        let tick = libc::timeval { tv_sec: 0, tv_usec: TICK_US };
        let timer = libc::itimerval { it_interval: tick, it_value: tick };
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
}

unsafe extern "C" fn on_crash(signal: c_int, info: *mut libc::siginfo_t, frame: *mut c_void) {
    dispatch::off();
    // SAFETY: the kernel hands over a valid siginfo.
    let address = unsafe { (*info).si_addr() } as usize;
    let (start, _) = native::stack_range();
    const GUARD: usize = 64 << 10;
    let is_overflow = signal == libc::SIGSEGV && start != 0 && (start..start + GUARD).contains(&address);
    let crash = if is_overflow { Crash::Overflow } else { Crash::Signal(signal) };
    // SAFETY: the kernel's frame.
    if unsafe { !crash::redirect(crash, address, frame) } {
        if is_serving() {
            send_replies();
        }
        raw::exit_now(if is_overflow { OVERFLOW } else { CRASHED + signal })
    }
}

/// Notifies the parent that calls are made, if any were since the last time.
unsafe extern "C" fn on_tick(_: c_int, _: *mut libc::siginfo_t, frame: *mut c_void) {
    dispatch::while_off(|| tick(frame));
}

fn tick(frame: *mut c_void) {
    let cells = image::cells();
    let heartbeat = cells[HEARTBEAT].load(Relaxed) as *const AtomicU64;
    // SAFETY: the counter of the engine, which is never freed.
    let beat = unsafe { (*heartbeat).load(Relaxed) } as usize;
    if cells[SERVING].load(Relaxed) == 0 {
        return;
    }
    // The parent knows by what is left which run takes long.
    if !send_replies() {
        raw::exit_now(0);
    }
    let cpu = processor_ns();
    let used = cpu.saturating_sub(cells[CPU_AT_TICK].swap(cpu, Relaxed));
    if cells[LAST_BEAT].swap(beat, Relaxed) == beat {
        // It may compute without end: nobody waits for it where the parent is gone.
        // SAFETY: it has no preconditions.
        if unsafe { raw::system_call(libc::SYS_getppid, [0; 6]) } as usize != cells[PARENT].load(Relaxed) {
            raw::exit_now(0);
        }
        if cpu.saturating_sub(cells[CPU_AT_BEAT].load(Relaxed)) >= cells[CPU_MAX].load(Relaxed) {
            // SAFETY: the kernel's frame. Where the harness computes, the parent gives it up.
            if unsafe { crash::redirect(Crash::Hang, 0, frame) } {
                cells[CPU_AT_BEAT].store(cpu, Relaxed);
            }
            return;
        }
        if used < COMPUTES_NS {
            return;
        }
    } else {
        cells[CPU_AT_BEAT].store(cpu, Relaxed);
    }
    let byte = BEAT;
    let arguments = [cells[SOCKET].load(Relaxed) as i64, (&raw const byte) as i64, 1, 0, 0, 0];
    // SAFETY: one byte that is valid.
    if unsafe { raw::system_call(libc::SYS_write, arguments) } < 0 {
        // Nobody waits for the report any more.
        raw::exit_now(0);
    }
}

/// For how long this process has had a processor: on a machine with much to do, time passes without it.
fn processor_ns() -> usize {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let arguments = [libc::CLOCK_PROCESS_CPUTIME_ID.into(), (&raw mut time) as i64, 0, 0, 0, 0];
    // SAFETY: it writes a valid time.
    unsafe { raw::system_call(libc::SYS_clock_gettime, arguments) };
    time.tv_sec as usize * 1_000_000_000 + time.tv_nsec as usize
}
