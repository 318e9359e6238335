//! Sections 1 and 2, where regular files and numbers that are not open meet readiness.

use crate::asleep::Sleepers;
use eagain_net::{EpollOp, Errno, Events, Fd, FdSet, OpenFlags, PollFd, Readiness, SocketFlags};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn e12_a_regular_file_is_always_ready_and_in_no_set<K: Sleepers>(k: K) {
    let path = format!("/tmp/eagain-contract-{}", k.getpid());
    let _ = k.mkdir("/tmp");
    let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    let epoll = k.epoll_create().unwrap();
    assert_eq!(k.epoll_ctl(epoll, EpollOp::Add, file, Events::IN, 0), Err(Errno::EPERM));
    let mut asked = [PollFd::new(file, Events::IN | Events::OUT | Events::PRI | Events::RDHUP)];
    assert_eq!(k.poll(&mut asked, NOW, None), Ok(1));
    assert_eq!(asked[0].revents, Events::IN | Events::OUT);
    for fd in [file, epoll] {
        k.close(fd).unwrap();
    }
    k.unlink(&path).unwrap();
}

fn p13_select_of_what_is_not_open<K: Sleepers>(k: K) {
    let event = k.eventfd(1, SocketFlags::NONBLOCK).unwrap();
    k.close(event).unwrap();
    let mut read = FdSet::default();
    assert!(read.insert(event));
    assert_eq!(k.select(event.0 + 1, Some(&mut read), None, None, NOW, None), Err(Errno::EBADF));
    assert!(read.contains(event), "the sets are left as they were");
    assert_eq!(k.select(1025, Some(&mut read), None, None, NOW, None), Err(Errno::EINVAL));
    assert_eq!(k.select(-1, Some(&mut read), None, None, NOW, None), Err(Errno::EINVAL));
}

/// The real table of the test process is as large as its limit, since another row fills it; so this one is told of the
/// simulation alone.
#[test]
fn p14_select_ignores_what_is_beyond_the_table() {
    let result = crate::on_simulation(|k| {
        let mut read = FdSet::default();
        assert!(read.insert(Fd(1020)));
        assert_eq!(k.select(1021, Some(&mut read), None, None, NOW, None), Ok(0));
        assert!(read.contains(Fd(1020)), "and leaves the bit as it was");
    });
    assert_eq!(result, Ok(()));
}

fn p15_poll_counts_what_is_not_open<K: Sleepers>(k: K) {
    let event = k.eventfd(1, SocketFlags::NONBLOCK).unwrap();
    k.close(event).unwrap();
    let mut asked = [PollFd::new(event, Events::IN), PollFd::new(Fd(-1), Events::IN)];
    assert_eq!(k.poll(&mut asked, NOW, None), Ok(1));
    assert_eq!(asked.map(|fd| fd.revents), [Events::NVAL, Events::NONE]);
}

crate::bodies! {
    e12_a_regular_file_is_always_ready_and_in_no_set
    p13_select_of_what_is_not_open
    p15_poll_counts_what_is_not_open
}
