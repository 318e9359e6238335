//! A call that waits holds its open file, whatever becomes of the number: nothing is closed before it returns, and a number
//! that is used again is not looked at (fs/file.c: `fdget`, `fdput`). `poll` and `select` hold what they wait for, but ask
//! what the numbers refer to by then (fs/select.c: `do_poll`, `do_select`).

use crate::asleep::{Caller, Handler, Sleepers};
use crate::blocking::{close_all, listener, pair};
use eagain_net::{
    Domain, EpollEvent, EpollOp, Errno, Events, Fd, FdSet, PollFd, RecvFlags, Result, SendFlags, ShutdownHow,
    Signal, SocketFlags, SocketOption, StatusFlags,
};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
const LONG: Option<Duration> = Some(Duration::from_secs(20));
/// Long enough for what should not happen to have happened.
const WHILE: Duration = Duration::from_millis(500);
const SIGNAL: Signal = Signal::SIGUSR1;

fn recv<K: Sleepers>(fd: Fd) -> impl FnOnce(K) -> Result<usize> + Send + 'static {
    move |k| k.recv(fd, &mut [0; 9], RecvFlags::NONE)
}

/// The events of the peer's end.
fn sees<K: Sleepers>(k: K, fd: Fd, timeout: Option<Duration>) -> Events {
    let mut fds = [PollFd::new(fd, Events::IN | Events::RDHUP)];
    k.poll(&mut fds, timeout, None).unwrap();
    fds[0].revents
}

/// Closes `fd`, and makes its number refer to the same as `other`; what else that opened.
fn use_again<K: Sleepers>(k: K, fd: Fd, other: Fd) -> Vec<Fd> {
    k.close(fd).unwrap();
    let mut opened = Vec::new();
    loop {
        let next = k.dup(other).unwrap();
        if next == fd {
            return opened;
        }
        opened.push(next);
    }
}

fn a_recv_that_waits_gets_what_comes_after_close<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let caller = Caller::start(k, recv(server));
    k.close(server).unwrap();
    assert_eq!(sees(k, client, NOW), Events::NONE, "no FIN");
    assert_eq!(k.send(client, b"hi", SendFlags::NONE), Ok(2));
    assert_eq!(caller.end(k), Ok(2));
    assert_eq!(sees(k, client, LONG), Events::IN | Events::RDHUP, "closed when the call is over");
    close_all(k, &[client]);
}

fn a_recv_that_waits_does_not_look_at_a_number_used_again<K: Sleepers>(k: K) {
    let ((client, server), (other_client, other)) = (pair(k), pair(k));
    let caller = Caller::start(k, recv(server));
    let opened = use_again(k, server, other);
    assert_eq!(k.send(other_client, b"other", SendFlags::NONE), Ok(5));
    assert!(!caller.is_over());
    assert_eq!(k.send(client, b"hi", SendFlags::NONE), Ok(2));
    assert_eq!(caller.end(k), Ok(2));
    assert_eq!(k.recv(server, &mut [0; 9], RecvFlags::NONE), Ok(5), "the number is the other's now");
    close_all(k, &opened);
    close_all(k, &[client, server, other, other_client]);
}

/// `dup2(2)`: the number is closed first, and refers to the other file at once.
fn a_number_that_is_replaced_is_not_looked_at<K: Sleepers>(k: K) {
    let ((client, server), (other_client, other)) = (pair(k), pair(k));
    let caller = Caller::start(k, recv(server));
    assert_eq!(k.dup3(other, server), Ok(server));
    assert_eq!(sees(k, client, NOW), Events::NONE, "no FIN");
    k.send(other_client, b"other", SendFlags::NONE).unwrap();
    k.send(client, b"hi", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(2));
    assert_eq!(sees(k, client, LONG), Events::IN | Events::RDHUP);
    close_all(k, &[client, server, other, other_client]);
}

fn a_read_of_a_pipe_goes_on_after_close<K: Sleepers>(k: K) {
    let (reader, writer) = k.pipe2(SocketFlags::NONE).unwrap();
    let caller = Caller::start(k, move |k| k.read(reader, &mut [0; 9]));
    k.close(reader).unwrap();
    assert_eq!(k.write(writer, b"abc"), Ok(3), "there is a reader still");
    assert_eq!(caller.end(k), Ok(3));
    k.close(writer).unwrap();
}

fn closing_one_of_two_numbers_closes_nothing<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let duplicate = k.dup(server).unwrap();
    let caller = Caller::start(k, recv(duplicate));
    k.close(duplicate).unwrap();
    assert_eq!(k.send(client, b"hi", SendFlags::NONE), Ok(2));
    assert_eq!(caller.end(k), Ok(2));
    assert_eq!(sees(k, client, Some(WHILE)), Events::NONE, "the other number is open");
    close_all(k, &[client, server]);
}

fn shutdown_then_close_ends_a_recv_that_waits<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let caller = Caller::start(k, recv(server));
    k.shutdown(server, ShutdownHow::Both).unwrap();
    k.close(server).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    close_all(k, &[client]);
}

fn a_send_that_waits_goes_on_after_close<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let total = 32 << 20;
    let caller = Caller::start(k, move |k| k.send(client, &vec![7; total], SendFlags::NONE));
    k.close(client).unwrap();
    let (mut read, mut buffer) = (0, vec![0; 1 << 20]);
    while read < total {
        read += k.recv(server, &mut buffer, RecvFlags::NONE).unwrap();
    }
    assert_eq!(caller.end(k), Ok(total));
    assert_eq!(k.recv(server, &mut buffer, RecvFlags::NONE), Ok(0));
    close_all(k, &[server]);
}

fn an_accept_that_waits_holds_its_listener<K: Sleepers>(k: K) {
    let (listener, address) = listener(k, 4);
    let accept =
        move |k: K| k.accept4(listener, SocketFlags::NONE).and_then(|(fd, _)| k.close(fd)).map(|()| 1);
    let caller = Caller::start(k, accept);
    k.close(listener).unwrap();
    let [again, client, late] = [(); 3].map(|()| k.socket(Domain::Inet, SocketFlags::NONE).unwrap());
    assert_eq!(k.bind(again, address), Err(Errno::EADDRINUSE));
    assert_eq!(k.connect(client, address), Ok(()));
    assert_eq!(caller.end(k), Ok(1));
    assert_eq!(k.connect(late, address), Err(Errno::ECONNREFUSED));
    close_all(k, &[again, client, late]);
}

fn an_accept_that_waits_has_its_number<K: Sleepers>(k: K) {
    let (listener, address) = listener(k, 4);
    let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    let lowest = k.eventfd(0, SocketFlags::NONE).unwrap();
    k.close(lowest).unwrap();
    let accept = move |k: K| k.accept4(listener, SocketFlags::NONE).map(|(fd, _)| fd.0 as usize);
    let caller = Caller::start(k, accept);
    let next = k.eventfd(0, SocketFlags::NONE).unwrap();
    assert_ne!(next, lowest, "it is reserved");
    assert_eq!(k.close(lowest), Err(Errno::EBADF), "and not open yet");
    assert_eq!(k.dup3(next, lowest), Err(Errno::EBUSY), "nor to be had");
    k.connect(client, address).unwrap();
    assert_eq!(caller.end(k), Ok(lowest.0 as usize));
    close_all(k, &[lowest, listener, client]);
    k.close(next).unwrap();
}

fn an_accept_that_fails_gives_its_number_back<K: Sleepers>(k: K) {
    let (listener, _) = listener(k, 4);
    let lowest = k.eventfd(0, SocketFlags::NONE).unwrap();
    k.close(lowest).unwrap();
    let caller = Caller::start(k, move |k| k.accept4(listener, SocketFlags::NONE).map(|_| 0));
    k.shutdown(listener, ShutdownHow::Both).unwrap();
    assert_eq!(caller.end(k), Err(Errno::EINVAL));
    assert_eq!(k.eventfd(0, SocketFlags::NONE), Ok(lowest));
    k.close(lowest).unwrap();
    k.close(listener).unwrap();
}

/// The SYN is not answered before it is sent again, after a second.
fn a_connect_that_waits_goes_on_after_close<K: Sleepers>(k: K) {
    let (listener, address) = listener(k, 0);
    let [first, second] = [(); 2].map(|()| k.socket(Domain::Inet, SocketFlags::NONE).unwrap());
    k.connect(first, address).unwrap();
    let caller = Caller::start(k, move |k| k.connect(second, address).map(|()| 0));
    k.close(second).unwrap();
    let (one, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
    let (two, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    assert_eq!(k.recv(two, &mut [0; 9], RecvFlags::NONE), Ok(0), "then it is closed");
    close_all(k, &[first, one, two, listener]);
}

fn a_wait_for_a_set_goes_on_after_close<K: Sleepers>(k: K) {
    let (event, set) = (k.eventfd(0, SocketFlags::NONE).unwrap(), k.epoll_create().unwrap());
    k.epoll_ctl(set, EpollOp::Add, event, Events::IN, 1).unwrap();
    let caller = Caller::start(k, move |k| k.epoll_wait(set, &mut [EpollEvent::default(); 4], LONG, None));
    k.close(set).unwrap();
    k.write(event, &1_u64.to_ne_bytes()).unwrap();
    assert_eq!(caller.end(k), Ok(1));
    k.close(event).unwrap();
}

fn a_read_of_a_counter_goes_on_after_close<K: Sleepers>(k: K) {
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let duplicate = k.dup(event).unwrap();
    let caller = Caller::start(k, move |k| k.read(event, &mut [0; 8]));
    k.close(event).unwrap();
    k.write(duplicate, &1_u64.to_ne_bytes()).unwrap();
    assert_eq!(caller.end(k), Ok(8));
    k.close(duplicate).unwrap();
}

fn o_nonblock_set_meanwhile_is_for_later_calls<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    k.setsockopt(server, SocketOption::RecvLowAt(4)).unwrap();
    let caller = Caller::start(k, recv(server));
    k.fcntl_setfl(server, StatusFlags::NONBLOCK).unwrap();
    k.send(client, b"four", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(4));
    let event = k.eventfd(0, SocketFlags::NONE).unwrap();
    let caller = Caller::start(k, move |k| k.read(event, &mut [0; 8]));
    k.fcntl_setfl(event, StatusFlags::NONBLOCK).unwrap();
    k.write(event, &0_u64.to_ne_bytes()).unwrap();
    caller.await_sleep(k);
    assert!(!caller.is_over(), "woken for nothing, it waits on");
    k.write(event, &1_u64.to_ne_bytes()).unwrap();
    assert_eq!(caller.end(k), Ok(8));
    close_all(k, &[client, server]);
    k.close(event).unwrap();
}

/// What is called anew after a handler looks the number up anew.
fn a_call_that_is_restarted_looks_its_number_up_again<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let handler = Handler::new(k, SIGNAL, true);
    let caller = Caller::start(k, recv(server));
    k.close(server).unwrap();
    handler.raise(k, caller.thread, SIGNAL);
    assert_eq!(caller.end(k), Err(Errno::EBADF));
    assert_eq!(sees(k, client, LONG), Events::IN | Events::RDHUP);
    close_all(k, &[client]);

    let ((client, server), (other_client, other)) = (pair(k), pair(k));
    let caller = Caller::start(k, recv(server));
    let opened = use_again(k, server, other);
    handler.raise(k, caller.thread, SIGNAL);
    k.send(other_client, b"other", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(5));
    close_all(k, &opened);
    close_all(k, &[client, server, other, other_client]);
}

fn poll<K: Sleepers>(fd: Fd, timeout: Option<Duration>) -> impl FnOnce(K) -> Result<usize> + Send + 'static {
    move |k| {
        let mut fds = [PollFd::new(fd, Events::IN)];
        let n = k.poll(&mut fds, timeout, None)?;
        assert_eq!(n, usize::from(!fds[0].revents.is_empty()));
        Ok(fds[0].revents.0 as usize)
    }
}

fn bits(events: Events) -> Result<usize> {
    Ok(events.0 as usize)
}

fn a_poll_that_waits_holds_its_files_and_asks_its_numbers<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let caller = Caller::start(k, poll(server, LONG));
    k.close(server).unwrap();
    assert_eq!(sees(k, client, NOW), Events::NONE, "no FIN");
    k.send(client, b"hi", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), bits(Events::NVAL), "the old file wakes it");
    // Closed with something unread.
    assert!(sees(k, client, LONG).contains(Events::ERR));
    close_all(k, &[client]);
}

fn a_poll_that_waits_is_not_woken_by_a_number_used_again<K: Sleepers>(k: K) {
    let ((client, server), (other_client, other)) = (pair(k), pair(k));
    k.send(other_client, b"x", SendFlags::NONE).unwrap();
    let caller = Caller::start(k, poll(server, Some(WHILE)));
    let opened = use_again(k, server, other);
    k.send(other_client, b"x", SendFlags::NONE).unwrap();
    let looked = caller.end_by_timeout(k, WHILE);
    assert_eq!(looked, bits(Events::IN), "at its end it looks at what the number is now");
    close_all(k, &opened);
    close_all(k, &[client, server, other, other_client]);
}

fn select<K: Sleepers>(
    fd: Fd,
    timeout: Option<Duration>,
) -> impl FnOnce(K) -> Result<usize> + Send + 'static {
    move |k| {
        let mut sets = [(); 3].map(|()| FdSet::default());
        for set in &mut sets[..2] {
            assert!(set.insert(fd));
        }
        let [read, write, except] = &mut sets;
        let n = k.select(fd.0 + 1, Some(read), Some(write), Some(except), timeout, None)?;
        assert_eq!(n, sets.iter().filter(|set| set.contains(fd)).count());
        Ok(n)
    }
}

fn a_select_finds_a_number_that_was_closed_ready_for_all<K: Sleepers>(k: K) {
    let (listener, _) = listener(k, 1);
    let caller = Caller::start(k, select(listener, Some(WHILE)));
    k.close(listener).unwrap();
    assert_eq!(caller.end_by_timeout(k, WHILE), Ok(2), "at its end");
}

fn a_select_that_waits_holds_its_files<K: Sleepers>(k: K) {
    let (listener, address) = listener(k, 1);
    let caller = Caller::start(k, select(listener, LONG));
    k.close(listener).unwrap();
    let client = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    assert_eq!(client, listener, "the number is used again");
    assert_eq!(k.connect(client, address), Ok(()), "it listens");
    assert_eq!(caller.end(k), Ok(1), "the listener wakes it, and the client can be written to");
    // The connection that nobody accepted is reset with the listener.
    assert_eq!(k.recv(client, &mut [0; 9], RecvFlags::NONE), Err(Errno::ECONNRESET));
    close_all(k, &[client]);
}

/// Whether the set still had the file. The end of the pipe wakes both threads. The select drops its reference in `poll_freewait`
/// (fs/select.c), and the file goes, out of the set too, when that thread returns to the program (fs/file_table.c: `fput` puts it off as
/// task work). On Linux both threads may run at once, so either may be first: both answers are right there. The simulation runs the
/// thread that was woken first, and has one answer.
fn set_has_a_file_that_only_a_select_holds<K: Sleepers>(k: K) -> bool {
    let (reader, writer) = k.pipe2(SocketFlags::NONE).unwrap();
    let (waker, set) = (k.eventfd(0, SocketFlags::NONE).unwrap(), k.epoll_create().unwrap());
    let selects = Caller::start(k, select(reader, LONG));
    k.epoll_ctl(set, EpollOp::Add, reader, Events::IN | Events::ONESHOT, 1).unwrap();
    k.epoll_ctl(set, EpollOp::Add, waker, Events::IN, 2).unwrap();
    let waits = Caller::start(k, move |k| {
        let mut events = [EpollEvent::default(); 4];
        k.epoll_wait(set, &mut events, LONG, None).map(|_| events[0].data as usize)
    });
    k.close(reader).unwrap();
    k.close(writer).unwrap();
    assert_eq!(selects.end(k), Ok(2));
    k.write(waker, &1_u64.to_ne_bytes()).unwrap();
    let first = waits.end(k).unwrap();
    k.close(waker).unwrap();
    k.close(set).unwrap();
    assert!([1, 2].contains(&first));
    first == 1
}

fn a_set_reports_a_file_that_only_a_select_holds_or_has_forgotten_it<K: Sleepers>(k: K) {
    (0..10).for_each(|_| _ = set_has_a_file_that_only_a_select_holds(k));
}

/// The thread that selects is the first of the two: only that it lets go late leaves the file to the other.
#[test]
fn a_select_lets_go_of_its_files_when_it_is_back() {
    let held = crate::on_simulation(|k| assert!(set_has_a_file_that_only_a_select_holds(k)));
    assert_eq!(held, Ok(()));
}

crate::bodies! {
    a_set_reports_a_file_that_only_a_select_holds_or_has_forgotten_it
    a_recv_that_waits_gets_what_comes_after_close
    a_recv_that_waits_does_not_look_at_a_number_used_again
    a_number_that_is_replaced_is_not_looked_at
    a_read_of_a_pipe_goes_on_after_close
    closing_one_of_two_numbers_closes_nothing
    shutdown_then_close_ends_a_recv_that_waits
    a_send_that_waits_goes_on_after_close
    an_accept_that_waits_holds_its_listener
    an_accept_that_waits_has_its_number
    an_accept_that_fails_gives_its_number_back
    a_connect_that_waits_goes_on_after_close
    a_wait_for_a_set_goes_on_after_close
    a_read_of_a_counter_goes_on_after_close
    o_nonblock_set_meanwhile_is_for_later_calls
    a_call_that_is_restarted_looks_its_number_up_again
    a_poll_that_waits_holds_its_files_and_asks_its_numbers
    a_poll_that_waits_is_not_woken_by_a_number_used_again
    a_select_finds_a_number_that_was_closed_ready_for_all
    a_select_that_waits_holds_its_files
}
