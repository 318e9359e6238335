//! select, poll, epoll and eventfd: what they report, and what they refuse.

use crate::pair;
use eagain_net::{
    Epoll, EpollEvent, Errno, EventFd, Events, Fd, FdSet, Linux, PollFd, Readiness, ShutdownHow, SigSet,
};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn epoll_reports_each_of_many_with_its_own_data() {
    let epoll = Epoll::new(Linux).unwrap();
    let counters: Vec<_> = (0..100).map(|_| EventFd::new(Linux, 0).unwrap()).collect();
    for (at, counter) in counters.iter().enumerate() {
        epoll.add(counter.fd(), Events::IN, u64::MAX - at as u64).unwrap();
        counter.write(1).unwrap();
    }
    let mut events = [EpollEvent::default(); 128];
    assert_eq!(epoll.wait(&mut events, NOW), Ok(100));
    for (at, event) in events[..100].iter().enumerate() {
        assert_eq!((event.events, event.data), (Events::IN, u64::MAX - at as u64));
    }
    assert_eq!(events[100], EpollEvent::default());
    // No more than asked for, and the rest the next time.
    assert_eq!(epoll.wait(&mut events[..3], NOW), Ok(3));
}

#[test]
fn epoll_refuses_what_its_manual_says() {
    let epoll = Epoll::new(Linux).unwrap();
    let counter = EventFd::new(Linux, 0).unwrap();
    assert_eq!(epoll.wait(&mut [], NOW), Err(Errno::EINVAL));
    assert_eq!(epoll.modify(counter.fd(), Events::IN, 0), Err(Errno::ENOENT));
    epoll.add(counter.fd(), Events::IN, 0).unwrap();
    assert_eq!(epoll.add(counter.fd(), Events::IN, 0), Err(Errno::EEXIST));
    epoll.delete(counter.fd()).unwrap();
    assert_eq!(epoll.delete(counter.fd()), Err(Errno::ENOENT));
    assert_eq!(epoll.add(epoll.fd(), Events::IN, 0), Err(Errno::EINVAL));
    assert_eq!(epoll.add(Fd(-1), Events::IN, 0), Err(Errno::EBADF));
}

#[test]
fn a_wait_for_a_time_ends_with_nothing() {
    let epoll = Epoll::new(Linux).unwrap();
    let mut events = [EpollEvent::default(); 1];
    assert_eq!(epoll.wait_masked(&mut events, Some(Duration::from_micros(1)), SigSet::EMPTY), Ok(0));
    assert_eq!(Linux.poll(&mut [], Some(Duration::from_micros(1)), None), Ok(0));
    assert_eq!(Linux.select(0, None, None, None, Some(Duration::from_micros(1)), None), Ok(0));
}

#[test]
fn poll_reports_the_ends_of_a_connection() {
    let (client, server) = pair();
    let asked = Events::IN | Events::OUT | Events::RDHUP;
    let mut fds =
        [PollFd::new(server.fd(), asked), PollFd::new(Fd(-1), asked), PollFd::new(Fd(1 << 20), asked)];
    client.shutdown(ShutdownHow::Write).unwrap();
    assert_eq!(Linux.poll(&mut fds, NOW, None), Ok(2));
    assert_eq!(fds[0].revents, asked);
    assert_eq!(fds[1].revents, Events::NONE);
    assert_eq!(fds[2].revents, Events::NVAL);
    drop(client);
    server.shutdown(ShutdownHow::Write).unwrap();
    assert_eq!(Linux.poll(&mut fds[..1], NOW, None), Ok(1));
    assert_eq!(fds[0].revents, asked | Events::HUP);
}

#[test]
fn poll_of_more_than_fit_on_the_stack() {
    let counter = EventFd::new(Linux, 1).unwrap();
    let mut fds = vec![PollFd::new(Fd(-1), Events::IN); 1000];
    fds[999] = PollFd::new(counter.fd(), Events::IN | Events::OUT);
    assert_eq!(Linux.poll(&mut fds, None, None), Ok(1));
    assert_eq!(fds[999].revents, Events::IN | Events::OUT);
}

#[test]
fn select_leaves_the_bits_of_what_is_ready() {
    let (client, server) = pair();
    let (mut read, mut write) = (FdSet::default(), FdSet::default());
    assert!(read.insert(server.fd()) && read.insert(client.fd()) && write.insert(client.fd()));
    server.write(b"x").unwrap();
    let nfds = server.fd().0.max(client.fd().0) + 1;
    assert_eq!(Linux.select(nfds, Some(&mut read), Some(&mut write), None, None, None), Ok(2));
    assert_eq!(read.iter().collect::<Vec<_>>(), [client.fd()]);
    assert_eq!(write.iter().collect::<Vec<_>>(), [client.fd()]);
}

#[test]
fn select_refuses_more_than_its_sets_hold() {
    let mut read = FdSet::default();
    assert!(!read.insert(Fd(1024)));
    assert!(!read.insert(Fd(-1)));
    assert_eq!(Linux.select(1025, Some(&mut read), None, None, NOW, None), Err(Errno::EINVAL));
    assert_eq!(Linux.select(-1, Some(&mut read), None, None, NOW, None), Err(Errno::EINVAL));
}

#[test]
fn an_eventfd_counts() {
    let counter = EventFd::new(Linux, 3).unwrap();
    counter.write(4).unwrap();
    assert_eq!(counter.read(), Ok(7));
    assert_eq!(counter.read(), Err(Errno::EAGAIN));
    assert_eq!(counter.write(u64::MAX), Err(Errno::EINVAL));
}
