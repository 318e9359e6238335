//! O3: a loop that achieves nothing is found, with calls and without, and named; nobody who works, sleeps or is merely slow
//! is blamed.

mod common;

use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::run::RunReport;
use eagain_sim::{Sim, SimKernel};
use std::sync::Arc;
use std::time::Duration;

fn run(body: fn(&mut Sim)) -> RunReport {
    common::run(body, Base::Zero)
}

fn alone(sim: &mut Sim, name: &str, body: impl FnOnce(SimKernel) + Send + 'static) {
    let host = sim.host("host");
    sim.client(host, name, body);
}

/// Oracle, site and the whole message of what broke.
fn broke(report: &RunReport) -> (&str, &str, &str) {
    let failure = report.failure.as_ref().expect("it never ends");
    (failure.oracle.code(), &failure.site, &failure.message)
}

/// The program spins, and the report has each of these lines.
fn spins(body: fn(&mut Sim), lines: &[&str]) {
    let report = run(body);
    let (oracle, site, message) = broke(&report);
    assert_eq!((oracle, site), ("O3", "spin"), "{message}");
    for line in lines {
        assert!(message.lines().any(|other| other.trim() == *line), "no line `{line}` in\n{message}");
    }
}

#[track_caller]
fn holds(report: &RunReport) {
    assert_eq!(report.failure, None);
}

#[test]
fn calls_that_fail_are_a_spin() {
    spins(
        |sim| alone(sim, "asker", |k| while k.read(Fd(7), &mut [0]) == Err(Errno::EBADF) {}),
        &[
            "asker/0 made 10000 calls, of which 0 achieved anything (moved bytes, accepted, joined, slept); it repeats",
            "read(7, 1) = -1 EBADF",
        ],
    );
}

#[test]
fn reading_the_end_of_a_stream_again_and_again_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "reader", |k| {
            let (a, b) = common::pair(k, SocketFlags::NONBLOCK);
            k.shutdown(a, ShutdownHow::Write).unwrap();
            let epoll = k.epoll_create().unwrap();
            k.epoll_ctl(epoll, EpollOp::Add, b, Events::IN, 0).unwrap();
            loop {
                k.epoll_wait(epoll, &mut [EpollEvent::default(); 4], None, None).unwrap();
                assert_eq!(k.recv(b, &mut [0; 9], RecvFlags::NONE), Ok(0));
            }
        });
    };
    spins(body, &["epoll_pwait(0, 4, never) = 1, fd 2: IN", "recv(2, 9, 0) = 0"]);
}

#[test]
fn reading_the_end_of_a_file_again_and_again_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "tail", |k| {
            let file = k.open("/log", OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
            while k.pread(file, &mut [0; 9], 0) == Ok(0) {}
        });
    };
    spins(body, &["pread(0, 9, 0) = 0"]);
}

#[test]
fn an_eventfd_that_a_thread_writes_for_itself_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "waker", |k| {
            let wake = EventFd::new(k, 1).unwrap();
            loop {
                k.poll(&mut [PollFd::new(wake.fd(), Events::IN)], None, None).unwrap();
                wake.read().unwrap();
                wake.write(1).unwrap();
            }
        });
    };
    spins(body, &["poll(1, never) = 1, fd 0: IN", "read(0, 8) = 8", "write(0, 8) = 8"]);
}

#[test]
fn a_pipe_that_a_thread_writes_for_itself_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "waker", |k| {
            let (one, other) = k.socketpair(SocketFlags::NONE).unwrap();
            let (read, write) = k.pipe2(SocketFlags::NONE).unwrap();
            while k.write(write, b"x") == Ok(1) {
                k.read(read, &mut [0; 9]).unwrap();
                k.send(one, b"x", SendFlags::NONE).unwrap();
                k.recv(other, &mut [0; 9], RecvFlags::NONE).unwrap();
            }
        });
    };
    spins(body, &["write(3, 1) = 1", "read(2, 9) = 1", "recv(1, 9, 0) = 1"]);
}

#[test]
fn a_timer_that_is_armed_for_now_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "timers", |k| {
            let timer = TimerFd::new(k).unwrap();
            loop {
                timer.set_deadline(k.clock_gettime(ClockId::Monotonic)).unwrap();
                timer.read().unwrap();
            }
        });
    };
    spins(body, &[]);
}

#[test]
fn what_is_opened_and_closed_again_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "opener", |k| {
            k.close(k.open("/file", OpenFlags::CREAT | OpenFlags::RDWR).unwrap()).unwrap();
            let epoll = k.epoll_create().unwrap();
            loop {
                let socket = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
                k.epoll_ctl(epoll, EpollOp::Add, socket, Events::IN, 0).unwrap();
                k.close(socket).unwrap();
                k.close(k.open("/file", OpenFlags::RDWR).unwrap()).unwrap();
            }
        });
    };
    spins(body, &[]);
}

#[test]
fn connecting_without_a_pause_to_a_port_where_nobody_listens_is_a_spin() {
    let body = |sim: &mut Sim| {
        let host = sim.host("server");
        let address = sim.address(host, 80);
        alone(sim, "caller", move |k| while TcpStream::connect(k, address).is_err() {});
    };
    spins(body, &["connect(0, 10.0.0.1:80 server) = -1 ECONNREFUSED"]);
}

#[test]
fn connecting_without_a_pause_to_a_server_that_hangs_up_is_a_spin_of_the_client() {
    let body = |sim: &mut Sim| {
        let host = sim.host("server");
        let address = sim.address(host, 80);
        sim.server(host, "server", move |k| {
            let listener = TcpListener::bind(k, address).unwrap();
            while listener.accept().is_ok() {}
        });
        alone(sim, "caller", move |k| {
            loop {
                let Ok(stream) = TcpStream::connect(k, address) else { continue };
                if stream.read(&mut [0; 9]) == Ok(1) {
                    break;
                }
            }
        });
    };
    let report = run(body);
    assert!(broke(&report).2.starts_with("caller/0 "), "{}", broke(&report).2);
    assert_eq!(broke(&report).0, "O3");
}

/// Two threads that wake each other for ever: neither of them spins by itself.
#[test]
fn threads_that_only_wake_each_other_are_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "ball", |k| {
            let counter = |initial| Arc::new(EventFd::with_flags(k, initial, SocketFlags::NONE).unwrap());
            let (a, b) = (counter(0), counter(1));
            let (there, back) = (a.clone(), b.clone());
            let other = eagain_net::thread::spawn(k, "other", move || {
                while there.read().is_ok() {
                    back.write(1).unwrap();
                }
            });
            while b.read().is_ok() {
                a.write(1).unwrap();
            }
            other.unwrap().join();
        });
    };
    spins(body, &["ball/0 read(1, 8) = 8", "ball/0.1:other write(1, 8) = 8"]);
    assert_eq!(run(body).failure.unwrap().thread, "ball", "neither of its threads");
}

/// Two threads of a process that both spin, call by call in turns: neither hides the other.
#[test]
fn two_threads_that_spin_at_the_same_time_are_a_spin() {
    let body =
        |sim: &mut Sim| {
            sim.knobs().events_max = 200_000;
            alone(sim, "asker", |k| {
                let other = eagain_net::thread::spawn(k, "other", move || {
                    while k.read(Fd(8), &mut [0]) == Err(Errno::EBADF) {}
                });
                while k.read(Fd(7), &mut [0]) == Err(Errno::EBADF) {}
                other.unwrap().join();
            });
        };
    let report = run(body);
    let (oracle, site, message) = broke(&report);
    assert_eq!((oracle, site), ("O3", "spin"), "{message}");
    assert!(report.calls < 25_000, "found after {} calls", report.calls);
    // The calls of one thread and not of the other.
    let lines = message.lines().skip(1).take_while(|line| !line.contains("asker")).collect::<Vec<_>>();
    assert!(lines.len() == 1 && lines[0].trim().starts_with("read("), "{message}");
}

/// Work now and then does not excuse the rest.
#[test]
fn a_loop_that_turns_for_nothing_between_requests_is_a_spin() {
    let body = |sim: &mut Sim| {
        alone(sim, "mixed", |k| {
            let (a, b) = common::pair(k, SocketFlags::NONBLOCK);
            for turn in 0_u32.. {
                if turn.is_multiple_of(2_000) {
                    k.send(a, b"x", SendFlags::NONE).unwrap();
                }
                let _ = k.recv(b, &mut [0; 9], RecvFlags::NONE);
            }
        });
    };
    spins(body, &["recv(2, 9, 0) = -1 EAGAIN"]);
}

#[test]
fn a_thread_that_sleeps_in_each_turn_works() {
    holds(&run(|sim| {
        alone(sim, "ticker", |k| {
            let epoll = Epoll::new(k).unwrap();
            for _ in 0..20_000 {
                let mut events = [EpollEvent::default(); 4];
                assert_eq!(epoll.wait(&mut events, Some(Duration::from_micros(50))), Ok(0));
                k.clock_gettime(ClockId::Monotonic);
            }
        });
    }));
}

/// Whatever it does takes longer than its tick: each wait is over before it begins.
#[test]
fn a_slow_thread_that_has_no_time_left_to_sleep_works() {
    let mut slow = 0;
    for seed in 0..60 {
        let report = common::run(
            |sim| {
                sim.faults(&[Family::Slow]);
                alone(sim, "ticker", |k| {
                    let epoll = Epoll::new(k).unwrap();
                    let mut next = k.clock_gettime(ClockId::Monotonic);
                    for _ in 0..4_000 {
                        let now = k.clock_gettime(ClockId::Monotonic);
                        if now >= next {
                            next = now + Duration::from_micros(60);
                        }
                        let left = next - k.clock_gettime(ClockId::Monotonic);
                        epoll.wait(&mut [EpollEvent::default(); 4], Some(left)).unwrap();
                    }
                });
            },
            Base::Seed(seed),
        );
        holds(&report);
        slow += report.faults.get("thread.slow").copied().unwrap_or(0);
    }
    assert!(slow > 3, "slow in {slow} of 60 seeds");
}

#[test]
fn a_server_that_is_only_asked_whether_it_is_there_works() {
    holds(&run(|sim| {
        let host = sim.host("server");
        let address = sim.address(host, 80);
        sim.server(host, "server", move |k| {
            let listener = TcpListener::bind(k, address).unwrap();
            while let Ok((stream, _)) = listener.accept() {
                let _ = stream.read(&mut [0; 9]);
            }
        });
        alone(sim, "probe", move |k| {
            for _ in 0..5_000 {
                drop(TcpStream::connect(k, address));
                k.nanosleep(Duration::from_micros(100)).unwrap();
            }
        });
    }));
}

/// A thread that only takes work and hands it back moves no byte itself.
#[test]
fn a_worker_without_descriptors_works() {
    holds(&run(|sim| {
        alone(sim, "server", |k| {
            let (a, b) = common::pair(k, SocketFlags::NONE);
            let counter = || Arc::new(EventFd::with_flags(k, 0, SocketFlags::NONE).unwrap());
            let (ask, answer) = (counter(), counter());
            let (asked, answered) = (ask.clone(), answer.clone());
            let worker = eagain_net::thread::spawn(k, "worker", move || {
                while asked.read() == Ok(1) {
                    answered.write(1).unwrap();
                }
            });
            for _ in 0..20_000 {
                k.send(a, b"x", SendFlags::NONE).unwrap();
                k.recv(b, &mut [0; 9], RecvFlags::NONE).unwrap();
                ask.write(1).unwrap();
                answer.read().unwrap();
            }
            ask.write(2).unwrap();
            worker.unwrap().join();
        });
    }));
}

#[test]
fn locks_taken_for_ever_without_a_call_are_a_spin() {
    let report = run(|sim| {
        alone(sim, "looker", |k| {
            let done = Mutex::new(k, false);
            while !*done.lock() {}
        });
    });
    let (oracle, site, message) = broke(&report);
    assert_eq!((oracle, site), ("O3", "spin without calls"));
    assert!(
        message.starts_with("looker/0 took and released locks 1000000 times in a row without a call"),
        "{message}"
    );
}

#[test]
fn locks_taken_often_between_calls_are_work() {
    holds(&run(|sim| {
        alone(sim, "worker", |k| {
            let count = Arc::new(Mutex::new(k, 0));
            for _ in 0..300 {
                for _ in 0..10_000 {
                    *count.lock() += 1;
                }
                k.clock_gettime(ClockId::Monotonic);
            }
        });
    }));
}

/// What is handed to itself, asked for again, or done already.
#[test]
fn what_is_done_again_for_nothing_is_a_spin() {
    let again = |sim: &mut Sim| {
        alone(sim, "again", |k| {
            let file = k.open("/file", OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
            while k.fsync(file) == Ok(()) && k.ftruncate(file, 10) == Ok(()) {}
        });
    };
    spins(again, &[]);
    let again = |sim: &mut Sim| {
        alone(sim, "again", |k| {
            let set = SigSet::of(&[Signal::SIGUSR1]);
            k.sigprocmask(MaskHow::Block, set).unwrap();
            while k.kill(k.getpid(), Signal::SIGUSR1) == Ok(()) {
                k.sigtimedwait(set, None).unwrap();
            }
        });
    };
    spins(again, &[]);
    let again = |sim: &mut Sim| {
        alone(sim, "again", |k| {
            let (one, other) = k.socketpair(SocketFlags::NONE).unwrap();
            k.send(one, b"x", SendFlags::NONE).unwrap();
            while k.recv(other, &mut [0; 9], RecvFlags::PEEK) == Ok(1) {
                k.close(k.dup(one).unwrap()).unwrap();
            }
        });
    };
    spins(again, &[]);
    let again = |sim: &mut Sim| {
        alone(sim, "again", |k| {
            while k.poll(&mut [], Some(Duration::ZERO), None) == Ok(0) {
                sleep(k, Duration::from_nanos(1));
                k.sched_yield();
            }
        });
    };
    spins(again, &[]);
}
