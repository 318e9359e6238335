//! What the simulator does not know breaks the oracle `escape`: it is neither passed to the machine nor ignored.

use eagain_sim::trace::frames;
use std::backtrace::Backtrace;
use std::ffi::c_long;

/// The oracle.
pub const ORACLE: &str = "escape";

/// The program called `what`, which is not simulated: the run ends here, with the program's frames. To be called as the
/// harness.
pub fn escape(what: &'static str, detail: &str) {
    let backtrace = Backtrace::force_capture().to_string();
    let message = format!(
        "the program calls {what}{detail}, which is not simulated: it would leave the simulation. {}\n{}",
        advice(what, &backtrace),
        frames::own(frames::below(&backtrace, "eagain_serve"))
    );
    eagain_sim::fail(ORACLE, what, message);
}

/// As [`escape`], of a system call by number.
pub fn escape_by_number(call: c_long) {
    match name(call) {
        Some(name) => escape(name, ""),
        None => escape("syscall", &format!(" {call}")),
    }
}

/// Names system calls that programs are known to make and the simulator does not serve, so that nobody has to look their numbers up.
macro_rules! names {
    ($($number:ident)*) => {
        fn name(call: c_long) -> Option<&'static str> {
            match call {
                $(libc::$number => stringify!($number).strip_prefix("SYS_"),)*
                _ => None,
            }
        }
    };
}

names! {
    SYS_chroot SYS_clone SYS_clone3 SYS_execveat SYS_fanotify_init SYS_fchownat SYS_fgetxattr
    SYS_fsetxattr SYS_getxattr SYS_inotify_init SYS_inotify_init1 SYS_io_setup SYS_io_uring_setup
    SYS_keyctl SYS_linkat SYS_memfd_create SYS_mlock SYS_mlockall SYS_mmap
    SYS_mount SYS_mq_open SYS_msgget SYS_msync SYS_perf_event_open SYS_personality SYS_pidfd_send_signal
    SYS_preadv2 SYS_process_vm_readv SYS_ptrace SYS_pwritev2
    SYS_renameat2 SYS_rt_sigaction SYS_rt_sigqueueinfo SYS_seccomp SYS_semget SYS_shmat SYS_shmget
    SYS_statfs SYS_symlink SYS_symlinkat SYS_tee SYS_times SYS_userfaultfd
    SYS_vmsplice SYS_wait4 SYS_waitid
}

/// What to do instead, in a sentence.
fn advice(what: &str, backtrace: &str) -> &'static str {
    match what {
        "fork" | "clone" | "clone3" => {
            "Configure it to stay one process in the foreground (`daemon off; master_process off;`, `-D`, `-f`), or give its other \
             program a host, or a process of its own on this one, in the scenario."
        }
        "execve" | "execveat" | "posix_spawn" => {
            "Give the other program a host, or a process of its own on this one, in the scenario."
        }
        "dlopen" => "Give it a build that has this library linked in, or a configuration that does without.",
        "mmap" => {
            "Files in memory are not simulated: let the program read and write them, or leave this part of it out of the \
             scenario."
        }
        // With line tables alone its functions have no path, but their files have.
        _ if backtrace.contains("rustix::") || backtrace.contains("/rustix-") => {
            "Build rustix with its backend that calls libc (RUSTFLAGS=--cfg=rustix_use_libc), or leave this part of the program \
             out of the scenario."
        }
        _ => "Give the program something else to do here, or leave this part of it out of the scenario.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_by_rustix_names_its_other_backend() {
        for frame in [
            "   1: rustix::fs::ptrace\n",
            "   1: ptrace\n  at /registry/src/rustix-1.1.6/src/process.rs:7:1\n",
        ] {
            assert!(advice("ptrace", frame).contains("--cfg=rustix_use_libc"));
        }
        assert!(!advice("ptrace", "   1: ptrace\n").contains("rustix"));
    }
}
