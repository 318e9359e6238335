//! What is said to every driver, and what it has to answer.

use crate::server::{Client, Driver, Folder, Server};
use eagain_net::Signal;

/// Requests and replies of every size, one after the other and many at once.
pub fn conversation(driver: Driver) {
    let Some(server) = Server::start(driver, &[]) else { return };
    let mut client = server.connect();
    client.call("SET key value\r\n", "+OK\r\n");
    client.call("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", "$5\r\nvalue\r\n");

    // One byte at a time.
    for byte in b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n" {
        client.send(&[*byte]);
    }
    client.expect(b"$5\r\nvalue\r\n");

    // A thousand at once.
    let (mut requests, mut replies) = (String::new(), String::new());
    for number in 1..=1000 {
        requests.push_str("*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n");
        replies.push_str(&format!(":{number}\r\n"));
    }
    client.call(&requests, &replies);

    // Large values, there and back, several in a row.
    let value = "x".repeat(1_000_000);
    let set = format!("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n${}\r\n{value}\r\n", value.len());
    client.call(&set, "+OK\r\n");
    let reply = format!("${}\r\n{value}\r\n", value.len());
    client.call(&"GET big\r\n".repeat(5), &reply.repeat(5));

    // Others at the same time; one of them goes without a word.
    let mut others: Vec<_> = (0..8).map(|_| server.connect()).collect();
    drop(server.connect());
    for other in &mut others {
        other.send(b"GET key\r\n");
    }
    for other in &mut others {
        other.expect(b"$5\r\nvalue\r\n");
    }

    // A half-closed connection gets all its replies, then the end.
    client.send("GET big\r\n".repeat(3).as_bytes());
    client.end();
    assert_eq!(client.rest().len(), reply.len() * 3);

    // Who is killed hears no more; who asks for it hears the last word.
    let mut killer = server.connect();
    // The one that left and the one that ended are counted until the server has seen it.
    assert!((0..100_000).any(|_| killer.clients() == others.len() + 1), "who went is still counted");
    killer.call("CLIENT KILL TYPE normal SKIPME yes\r\n", ":8\r\n");
    for other in &mut others {
        assert_eq!(other.rest(), b"");
    }
    killer.send(b"QUIT\r\n");
    assert_eq!(killer.rest(), b"+OK\r\n");

    // A key ends by itself.
    let mut watcher = server.connect();
    watcher.call("SET short life PX 20\r\n", "+OK\r\n");
    watcher.call("DEL big key counter\r\n", ":3\r\n");
    for _ in 0..100_000 {
        match watcher.ask("DBSIZE\r\n", 4).as_slice() {
            b":0\r\n" => return,
            size => assert_eq!(size, b":1\r\n"),
        }
    }
    panic!("the key lives on");
}

/// Too many clients, a peer that says nothing, a peer that makes no sense.
pub fn limits(driver: Driver) {
    let Some(server) = Server::start(driver, &["--maxclients", "2"]) else { return };
    let mut first = server.connect();
    first.call("PING\r\n", "+PONG\r\n");
    let mut second = server.connect();
    second.send(b"*1\r\n$4\r\nPING\r\n*x\r\n");
    let said = String::from_utf8(second.rest()).expect("text");
    assert_eq!(said, "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n");
    drop(second);

    // Its place is free as soon as the server has seen its end.
    let mut second = server.connect();
    let mut tries = 0;
    while second.ask("PING\r\n", 7) != b"+PONG\r\n" {
        tries += 1;
        assert!(tries < 100_000, "its place stays taken");
        second = server.connect();
    }
    let mut third = server.connect();
    let said = String::from_utf8(third.rest()).expect("text");
    assert_eq!(said, "-ERR max number of clients reached\r\n");
    first.call("PING\r\n", "+PONG\r\n");

    let Some(server) = Server::start(driver, &["--timeout", "1"]) else { return };
    let (mut silent, mut cut) = (server.connect(), server.connect());
    cut.send(b"*1\r\n$4\r\nPI");
    assert_eq!(silent.rest(), b"");
    assert_eq!(cut.rest(), b"");
}

/// SIGTERM: what was received is answered, everybody gets an end, and the server exits well.
pub fn stop(driver: Driver) {
    let Some(mut server) = Server::start(driver, &[]) else { return };
    let mut idle = server.connect();
    idle.call("PING\r\n", "+PONG\r\n");
    let mut slow = server.connect();
    slow.call(&format!("SET big {}\r\n", "y".repeat(60_000)), "+OK\r\n");
    // More than the socket holds, so that some of it is still to be sent when the signal comes.
    slow.send("GET big\r\n".repeat(100).as_bytes());
    slow.expect(b"$60000\r\n");
    server.terminate();
    assert_eq!(idle.rest(), b"", "an idle peer gets an end");
    assert!((0..10_000).any(|_| !server.listens()), "nobody is taken in any more");
    drop(idle);
    // What had been read before the signal is answered whole; what had not, is not.
    let rest = slow.rest().len() + "$60000\r\n".len();
    assert_eq!(rest % "$60000\r\n\r\n".len().saturating_add(60_000), 0, "no reply is cut: {rest}");
    drop(slow);
    assert_eq!(server.status(), Some(0));

    let Some(mut server) = Server::start(driver, &[]) else { return };
    let mut client = server.connect();
    client.send(b"SHUTDOWN NOSAVE\r\n");
    assert_eq!(client.rest(), b"");
    drop(client);
    assert_eq!(server.status(), Some(0));
}

/// What lies in the sockets when SIGTERM comes is answered. Both come while the process does not run, so that it sees them at once.
pub fn stop_with_requests_unread(driver: Driver, more: &[&str]) {
    let Some(mut server) = Server::start(driver, more) else { return };
    let mut clients: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut clients {
        // A server behind may not be connected yet.
        let is_set = |client: &mut Client| {
            client.send(b"SET key value\r\n");
            client.line() == "+OK"
        };
        assert!((0..100_000).any(|_| is_set(client)), "its requests are refused");
    }
    server.send(Signal::SIGSTOP);
    for client in &mut clients {
        client.send(b"GET key\r\n");
        client.arrives(&server);
    }
    server.terminate();
    server.send(Signal::SIGCONT);
    for client in &mut clients {
        assert_eq!(client.rest(), b"$5\r\nvalue\r\n");
    }
    drop(clients);
    assert_eq!(server.status(), Some(0));
}

/// Replies wait for the disk, and what they acknowledged is there after the server was killed.
pub fn durability(driver: Driver) {
    let folder = Folder::new();
    let log = ["--storage", "log", "--appendfsync", "always", "--dir", folder.path()];
    let Some(server) = Server::start(driver, &log) else { return };
    let (mut one, mut other) = (server.connect(), server.connect());
    for number in 0..20 {
        let requests: String = (0..50).map(|at| format!("SET {number}-{at} {at}\r\n")).collect();
        one.send(requests.as_bytes());
        other.send(format!("SET other {number}\r\nGET other\r\n").as_bytes());
        one.expect("+OK\r\n".repeat(50).as_bytes());
        let value = number.to_string();
        other.expect(format!("+OK\r\n${}\r\n{value}\r\n", value.len()).as_bytes());
    }
    // Without a chance to close well.
    drop(server);
    let Some(server) = Server::start(driver, &log) else { return };
    let mut client = server.connect();
    client.call("DBSIZE\r\nGET 19-49\r\nGET other\r\n", ":1001\r\n$2\r\n49\r\n$2\r\n19\r\n");
}

/// Clients that read nothing: of what is pipelined, of messages. Each is closed, at once or after a second, and others are served.
pub fn never_readers(driver: Driver) {
    for (limit, what) in [
        ("normal 1mb 0 0 pubsub 1mb 0 0", "hard"),
        // More than a reply and less than nothing: the time decides.
        ("normal 0 1mb 1 pubsub 0 1mb 1", "soft"),
    ] {
        let Some(server) = Server::start(driver, &["--client-output-buffer-limit", limit]) else { return };
        let mut other = server.connect();
        other.call(&format!("SET big {}\r\n", "y".repeat(60_000)), "+OK\r\n");
        other.call(&format!("APPEND big {}\r\n", "y".repeat(60_000)), ":120000\r\n");
        let mut reader = server.connect();
        // One reply of 12 MB: more than sockets hold, and more than the bound.
        reader.send(format!("MGET{}\r\n", " big".repeat(100)).as_bytes());
        let mut listener = server.connect();
        listener.call("SUBSCRIBE news\r\n", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
        let message = format!("PUBLISH news {}\r\n", "z".repeat(60_000));
        for _ in 0..300 {
            let receivers = other.ask(&message, 4);
            assert!([b":1\r\n", b":0\r\n"].iter().any(|count| receivers == *count), "{receivers:?}");
        }
        let gone = (0..200_000).any(|_| {
            let list = other.ask("CLIENT LIST\r\n", 1);
            assert_eq!(list, b"$");
            other.line().parse::<usize>().is_ok_and(|length| {
                let list = other.read(length + 2);
                String::from_utf8_lossy(&list).matches("id=").count() == 1
            })
        });
        assert!(gone, "{what}: who reads nothing stays");
        other.call("PING\r\n", "+PONG\r\n");
    }
}

/// A Unix socket beside the address, whose file goes with the server; and what the kernel is asked about silent peers.
pub fn sockets(driver: Driver) {
    let folder = Folder::new();
    let path = format!("{}/socket", folder.path());
    let Some(mut server) =
        Server::start(driver, &["--unixsocket", &path, "--unixsocketperm", "700", "--tcp-keepalive", "300"])
    else {
        return;
    };
    let mut local = server.connect_unix(&path);
    local.call("SET key value\r\n", "+OK\r\n");
    let big = "x".repeat(200_000);
    local.call(&format!("ECHO {}\r\n", &big[..60_000]), &format!("$60000\r\n{}\r\n", &big[..60_000]));
    let mut remote = server.connect();
    remote.call("GET key\r\n", "$5\r\nvalue\r\n");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a socket").permissions());
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(remote.keepalive_seconds(&server), Some(300));
    remote.call("CONFIG SET tcp-keepalive 60\r\n", "+OK\r\n");
    let mut later = server.connect();
    later.call("PING\r\n", "+PONG\r\n");
    assert_eq!(later.keepalive_seconds(&server), Some(60));
    remote.call("CONFIG SET tcp-keepalive 0\r\n", "+OK\r\n");
    let mut never = server.connect();
    never.call("PING\r\n", "+PONG\r\n");
    assert_eq!(never.keepalive_seconds(&server), None);

    server.terminate();
    // Closed here too: the server waits for that, two seconds at most.
    for mut client in [local, remote, later, never] {
        assert_eq!(client.rest(), b"");
    }
    assert_eq!(server.status(), Some(0));
    assert!(!std::fs::exists(&path).expect("a folder"), "its file stays");
    // A file that is none is not removed.
    let file = format!("{}/file", folder.path());
    std::fs::write(&file, "precious").expect("a folder");
    let taken = crate::server::refused(&[
        "--unixsocket",
        &file,
        "--model",
        driver.model,
        "--pattern",
        driver.pattern,
    ]);
    assert_eq!(
        (taken.0, std::fs::read(&file).expect("a file")),
        (Some(1), b"precious".to_vec()),
        "{}",
        taken.1
    );
    // One that was killed leaves it, which is no obstacle.
    let Some(killed) = Server::start(driver, &["--unixsocket", &path]) else { return };
    drop(killed);
    assert!(std::fs::exists(&path).expect("a folder"));
    // A ring lets go of its listener a moment after its process has been waited for (`io_ring_exit_work` is a worker's).
    assert!(
        (0..100_000).any(|_| std::os::unix::net::UnixStream::connect(&path).is_err()),
        "it still listens"
    );
    let Some(again) = Server::start(driver, &["--unixsocket", &path]) else { return };
    again.connect_unix(&path).call("PING\r\n", "+PONG\r\n");
}
