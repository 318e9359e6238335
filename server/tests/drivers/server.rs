//! The server as a child process, and clients of it. Every wait is bounded.

use eagain_net::sync::{PopTimeoutError, Queue};
use eagain_net::{Linux, Signal, Signals, thread};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// No answer takes longer, on a busy machine either.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Who serves.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    pub model: &'static str,
    pub pattern: &'static str,
    pub workers: usize,
    pub loops: usize,
}

/// A server that runs; killed when dropped.
pub struct Server {
    child: Child,
    pub at: SocketAddr,
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_eagain-server"))
}

impl Server {
    /// Starts it. `None`: this machine has not what the model needs, and the test is skipped with the reason.
    pub fn start(driver: Driver, more: &[&str]) -> Option<Server> {
        let mut child = binary()
            .args(["--listen", "127.0.0.1:0", "--model", driver.model, "--pattern", driver.pattern])
            .args(["--workers", &driver.workers.to_string(), "--loops", &driver.loops.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        in_time(child.id(), "say where it listens", || BufReader::new(stdout).read_line(&mut line))
            .expect("it says where it listens");
        let Some(at) = line.strip_prefix("listening at ").and_then(|rest| rest.split(' ').next()) else {
            let mut said = String::new();
            let _ = child.stderr.take().expect("a pipe").read_to_string(&mut said);
            let _ = child.wait();
            assert!(said.contains("is not available here"), "{driver:?} did not start: {said}");
            // Not by a macro, whose output the test runner keeps to itself when all is well: a skip is to be seen.
            let _ = writeln!(std::io::stderr(), "skipped: {said}");
            return None;
        };
        Some(Server { child, at: at.parse().expect("an address") })
    }

    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect_timeout(&self.at, TIMEOUT).expect("it listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        stream.set_write_timeout(Some(TIMEOUT)).expect("a timeout");
        Client { stream: Socket::Tcp(stream) }
    }

    /// A client of this host.
    pub fn connect_unix(&self, path: &str) -> Client {
        let stream = UnixStream::connect(path).expect("it listens there");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        stream.set_write_timeout(Some(TIMEOUT)).expect("a timeout");
        Client { stream: Socket::Unix(stream) }
    }

    /// Whether somebody still listens.
    pub fn listens(&self) -> bool {
        TcpStream::connect_timeout(&self.at, TIMEOUT).is_ok()
    }

    pub fn terminate(&self) {
        self.send(Signal::SIGTERM);
    }

    pub fn send(&self, signal: Signal) {
        Linux.kill(self.child.id() as i32, signal).expect("it runs");
    }

    /// Waits for its end.
    pub fn status(&mut self) -> Option<i32> {
        in_time(self.child.id(), "end", || self.child.wait()).expect("a child").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `work` waits for, the server's doing: after [`TIMEOUT`] it is killed, so that the wait ends, and is blamed.
fn in_time<T>(server: u32, what: &str, work: impl FnOnce() -> T) -> T {
    let over = Arc::new(Queue::<Linux, ()>::new(Linux, 1));
    let is_over = over.clone();
    let watch = move || {
        let late = is_over.pop_timeout(TIMEOUT) == Err(PopTimeoutError::TimedOut);
        // ESRCH: it has just ended by itself.
        late && Linux.kill(server as i32, Signal::SIGKILL).is_ok()
    };
    let watchdog = thread::spawn(Linux, "watchdog", watch).expect("a thread");
    let result = work();
    over.close();
    assert_eq!(watchdog.join(), Some(false), "the server did not {what} within {TIMEOUT:?}");
    result
}

/// A command line that is refused: the exit status, and what was said.
pub fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = binary().args(["--listen", "127.0.0.1:0"]).args(arguments).output().expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(bytes),
            Socket::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whose end of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// One connection.
pub struct Client {
    stream: Socket,
}

impl Client {
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it reads");
    }

    /// As much as is expected, and nothing else.
    #[track_caller]
    pub fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        self.stream.read_exact(&mut got).expect("it answers");
        if got != expected {
            let at = got.iter().zip(expected).position(|(a, b)| a != b).unwrap_or(0);
            let text =
                |bytes: &[u8]| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 80)]).into_owned();
            panic!("at byte {at}: {:?} instead of {:?}", text(&got), text(expected));
        }
    }

    #[track_caller]
    pub fn call(&mut self, request: &str, reply: &str) {
        self.send(request.as_bytes());
        self.expect(reply.as_bytes());
    }

    /// The first `length` bytes of the answer.
    pub fn ask(&mut self, request: &str, length: usize) -> Vec<u8> {
        self.send(request.as_bytes());
        let mut got = vec![0; length];
        self.stream.read_exact(&mut got).expect("it answers");
        got
    }

    /// So many bytes.
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut got = vec![0; length];
        self.stream.read_exact(&mut got).expect("it answers");
        got
    }

    /// A line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.read(1));
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// How many clients the server counts.
    pub fn clients(&mut self) -> usize {
        self.send(b"INFO clients\r\n");
        let length = self.line()[1..].parse::<usize>().expect("a length");
        let info = String::from_utf8(self.read(length + 2)).expect("text");
        let count = info.lines().find_map(|line| line.strip_prefix("connected_clients:")).expect("a count");
        count.parse().expect("a number")
    }

    /// After how many seconds of silence the kernel asks whether this client is still there (proc_net_tcp.txt in the kernel's
    /// documentation: timer 2, and hundredths of a second until it comes); `None`: it does not.
    pub fn keepalive_seconds(&self, server: &Server) -> Option<u64> {
        for _ in 0..100_000 {
            let (timer, hundredths) = self.pair_of_kernel(server, Side::Server, 5);
            match timer.as_str() {
                "02" => {
                    let hundredths = u64::from_str_radix(&hundredths, 16).expect("a number");
                    return Some(hundredths.div_ceil(6000) * 60);
                }
                "00" => return None,
                // The acknowledgement of its last reply is still to come.
                _ => {}
            }
        }
        panic!("another timer runs");
    }

    /// Waits until the kernel at the other end has acknowledged all that was sent.
    pub fn arrives(&self, server: &Server) {
        let arrives = || self.pair_of_kernel(server, Side::Client, 4).0 == "00000000";
        assert!((0..100_000).any(|_| arrives()), "it does not arrive");
    }

    /// Two numbers of the connection's row of the kernel's table: its queues (4) or its timer (5).
    fn pair_of_kernel(&self, server: &Server, side: Side, column: usize) -> (String, String) {
        let Socket::Tcp(stream) = &self.stream else { panic!("no TCP") };
        let (mine, its) = (stream.local_addr().expect("an address").port(), server.at.port());
        let (local, remote) = if side == Side::Server { (its, mine) } else { (mine, its) };
        let ends = format!("0100007F:{local:04X} 0100007F:{remote:04X} 01");
        let table = std::fs::read_to_string("/proc/net/tcp").expect("a table");
        let row = table.lines().find(|row| row.contains(&ends)).expect("its connection");
        let (one, other) =
            row.split_whitespace().nth(column).and_then(|pair| pair.split_once(':')).expect("a pair");
        (one.to_owned(), other.to_owned())
    }

    /// All that comes until the end, which is not long in coming; a reset counts as an end.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut got = Vec::new();
        match self.stream.read_to_end(&mut got) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("no end: {error}; so far {:?}", String::from_utf8_lossy(&got)),
        }
        got
    }

    pub fn end(&self) {
        let Socket::Tcp(stream) = &self.stream else { return };
        stream.shutdown(Shutdown::Write).expect("it is connected");
    }
}

/// A folder of one test's own; gone when dropped.
pub struct Folder(String);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("eagain-drivers-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst));
        let path = std::env::temp_dir().join(name).to_str().expect("a path of letters").to_owned();
        std::fs::create_dir(&path).expect("a new folder");
        Folder(path)
    }

    pub fn path(&self) -> &str {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
