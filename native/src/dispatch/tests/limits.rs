//! Limits of a process, as its own calls set them, and what it asks of the machine.

use super::system_call;
use std::net::UdpSocket;

fn files() -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is valid.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit
}

/// What `setrlimit` of descriptors comes to.
fn set(rlim_cur: u64, rlim_max: u64) -> Result<(), Option<i32>> {
    let limit = libc::rlimit { rlim_cur, rlim_max };
    // SAFETY: the pointer is valid.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error()),
    }
}

fn socket() -> Result<UdpSocket, Option<i32>> {
    UdpSocket::bind("127.0.0.1:0").map_err(|error| error.raw_os_error())
}

/// A limit that is set counts for what is opened from then on, and is reported.
pub fn limits() {
    let begun = files();
    assert_eq!((begun.rlim_cur, begun.rlim_max), (1024, 1 << 20));
    let first = socket().unwrap();
    assert_eq!(set(0, begun.rlim_max), Ok(()));
    assert_eq!(files().rlim_cur, 0);
    assert_eq!(socket().unwrap_err(), Some(libc::EMFILE));
    assert_eq!(first.send_to(b"x", first.local_addr().unwrap()).unwrap(), 1);
    assert_eq!(set(begun.rlim_max, begun.rlim_max), Ok(()));
    let many: Vec<UdpSocket> = (0..1100).map(|_| socket().unwrap()).collect();
    assert_eq!(many.len(), 1100);
    assert_eq!(set(2, 1), Err(Some(libc::EINVAL)));
    assert_eq!(set(1, u64::MAX), Err(Some(libc::EPERM)));
    // SAFETY: no memory is touched.
    let said = unsafe { (libc::sysconf(libc::_SC_OPEN_MAX), libc::getdtablesize()) };
    assert_eq!(said, (1 << 20, 1 << 20));
    // A hard limit that was lowered stays so.
    assert_eq!(set(100, 200), Ok(()));
    assert_eq!(set(100, 300), Err(Some(libc::EPERM)));
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let new = libc::rlimit { rlim_cur: 150, rlim_max: 200 };
    // SAFETY: the pointers are valid, or null where that is allowed.
    unsafe {
        assert_eq!(libc::prlimit(0, libc::RLIMIT_NOFILE, &raw const new, &raw mut old), 0);
        assert_eq!((old.rlim_cur, old.rlim_max, files().rlim_cur), (100, 200, 150));
        assert_eq!(libc::prlimit(1, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut old), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::ESRCH));
        assert_eq!(libc::prlimit(libc::gettid(), libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut old), 0);
        assert_eq!(libc::getrlimit(99, std::ptr::null_mut()), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINVAL));
    }
}

/// The processors are the host's, by whichever call: two, unless the scenario says otherwise.
pub fn processors() {
    let mut set = [u64::MAX; 4];
    assert_eq!(system_call(libc::SYS_sched_getaffinity, 0, 32, set.as_mut_ptr() as i64), 8);
    assert_eq!(set, [3, u64::MAX, u64::MAX, u64::MAX]);
    assert_eq!(
        system_call(libc::SYS_sched_getaffinity, 0, 4, set.as_mut_ptr() as i64),
        -i64::from(libc::EINVAL)
    );
    assert_eq!(system_call(libc::SYS_sched_getaffinity, 0, 8, 0), -i64::from(libc::EFAULT));
    // SAFETY: the set is as long as it says.
    unsafe { assert_eq!(libc::sched_getaffinity(0, 32, set.as_mut_ptr().cast()), 0) };
    assert_eq!(set, [3, 0, 0, 0]);
    assert_eq!(std::thread::available_parallelism().unwrap().get(), 2);
}
