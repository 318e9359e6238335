//! Signals: `sigaction(2)`, `sigprocmask(2)`, `kill(2)`.

use super::{KERNEL, symbols};
use crate::context::{self, Context};
use crate::raw;
use eagain_net::{
    Disposition, Errno, MaskHow, Result, SigAction, SigActionFlags, SigCode, SigInfo, SigSet, Signal,
    Signals, ThreadId,
};
use libc::{pthread_t, sighandler_t, sigset_t};
use std::ffi::{c_int, c_void};

/// Room for the `ucontext_t` that a handler is handed: zeros.
const CONTEXT_WORDS: usize = 128;

unsafe fn read_set(set: *const sigset_t) -> SigSet {
    SigSet(set.cast::<u64>().read_unaligned())
}

pub unsafe fn change_mask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> Result<()> {
    let (how, given) = match (how, set.is_null()) {
        (_, true) => (MaskHow::Block, SigSet::EMPTY),
        (libc::SIG_BLOCK, _) => (MaskHow::Block, read_set(set)),
        (libc::SIG_UNBLOCK, _) => (MaskHow::Unblock, read_set(set)),
        (libc::SIG_SETMASK, _) => (MaskHow::SetMask, read_set(set)),
        _ => return Err(Errno::EINVAL),
    };
    let before = KERNEL.sigprocmask(how, given)?;
    if !old.is_null() {
        old.cast::<u64>().write_unaligned(before.0);
    }
    Ok(())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
    let Some(context) = context::current() else {
        let arguments = [i64::from(how), set as i64, old as i64, 8, 0, 0];
        return -raw::system_call(libc::SYS_rt_sigprocmask, arguments) as c_int;
    };
    context.as_harness(|| change_mask(how, set, old)).map_or_else(|errno| errno.0, |()| 0)
}

symbols! {
    fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int =
        SYS_rt_sigprocmask(how, set, old, 8), |_| change_mask(how, set, old);

    fn kill(pid: c_int, signal: c_int) -> c_int = SYS_kill(pid, signal), |_| KERNEL.kill(pid, Signal(signal));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(sigaction as
            fn(signal => c_int, new => *const libc::sigaction, old => *mut libc::sigaction) -> c_int);
    };
    super::returned(context.as_harness(|| change_action(context, signal, new, old))) as c_int
}

unsafe fn change_action(
    context: &'static Context,
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> Result<()> {
    if !old.is_null() {
        // What handled it before is not kept in C's form: the default is what nearly every program finds.
        std::ptr::write_bytes(old, 0, 1);
    }
    if new.is_null() {
        return Ok(());
    }
    let new = &*new;
    let flags = SigActionFlags(new.sa_flags as u32);
    let flags = flags & (SigActionFlags::RESTART | SigActionFlags::NODEFER | SigActionFlags::RESETHAND);
    let disposition = match new.sa_sigaction {
        libc::SIG_DFL => Disposition::Default,
        libc::SIG_IGN => Disposition::Ignore,
        function => {
            let state = context.state;
            Disposition::Handler(std::sync::Arc::new(
                Handler { function, state: std::ptr::from_ref(state) as usize }.into_fn(),
            ))
        }
    };
    KERNEL.sigaction(Signal(signal), SigAction { disposition, flags, mask: read_set(&new.sa_mask) }).map(drop)
}

/// As C has it: what the code says is in the union behind it.
pub fn raw_info(info: &SigInfo) -> libc::siginfo_t {
    // SAFETY: it is made of integers, of which zero is a value, and longer than what is written.
    unsafe {
        let mut raw: libc::siginfo_t = std::mem::zeroed();
        (raw.si_signo, raw.si_code) = (info.signal.0, info.code.to_raw());
        let bytes = (&raw mut raw).cast::<u8>();
        let (int, long) =
            (|at: usize| bytes.add(at).cast::<c_int>(), |at: usize| bytes.add(at).cast::<u64>());
        match info.code {
            SigCode::Timer => {
                *int(16) = info.timer.0;
                *int(20) = info.overrun;
                *long(24) = info.value;
            }
            SigCode::Queue | SigCode::AsyncIo => *long(24) = info.value,
            code if code.is_poll() => {
                *long(16) = info.band.with_bands().0.into();
                *int(24) = info.fd.0;
            }
            _ => {}
        }
        raw
    }
}

#[derive(Clone, Copy)]
struct Handler {
    function: usize,
    state: usize,
}

impl Handler {
    fn into_fn(self) -> impl Fn(&SigInfo) + Send + Sync + 'static {
        move |info| self.run(info)
    }

    /// As the harness, on whatever thread the signal is delivered to.
    fn run(self, info: &SigInfo) {
        let identity = eagain_sim::native::identity();
        // SAFETY: the state is that of the OS thread, and lives as long as that; the function is of this type, or of one that
        // takes less. The context is that of the running thread.
        unsafe {
            let state = &*(self.state as *const crate::state::State);
            let threads = state.threads.borrow();
            let running =
                threads.values().find(|c| c.process == identity.process && c.tid.get() == identity.tid);
            let Some(running) = running.map(|context| std::ptr::from_ref(&**context)) else { return };
            drop(threads);
            let mut raw_info = raw_info(info);
            let mut machine_context = [0u64; CONTEXT_WORDS];
            let function: unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                std::mem::transmute(self.function);
            (*running)
                .as_program(|| function(info.signal.0, &mut raw_info, machine_context.as_mut_ptr().cast()));
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let mut new: libc::sigaction = std::mem::zeroed();
    new.sa_sigaction = handler;
    new.sa_flags = libc::SA_RESTART;
    let mut old: libc::sigaction = std::mem::zeroed();
    match sigaction(signal, &new, &mut old) {
        0 => old.sa_sigaction,
        _ => libc::SIG_ERR,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn raise(signal: c_int) -> c_int {
    let Some(context) = context::current() else {
        let (pid, tid) = (libc::getpid(), raw::system_call(libc::SYS_gettid, [0; 6]));
        return super::machine!(SYS_tgkill(pid, tid, signal)) as c_int;
    };
    super::returned(context.as_harness(|| KERNEL.tgkill(ThreadId(context.tid.get()), Signal(signal))))
        as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_kill(thread: pthread_t, signal: c_int) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_kill as fn(thread => pthread_t, signal => c_int) -> c_int);
    };
    context.as_harness(|| {
        let tid = context
            .state
            .threads
            .borrow()
            .get(&(context.process, thread as usize))
            .map(|other| other.tid.get());
        let Some(tid) = tid else { return libc::ESRCH };
        KERNEL.tgkill(ThreadId(tid), Signal(signal)).map_or_else(|errno| errno.0, |()| 0)
    })
}
