//! The server as a process that an operator runs: a directory belongs to one of them, a hang-up ends nothing, and a client
//! beyond the limit gets an error.
#![allow(clippy::disallowed_methods, reason = "the clients of a real process are real threads")]

use eagain_net::{Linux, Signal, Signals};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A process that does not outlive the test, and where it listens.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_eagain-server");

/// Runs until it listens.
fn start(mut command: Command) -> Server {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening at ").and_then(|rest| rest.split(' ').next()).unwrap();
    Server(child, address.rsplit(':').next().unwrap().parse().unwrap())
}

fn with_engine(engine: &str, directory: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--port", "0", "--appendfsync", "always", "--storage", engine, "--dir"]).arg(directory);
    command
}

/// Ends by itself, with a status and a text.
fn refused(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(format!("{request}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    replies.strip_suffix("+OK\r\n").unwrap().trim_end().to_owned()
}

#[test]
fn a_directory_belongs_to_one_server_and_to_one_engine() {
    for (engine, other) in [("log", "redb"), ("redb", "log")] {
        let directory = tempfile::tempdir().unwrap();
        let first = start(with_engine(engine, directory.path()));
        assert_eq!(ask(first.1, "SET key value"), "+OK");
        let (status, text) = refused(with_engine(engine, directory.path()));
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(&format!("in use by another server (process {})", first.0.id())), "{text}");
        // Killed: the lock that it has left is no obstacle.
        drop(first);
        let (status, text) = refused(with_engine(other, directory.path()));
        assert_eq!(status, Some(3), "{text}");
        assert!(text.contains(&format!("holds data of --storage {engine}")), "{text}");
        let again = start(with_engine(engine, directory.path()));
        assert_eq!(ask(again.1, "GET key"), "$5\r\nvalue");
    }
}

#[test]
fn a_standard_error_that_is_closed_or_full_holds_nobody_up() {
    for is_closed in [true, false] {
        let mut command = Command::new(PROGRAM);
        command.args(["--port", "0", "--loglevel", "verbose"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        // Nobody reads it: a pipe holds 64 KiB, and each client is worth two lines.
        let _unread = if is_closed {
            drop(stderr);
            None
        } else {
            Some(stderr)
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening at ").and_then(|rest| rest.split(' ').next()).unwrap();
        let server = Server(child, address.trim().rsplit(':').next().unwrap().parse().unwrap());
        for _ in 0..1000 {
            assert_eq!(ask(server.1, "PING"), "+PONG");
        }
    }
}

#[test]
fn a_hang_up_ends_nothing() {
    let mut command = Command::new(PROGRAM);
    command.args(["--port", "0"]);
    let server = start(command);
    assert_eq!(ask(server.1, "SET key value"), "+OK");
    Linux.kill(server.0.id() as i32, Signal::SIGHUP).unwrap();
    assert_eq!(ask(server.1, "GET key"), "$5\r\nvalue");
}

#[test]
fn who_finds_no_descriptor_gets_an_error_and_the_next_one_is_served() {
    for arguments in ["", "--model io_uring --pattern proactor", "--model poll", "--model blocking"] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n 64; exec {PROGRAM} --port 0 {arguments}")]);
        let server = start(command);
        let (mut clients, mut refusal) = (Vec::new(), String::new());
        while refusal.is_empty() {
            assert!(clients.len() < 64, "nobody was refused");
            let mut stream = TcpStream::connect(("127.0.0.1", server.1)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let _ = stream.write_all(b"PING\r\n");
            let mut reply = [0; 64];
            let count = stream.read(&mut reply).unwrap();
            match &reply[..count] {
                b"+PONG\r\n" => clients.push(stream),
                other => refusal = String::from_utf8_lossy(other).into_owned(),
            }
        }
        assert_eq!(refusal, "-ERR max number of clients reached\r\n");
        let mut one = clients.pop().unwrap();
        one.write_all(b"CONFIG GET maxclients\r\n").unwrap();
        let mut reply = [0; 64];
        let count = one.read(&mut reply).unwrap();
        let expected = format!("$2\r\n{}\r\n", clients.len() + 1);
        assert!(String::from_utf8_lossy(&reply[..count]).ends_with(&expected), "{arguments}");
        one.write_all(b"QUIT\r\n").unwrap();
        assert_eq!(one.read_to_end(&mut Vec::new()).unwrap(), 5);
        drop(one);
        // The server has to see its end first.
        let served = (0..10_000).any(|_| {
            let mut next = TcpStream::connect(("127.0.0.1", server.1)).unwrap();
            let _ = next.write_all(b"PING\r\n");
            let mut reply = [0; 7];
            next.read_exact(&mut reply).is_ok() && &reply == b"+PONG\r\n"
        });
        assert!(served, "{arguments}");
    }
}

#[test]
fn a_file_and_the_environment_configure_it_and_the_command_line_has_the_last_word() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("conf"), "# ours\nport 1\nmaxclients 7\n").unwrap();
    std::fs::write(at("password"), "secret\n").unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .arg(at("conf"))
        .args(["--bind", "localhost", "--port", "0", "--requirepass-file"])
        .arg(at("password"));
    let server = start(command);
    assert_eq!(ask(server.1, "GET key"), "-NOAUTH Authentication required.");
    assert_eq!(
        ask(server.1, "AUTH secret\r\nCONFIG GET maxclients"),
        "+OK\r\n*2\r\n$10\r\nmaxclients\r\n$1\r\n7"
    );
    let mut command = Command::new(PROGRAM);
    command.args(["--port", "0"]).env("EAGAIN_REQUIREPASS", "other");
    let server = start(command);
    assert_eq!(ask(server.1, "AUTH other"), "+OK");
}

#[test]
fn it_says_what_it_is_and_what_is_wrong() {
    let version = Command::new(PROGRAM).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("eagain-server ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, status, expected) in [
        (&["/no/such/file.conf"][..], 2, "error: /no/such/file.conf: No such file"),
        (
            &["--requirepass-file", "/no/such/file"],
            2,
            "error: --requirepass-file /no/such/file: No such file",
        ),
        (&["--listen", "no.such.host.invalid:1"], 2, "error: --listen no.such.host.invalid:1: "),
        (&["--port", port.as_str()], 1, "another program listens there"),
        (&["--bind", "192.0.2.1", "--requirepass", "x"], 1, "this machine has no such address"),
        (
            &["--port", "0", "--unixsocket", "/no/such/directory/socket"],
            1,
            "cannot listen at /no/such/directory/socket: ENOENT",
        ),
        (
            &["--storage", "log", "--dir", "/no/such/directory"],
            1,
            "the directory above it has to be there already",
        ),
    ] {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        let (code, text) = refused(command);
        assert_eq!(code, Some(status), "{text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "0.0.0.0:0", "--storage", "log", "--dir", "/no/such/directory"]);
    let (_, text) = refused(command);
    assert!(text.contains("warning: anybody who reaches 0.0.0.0:0"), "{text}");
}

#[test]
fn lines_that_cannot_be_written_end_nothing() {
    for errors in [">/dev/full", ">&-"] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {PROGRAM} --port 0 --maxclients 1 --loglevel verbose 2{errors}")]);
        let server = start(command);
        let mut one = TcpStream::connect(("127.0.0.1", server.1)).unwrap();
        let mut reply = [0; 7];
        one.write_all(b"PING\r\n").unwrap();
        one.read_exact(&mut reply).unwrap();
        let mut refusal = String::new();
        TcpStream::connect(("127.0.0.1", server.1)).unwrap().read_to_string(&mut refusal).unwrap();
        assert_eq!(refusal, "-ERR max number of clients reached\r\n");
        one.write_all(b"PING\r\n").unwrap();
        one.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
        drop(one);
        server.stop();
    }
}

#[test]
fn the_service_manager_is_notified_when_it_is_ready_and_when_it_stops() {
    for arguments in [
        "--model epoll --loops 2",
        "--model blocking",
        "--model tokio",
        "--role logic --backends 127.0.0.1:1",
        "--role logic --backends 127.0.0.1:1 --model tokio",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["--port", "0"]).args(arguments.split(' ')).env("NOTIFY_SOCKET", &path);
        let server = start(command);
        let state = || {
            let mut state = [0; 64];
            let length = manager.recv(&mut state).map_err(|error| error.kind())?;
            Ok(String::from_utf8_lossy(&state[..length]).into_owned())
        };
        assert_eq!(state().as_deref(), Ok("READY=1"), "{arguments}");
        server.stop();
        assert_eq!(state().as_deref(), Ok("STOPPING=1"), "{arguments}");
        manager.set_nonblocking(true).unwrap();
        assert_eq!(state(), Err(std::io::ErrorKind::WouldBlock), "{arguments}");
    }
}

impl Server {
    /// Asks it to end, and waits for that.
    fn stop(mut self) {
        Linux.kill(self.0.id() as i32, Signal::SIGTERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn backends_that_go_and_come_back_and_clients_that_are_closed_are_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut command = Command::new(PROGRAM);
    command.args(["--port", "0", "--client-output-buffer-limit", "normal 1000 0 0", "--logfile"]);
    let storage = start({
        command.arg(at("storage"));
        command
    });
    let backend = format!("127.0.0.1:{}", storage.1);
    let mut command = Command::new(PROGRAM);
    command.args(["--port", "0", "--role", "logic", "--backends", &backend, "--logfile"]).arg(at("logic"));
    let logic = start(command);
    assert_eq!(ask(logic.1, "SET key value"), "+OK");
    let mut stream = TcpStream::connect(("127.0.0.1", storage.1)).unwrap();
    stream.write_all(format!("ECHO {}\r\n", "x".repeat(2000)).as_bytes()).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    drop(stream);
    let port = storage.1.to_string();
    storage.stop();
    let refused = ask(logic.1, "GET key");
    assert!(refused.starts_with("-CLUSTERDOWN"), "{refused}");
    let mut command = Command::new(PROGRAM);
    command.args(["--port", &port]);
    let again = start(command);
    // The link is tried again after a while.
    assert!((0..100_000).any(|_| ask(logic.1, "GET key") == "$-1"));
    logic.stop();
    again.stop();
    let lines = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let closed = "closed, for more waits for it than client-output-buffer-limit allows";
    assert!(lines("storage").contains(closed), "{}", lines("storage"));
    let (lost, connected) =
        ("warning: backend BACKEND: the connection is lost", "notice: backend BACKEND: connected");
    for (text, count) in [(lost, 1), (connected, 2)] {
        let text = text.replace("BACKEND", &backend);
        assert_eq!(lines("logic").matches(&text).count(), count, "{text} in {}", lines("logic"));
    }
}
