//! What a request costs the server: processor time of every model on Linux, by one run, with redis-server and a loop that
//! always says the same beside it. The client is redis-benchmark; server and client have a core each.
//!
//! ```sh
//! cargo bench -p eagain-server --bench cost                         # all, ten minutes on idle cores
//! cargo bench -p eagain-server --bench cost -- epoll io_uring redis
//! ```
//!
//! Microseconds of user and system time of all the server's threads for a request, from `/proc/PID/stat` before and
//! after: the median of five rounds, in each of which every server has its turn; SET and GET with 64 bytes, 50
//! connections. At `-P 1` the client is the bottleneck, hence requests a second would say little; at `-P 16` they are
//! printed too, in thousands, and mean something where nobody else uses the two cores. The last columns are with idle connections beside those: 5,000, or as many as the model or the machine lets in; what a request costs then,
//! and what a second costs in which nobody asks.

mod fixed;
mod fixed_ring;

use eagain_net::{Linux, now};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// Model and pattern.
const DRIVERS: &[(&str, &str)] = &[
    ("blocking", "reactor"),
    ("nonblocking", "reactor"),
    ("select", "reactor"),
    ("poll", "reactor"),
    ("epoll", "reactor"),
    ("epoll", "proactor"),
    ("epoll-edge", "reactor"),
    ("epoll-oneshot", "reactor"),
    ("sigio", "reactor"),
    ("aio", "proactor"),
    ("io_uring", "proactor"),
    ("tokio", "reactor"),
];
/// Beside them.
const OTHERS: &[&str] = &["fixed", "fixed-ring", "fixed-multishot", "redis"];
const IDLE: usize = 5_000;
const ROUNDS: usize = 5;
/// What the client needs below a limit: its connections, and those that have just ended.
const ROOM: usize = 110;
const CORES: [&str; 2] = ["0", "1"];
/// Processor time that a measurement is to take, so that a clock of 10 ms is fine enough.
const WANTED_US: f64 = 500_000.0;
/// Of `/proc/PID/stat` (`getconf CLK_TCK`).
const TICK_US: f64 = 10_000.0;

type Failure = Box<dyn std::error::Error>;

struct Server {
    child: Child,
    at: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `sh` raises the limit of descriptors, which only the calling process can.
fn pinned(core: &str, program: &str, arguments: &[String]) -> Command {
    let mut command = Command::new("sh");
    let script = r#"ulimit -n "$(ulimit -H -n)"; exec taskset -c "$@""#;
    command.args(["-c", script, "sh", core, program]).args(arguments);
    command
}

impl Server {
    fn start(name: &str, pattern: &str) -> Result<Server, Failure> {
        let own = std::env::current_exe()?;
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        if name == "redis" {
            // Redis takes no port 0: one that was free a moment ago.
            let at = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let port = at.port().to_string();
            let arguments = ["--port", &port, "--save", "", "--appendonly", "no", "--maxclients", "20000"];
            let mut command = pinned(CORES[0], "redis-server", &strings(&arguments));
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            let server = Server { child, at };
            while TcpStream::connect(at).is_err() {
                pause(20);
            }
            return Ok(server);
        }
        let mut command = if name.starts_with("fixed") {
            pinned(CORES[0], &own.to_string_lossy(), &strings(&["serve-fixed", name]))
        } else {
            let arguments =
                ["--listen", "127.0.0.1:0", "--workers", "0", "--model", name, "--pattern", pattern];
            pinned(CORES[0], env!("CARGO_BIN_EXE_eagain-server"), &strings(&arguments))
        };
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        let at = line.strip_prefix("listening at ").and_then(|rest| rest.split(' ').next());
        let Some(at) = at.and_then(|at| at.parse().ok()) else {
            let mut said = String::new();
            child.stderr.take().ok_or("no pipe")?.read_to_string(&mut said)?;
            let _ = child.wait();
            return Err(said.trim().to_owned().into());
        };
        Ok(Server { child, at })
    }

    /// Processor time so far.
    fn spent_us(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything: fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Ok((field(11) + field(12)) * TICK_US)
    }

    /// Microseconds a request, of `n` SET and `n` GET, and thousands of requests a second.
    fn once(&self, depth: usize, n: u64) -> Result<(f64, f64), Failure> {
        let (port, depth, count) = (self.at.port().to_string(), depth.to_string(), n.to_string());
        let arguments = ["-p", &port, "-t", "set,get", "-d", "64", "-c", "50", "-q"];
        let mut client = Command::new("taskset");
        client
            .args(["-c", CORES[1], "timeout", "300", "redis-benchmark"])
            .args(arguments)
            .args(["-P", &depth, "-n", &count]);
        let (before, begun) = (self.spent_us()?, now(Linux));
        let output = client.output()?;
        if !output.status.success() {
            return Err(format!("redis-benchmark: {}", output.status).into());
        }
        let requests = (2 * n) as f64;
        Ok(((self.spent_us()? - before) / requests, requests / (now(Linux) - begun).as_secs_f64() / 1_000.0))
    }

    /// How many requests of each kind last long enough.
    fn enough(&self, depth: usize) -> Result<u64, Failure> {
        let first = self.once(depth, 5_000 * depth as u64)?.0.max(0.05);
        Ok((WANTED_US / first / 2.0).clamp(2_000.0, 4_000_000.0) as u64)
    }

    /// Connections that say one thing and then nothing, as many as are let in.
    fn idle(&self) -> Vec<TcpStream> {
        let mut idle = Vec::new();
        for _ in 0..IDLE {
            let Ok(mut stream) = TcpStream::connect(self.at) else { break };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let mut reply = [0; 4];
            let asked =
                stream.write_all(b"*1\r\n$4\r\nPING\r\n").and_then(|()| stream.read_exact(&mut reply));
            if asked.is_err() || reply[0] == b'-' {
                break;
            }
            idle.push(stream);
        }
        idle
    }
}

/// Nothing is simulated here.
#[allow(clippy::disallowed_methods)]
fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// What is known of a server.
struct Row {
    name: String,
    server: Server,
    /// How many requests at each depth, and what one took, in each round.
    one: (u64, Vec<f64>),
    many: (u64, Vec<f64>),
    /// Thousands of requests a second at the second depth.
    throughput: Vec<f64>,
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Row {
    fn new(name: &str, pattern: &str) -> Result<Row, Failure> {
        let server = Server::start(name, pattern)?;
        let (one, many) = (server.enough(1)?, server.enough(16)?);
        let name = format!("{name} | {pattern}");
        let throughput = Vec::new();
        Ok(Row { name, server, one: (one, Vec::new()), many: (many, Vec::new()), throughput })
    }

    fn round(&mut self) -> Result<(), Failure> {
        self.one.1.push(self.server.once(1, self.one.0)?.0);
        let (cost, throughput) = self.server.once(16, self.many.0)?;
        self.many.1.push(cost);
        self.throughput.push(throughput);
        Ok(())
    }

    /// With idle connections beside: how many there are, what a request costs, and what a second at rest.
    fn crowd(&self) -> Result<String, Failure> {
        let mut idle = self.server.idle();
        // Where the model has a limit, the client needs room below it.
        let full = idle.len() < IDLE;
        idle.truncate(idle.len().saturating_sub(if full { ROOM } else { 0 }));
        pause(500);
        let n = self.server.enough(1)?;
        let mut costs = [self.server.once(1, n)?.0, self.server.once(1, n)?.0, self.server.once(1, n)?.0];
        pause(500);
        let before = self.server.spent_us()?;
        pause(3_000);
        let rest_ms = (self.server.spent_us()? - before) / 3_000.0;
        Ok(format!("{} | {:.2} | {rest_ms:.1}", idle.len(), median(&mut costs)))
    }
}

/// Measures all of them in turns, so that what else the machine does befalls them alike.
fn measure(wanted: &[String]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let all = DRIVERS.iter().copied().chain(OTHERS.iter().map(|&other| (other, "")));
    for (name, pattern) in all.filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name)) {
        match Row::new(name, pattern) {
            Ok(row) => rows.push(row),
            Err(why) => eprintln!("skipped: {name} {pattern}: {why}"),
        }
    }
    for _ in 0..ROUNDS {
        rows.iter_mut().try_for_each(Row::round)?;
    }
    println!(
        "| model | pattern | -P 1 | -P 16 | thousands a second | idle | -P 1 beside them | ms a second at rest |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in &mut rows {
        let crowd = row.crowd().unwrap_or_else(|why| format!("{why} | |"));
        let (one, many) = (median(&mut row.one.1), median(&mut row.many.1));
        let throughput = median(&mut row.throughput);
        println!("| {} | {one:.2} | {many:.2} | {throughput:.0} | {crowd} |", row.name);
    }
    Ok(())
}

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, name] = wanted.as_slice()
        && verb == "serve-fixed"
    {
        let served = match name.as_str() {
            "fixed" => fixed::serve(),
            name => fixed_ring::serve(name == "fixed-multishot"),
        };
        let Err(errno) = served else { return ExitCode::SUCCESS };
        eprintln!("{errno}");
        return ExitCode::FAILURE;
    }
    if !wanted.iter().any(|argument| argument == "--bench") {
        // `cargo test --all-targets` wants to know whether it runs, and not for so long.
        return ExitCode::SUCCESS;
    }
    // For the idle connections.
    if std::env::var_os("COST_CHILD").is_none() {
        let own = std::env::current_exe().unwrap_or_default();
        let mut again = Command::new("sh");
        again.args(["-c", r#"ulimit -n "$(ulimit -H -n)"; exec "$@""#, "sh"]).arg(own).args(&wanted);
        let status = again.env("COST_CHILD", "1").status();
        return ExitCode::from(u8::from(!status.is_ok_and(|status| status.success())));
    }
    let wanted: Vec<String> = wanted.into_iter().filter(|word| !word.starts_with('-')).collect();
    match measure(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
