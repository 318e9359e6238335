//! What a call holds while it waits, where only the simulator can look: when its process ends, and when the table of
//! descriptors is full. The rest are rows of the contract.

mod common;

use common::{check, listener, pair, synchronous};
use eagain_net::*;
use eagain_sim::SimKernel;
use std::time::Duration;

fn milliseconds(k: SimKernel, n: u64) {
    k.nanosleep(Duration::from_millis(n)).unwrap();
}

/// A number that was closed while a thread waits on it: the file goes with the process at the latest.
#[test]
fn a_process_that_ends_lets_go_of_what_its_threads_wait_for() {
    check(|sim| {
        synchronous(sim);
        let (host, other) = (sim.host("host"), sim.host("other"));
        let address = sim.address(host, 7);
        let server = sim.server(host, "server", move |k: SimKernel| {
            let listening = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            k.bind(listening, address).unwrap();
            k.listen(listening, 4).unwrap();
            let (fd, _) = k.accept4(listening, SocketFlags::NONE).unwrap();
            let polling = move || _ = k.poll(&mut [PollFd::new(fd, Events::IN)], None, None);
            let receiving = move || _ = k.recv(fd, &mut [0; 9], RecvFlags::NONE);
            let accepting = move || _ = k.accept4(listening, SocketFlags::NONE);
            k.spawn("polls", Box::new(polling)).unwrap();
            k.spawn("receives", Box::new(receiving)).unwrap();
            k.spawn("accepts", Box::new(accepting)).unwrap();
            milliseconds(k, 1);
            k.close(fd).unwrap();
            k.close(listening).unwrap();
            milliseconds(k, 1000);
        });
        sim.client(other, "client", move |k: SimKernel| {
            let socket = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            while k.connect(socket, address).is_err() {
                milliseconds(k, 1);
            }
            milliseconds(k, 10);
            assert_eq!(k.recv(socket, &mut [0; 9], RecvFlags::DONTWAIT), Err(Errno::EAGAIN), "still open");
            eagain_sim::control::kill(server);
            assert_eq!(k.recv(socket, &mut [0; 9], RecvFlags::NONE), Ok(0));
            let late = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            assert_eq!(k.connect(late, address), Err(Errno::ECONNREFUSED));
        });
    });
}

/// `accept4` takes its number when it is called: it succeeds in a table that has filled since, and fails in a full one.
#[test]
fn an_accept_that_waits_has_its_place_in_a_full_table() {
    check(|sim| {
        synchronous(sim);
        sim.knobs().fd_limit = 4;
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| {
            let (listening, address) = listener(k);
            let caller = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            let accepting = move || assert_eq!(k.accept4(listening, SocketFlags::NONE).unwrap().0, Fd(2));
            let thread = k.spawn("accepts", Box::new(accepting)).unwrap();
            milliseconds(k, 1);
            assert_eq!(k.eventfd(0, SocketFlags::NONE), Ok(Fd(3)));
            assert_eq!(k.eventfd(0, SocketFlags::NONE), Err(Errno::EMFILE));
            assert_eq!(k.accept4(listening, SocketFlags::NONE).map(|_| ()), Err(Errno::EMFILE));
            k.connect(caller, address).unwrap();
            k.join(thread).unwrap();
            k.close(Fd(2)).unwrap();
            assert_eq!(k.eventfd(0, SocketFlags::NONE), Ok(Fd(2)), "free again");
        });
    });
}

/// Two calls hold one file: it goes with the second.
#[test]
fn a_file_goes_with_the_last_call_that_holds_it() {
    check(|sim| {
        synchronous(sim);
        let host = sim.host("host");
        sim.client(host, "client", |k: SimKernel| {
            let (a, b) = pair(k, SocketFlags::NONE);
            let receiving = move || assert_eq!(k.recv(b, &mut [0; 1], RecvFlags::NONE), Ok(1));
            let threads = [(); 2].map(|()| k.spawn("receives", Box::new(receiving)).unwrap());
            milliseconds(k, 1);
            k.close(b).unwrap();
            for byte in [b"1", b"2"] {
                assert_eq!(k.recv(a, &mut [0; 1], RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
                assert_eq!(k.send(a, byte, SendFlags::NONE), Ok(1));
                milliseconds(k, 1);
            }
            assert_eq!(k.recv(a, &mut [0; 1], RecvFlags::NONE), Ok(0));
            for thread in threads {
                k.join(thread).unwrap();
            }
        });
    });
}
