//! Every driver over real sockets: the same conversation with each model, pattern and number of workers.

mod check;
mod server;

use server::{Driver, Server};

/// One test for each driver: its name, the model, the pattern, workers, loops.
macro_rules! drivers {
    ($($name:ident: $model:literal $pattern:literal $workers:literal $loops:literal;)*) => {
        $(
            mod $name {
                use crate::{check, server::Driver};

                const DRIVER: Driver = Driver { model: $model, pattern: $pattern, workers: $workers, loops: $loops };

                #[test]
                fn converses() {
                    check::conversation(DRIVER);
                }

                #[test]
                fn keeps_its_limits() {
                    check::limits(DRIVER);
                }

                #[test]
                fn keeps_what_it_acknowledges() {
                    check::durability(DRIVER);
                }

                #[test]
                fn bounds_what_waits_for_who_does_not_read() {
                    check::never_readers(DRIVER);
                }

                #[test]
                fn serves_a_unix_socket_and_asks_silent_peers() {
                    check::sockets(DRIVER);
                }

                #[test]
                fn stops_gracefully() {
                    check::stop(DRIVER);
                }

                #[test]
                fn answers_what_has_come_before_it_stops() {
                    check::stop_with_requests_unread(DRIVER, &["--busy-polls", "0"]);
                }
            }
        )*
    };
}

drivers! {
    blocking: "blocking" "reactor" 0 1;
    blocking_workers: "blocking" "reactor" 2 1;
    nonblocking_reactor: "nonblocking" "reactor" 0 1;
    nonblocking_reactor_workers: "nonblocking" "reactor" 2 1;
    nonblocking_proactor: "nonblocking" "proactor" 0 1;
    nonblocking_proactor_workers: "nonblocking" "proactor" 2 1;
    select_reactor: "select" "reactor" 0 1;
    select_reactor_workers: "select" "reactor" 2 1;
    select_proactor_workers: "select" "proactor" 2 1;
    poll_reactor: "poll" "reactor" 0 1;
    poll_reactor_workers: "poll" "reactor" 2 1;
    poll_proactor_workers: "poll" "proactor" 2 1;
    epoll_reactor: "epoll" "reactor" 0 1;
    epoll_reactor_workers: "epoll" "reactor" 2 1;
    epoll_reactor_loops: "epoll" "reactor" 0 2;
    epoll_proactor: "epoll" "proactor" 0 1;
    epoll_proactor_workers: "epoll" "proactor" 2 1;
    epoll_proactor_workers_loops: "epoll" "proactor" 2 2;
    epoll_edge_reactor: "epoll-edge" "reactor" 0 1;
    epoll_edge_reactor_workers: "epoll-edge" "reactor" 2 1;
    epoll_edge_proactor_workers: "epoll-edge" "proactor" 2 1;
    epoll_oneshot_reactor: "epoll-oneshot" "reactor" 0 1;
    epoll_oneshot_reactor_workers: "epoll-oneshot" "reactor" 2 1;
    epoll_oneshot_proactor_workers: "epoll-oneshot" "proactor" 2 1;
    sigio_reactor: "sigio" "reactor" 0 1;
    sigio_reactor_workers: "sigio" "reactor" 2 1;
    sigio_reactor_loops: "sigio" "reactor" 0 2;
    sigio_proactor_workers: "sigio" "proactor" 2 1;
    aio: "aio" "proactor" 0 1;
    aio_workers: "aio" "proactor" 2 1;
    io_uring: "io_uring" "proactor" 0 1;
    io_uring_workers: "io_uring" "proactor" 2 1;
    io_uring_loops: "io_uring" "proactor" 0 2;
    tokio: "tokio" "reactor" 0 1;
}

#[test]
fn pairs_that_make_no_sense_are_refused_in_one_line() {
    let pairs: &[(&[&str], &str)] = &[
        (&["--model", "io_uring", "--pattern", "reactor"], "use --pattern proactor"),
        (&["--model", "aio"], "use --pattern proactor"),
        (&["--model", "blocking", "--pattern", "proactor"], "use --pattern reactor"),
        (&["--model", "blocking", "--loops", "2"], "use --loops 1"),
        (&["--model", "kqueue"], "expected one of blocking"),
    ];
    for (arguments, why) in pairs {
        let (status, said) = server::refused(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{arguments:?}: {said}");
    }
}

#[test]
fn a_server_that_passes_requests_on_answers_what_has_come_before_it_stops() {
    for model in ["epoll", "tokio"] {
        let driver = Driver { model, pattern: "reactor", workers: 0, loops: 1 };
        let Some(storage) = Server::start(driver, &[]) else { return };
        check::stop_with_requests_unread(
            driver,
            &["--busy-polls", "0", "--role", "logic", "--backends", &storage.at.to_string()],
        );
    }
}

/// It tries for a second, in case the first one is about to end: once is enough here.
#[test]
fn a_second_server_finds_the_unix_socket_taken_and_leaves_it() {
    let folder = server::Folder::new();
    let path = format!("{}/socket", folder.path());
    let driver = Driver { model: "epoll", pattern: "reactor", workers: 0, loops: 1 };
    let Some(first) = Server::start(driver, &["--unixsocket", &path]) else { return };
    let mut local = first.connect_unix(&path);
    local.call("SET key value\r\n", "+OK\r\n");
    let (status, said) = server::refused(&["--unixsocket", &path]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("another program listens there"), "{said}");
    local.call("GET key\r\n", "$5\r\nvalue\r\n");
    first.connect_unix(&path).call("GET key\r\n", "$5\r\nvalue\r\n");
}
