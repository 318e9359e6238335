//! Processes that would wait for each other's locks (`posix_locks_deadlock`): the one that asks last is refused. On Linux the other
//! process is this program, run again.

use eagain_net::*;
use eagain_scenarios::conform::sides::in_simulation_beside;
use eagain_sim::{Engine, SimKernel};
use std::process::{Command, Stdio};
use std::time::Duration;

const PATH: &str = "EAGAIN_WAITS_FOR_A_LOCK";
const BRIEFLY: Duration = Duration::from_millis(1);

/// One byte, for the process.
fn byte(kind: FileLock, start: u64) -> RecordLock {
    RecordLock { kind, owner: LockOwner::Process, start, len: 1 }
}

fn until_locked<K: Kernel>(k: K, fd: Fd, at: u64) {
    while k.fcntl_getlk(fd, byte(FileLock::Shared, at)) == Ok(None) {
        k.nanosleep(BRIEFLY).unwrap();
    }
}

/// Has byte 1, and waits for byte 0.
fn waits<K: Kernel>(k: K, path: &str) {
    let fd = loop {
        match k.open(path, OpenFlags::RDWR) {
            Ok(fd) => break fd,
            Err(_) => k.nanosleep(BRIEFLY).unwrap(),
        }
    };
    until_locked(k, fd, 0);
    assert_eq!(k.fcntl_setlk(fd, byte(FileLock::Exclusive, 1)), Ok(()));
    assert_eq!(k.fcntl_setlkw(fd, byte(FileLock::Exclusive, 0)), Ok(()));
    k.close(fd).unwrap();
}

/// Has byte 0, and asks for byte 1 once the other one waits.
fn asks<K: Kernel>(k: K, path: &str, until_it_waits: impl FnOnce(K)) {
    let fd = k.open(path, OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
    assert_eq!(k.fcntl_setlk(fd, byte(FileLock::Exclusive, 0)), Ok(()));
    until_locked(k, fd, 1);
    until_it_waits(k);
    for kind in [FileLock::Exclusive, FileLock::Shared] {
        assert_eq!(k.fcntl_setlkw(fd, byte(kind, 1)), Err(Errno::EDEADLK));
        assert_eq!(k.fcntl_setlk(fd, byte(kind, 1)), Err(Errno::EAGAIN));
    }
    // What nobody has is given, and what it has already.
    assert_eq!(k.fcntl_setlkw(fd, byte(FileLock::Exclusive, 2)), Ok(()));
    assert_eq!(k.fcntl_setlkw(fd, byte(FileLock::Exclusive, 0)), Ok(()));
    assert_eq!(k.fcntl_setlk(fd, byte(FileLock::Unlock, 0)), Ok(()));
    // The other one has it now and waits for nobody: so this one may.
    assert_eq!(k.fcntl_setlkw(fd, byte(FileLock::Exclusive, 1)), Ok(()));
    k.close(fd).unwrap();
    k.unlink(path).unwrap();
}

/// Run by `lock_that_two_processes_would_wait_for_is_edeadlk`, as the other process.
#[test]
#[ignore = "it waits for a lock of another process"]
fn other_process() {
    if let Ok(path) = std::env::var(PATH) {
        waits(Linux, &path);
    }
}

#[test]
fn lock_that_two_processes_would_wait_for_is_edeadlk() {
    let path = format!("/tmp/eagain-deadlock-{}", std::process::id());
    let (own, other) = (path.clone(), path.clone());
    let program = move |k: SimKernel| asks(k, &own, |k| k.nanosleep(BRIEFLY).unwrap());
    let report = in_simulation_beside(&mut Engine::new(), program, move |k| waits(k, &other));
    assert_eq!(report.failure, None);

    crate::on_linux(move |k| {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "deadlock::other_process", "--ignored"])
            .env(PATH, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Who waits is behind an arrow (`locks_show`).
        let waiter = format!(" {} ", child.id());
        let waits = |line: &str| line.contains("->") && line.contains(&waiter);
        asks(k, &path, |k| {
            while !std::fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
                k.nanosleep(BRIEFLY).unwrap();
            }
        });
        assert!(child.wait().unwrap().success());
    })
    .unwrap();
}
