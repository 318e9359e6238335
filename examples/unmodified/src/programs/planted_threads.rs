//! Programs on std with a bug each, of threads and blocking streams, and the same programs without it. Each has the workload of the
//! planted bug on the traits that is named with it.

use super::planted::Version;
use super::planted_streams::report;
use super::std_echo::connect;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Serves each connection in a thread.
fn serve(session: impl Fn(&TcpStream) -> io::Result<()> + Clone + Send + 'static) -> io::Result<()> {
    for stream in TcpListener::bind("0.0.0.0:7")?.incoming() {
        let (stream, session) = (stream?, session.clone());
        // A connection that fails is over; the others go on.
        thread::spawn(move || session(&stream).is_ok());
    }
    Ok(())
}

/// Answers the number in the first line by a report of that many bytes, takes no interest in the body behind it, and closes
/// (`close-with-unread-body`: gunicorn 2026). The bug is that a close with unread bytes resets the connection.
pub fn unread_body(version: Version) -> io::Result<()> {
    serve(move |mut stream| {
        // One byte at a time: what is behind the line stays where it is.
        let (mut line, mut byte) = (Vec::new(), [0]);
        while byte != *b"\n" {
            stream.read_exact(&mut byte)?;
            line.extend(byte);
        }
        stream.write_all(&report(String::from_utf8_lossy(&line).trim_end().parse().unwrap_or(0)))?;
        if version == Version::Fixed {
            stream.shutdown(Shutdown::Write)?;
            io::copy(&mut &*stream, &mut io::sink())?;
        }
        Ok(())
    })
}

/// Posts a body with each request, and reads the report.
pub fn post(server: &str) -> io::Result<()> {
    for (length, body) in [(2_000, 100), (30_000, 600), (9_000, 0), (60_000, 2_000)] {
        let mut stream = connect(server);
        stream.write_all(format!("{length}\n").as_bytes())?;
        let mut sender = stream.try_clone()?;
        let sending = thread::spawn(move || sender.write_all(&vec![b'.'; body]).is_ok());
        let mut received = vec![0; length];
        let read = stream.read_exact(&mut received);
        assert!(read.is_ok() && received == report(length), "a report of {length} bytes differs: {read:?}");
        // The body may have met a closed connection.
        let _ = sending.join();
    }
    Ok(())
}

/// Answers lines with a number by reports of that many bytes.
pub fn reports() -> io::Result<()> {
    serve(|mut stream| {
        for line in BufReader::new(stream).lines() {
            stream.write_all(&report(line?.parse().unwrap_or(0)))?;
        }
        Ok(())
    })
}

/// Sends a long pipeline and reads its reports (`write-all-before-reading`: redis-rs 2026). The bug is that nothing is read before
/// all of it is written, while the server, whose reports find no room, does not read either.
pub fn pipeline(server: &str, version: Version) -> io::Result<()> {
    let mut stream = connect(server);
    for (requests, length) in [(20, 100), (700, 90), (10_000, 40)] {
        let pipeline = format!("{length}\n").repeat(requests);
        let mut received = vec![0; requests * length];
        match version {
            Version::Broken => {
                stream.write_all(pipeline.as_bytes())?;
                stream.read_exact(&mut received)?;
            }
            Version::Fixed => {
                let mut writer = stream.try_clone()?;
                let writing = thread::spawn(move || writer.write_all(pipeline.as_bytes()));
                stream.read_exact(&mut received)?;
                writing.join().expect("the writer does not panic")?;
            }
        }
        assert!(received == report(length).repeat(requests), "the reports of {requests} requests differ");
    }
    Ok(())
}

/// Echoes lines; each takes a moment.
pub fn slow_echo() -> io::Result<()> {
    serve(|mut stream| {
        for line in BufReader::new(stream).lines() {
            thread::sleep(Duration::from_millis(1));
            stream.write_all(format!("{}\n", line?).as_bytes())?;
        }
        Ok(())
    })
}

/// How long a caller waits for an answer.
const TIMEOUT: Duration = Duration::from_millis(20);

/// Three callers ask over a pool of connections (`pooled-after-timeout`: redis-py 2023). The bug is that a connection goes back
/// into the pool although the answer has not come in time.
pub fn pooled(server: &'static str, version: Version) -> io::Result<()> {
    let pool: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let callers: Vec<_> = (0..3)
        .map(|caller| {
            let pool = pool.clone();
            thread::spawn(move || {
                for round in 0..6 {
                    let question = format!("caller {caller} round {round}\n");
                    let answer = ask(server, &pool, &question, version);
                    assert!(
                        answer.as_ref().is_none_or(|it| *it == question),
                        "{question:?}: {answer:?} came"
                    );
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().expect("no wrong answer");
    }
    Ok(())
}

/// The answer, if one comes in time.
fn ask(server: &str, pool: &Mutex<Vec<TcpStream>>, question: &str, version: Version) -> Option<String> {
    let pooled = pool.lock().expect("no caller panics with it").pop();
    let mut stream = pooled.unwrap_or_else(|| connect(server));
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.write_all(question.as_bytes()).ok()?;
    let mut answer = String::new();
    let read = BufReader::new(&stream).read_line(&mut answer);
    if read.is_ok() || version == Version::Broken {
        pool.lock().expect("no caller panics with it").push(stream);
    }
    read.is_ok().then_some(answer)
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

#[derive(Default)]
struct Workers {
    jobs: Mutex<Jobs>,
    posted: Condvar,
}

impl Workers {
    fn post(&self, version: Version, job: Job) {
        let mut jobs = self.jobs.lock().expect("no worker panics with it");
        let wakes = match version {
            Version::Fixed => jobs.idle > 0,
            Version::Broken => jobs.queue.is_empty(),
        };
        jobs.queue.push_back(job);
        drop(jobs);
        if wakes {
            self.posted.notify_one();
        }
    }

    fn work(&self) {
        let mut jobs = self.jobs.lock().expect("no worker panics with it");
        loop {
            if let Some(job) = jobs.queue.pop_front() {
                drop(jobs);
                job();
                jobs = self.jobs.lock().expect("no worker panics with it");
            } else if jobs.closed {
                return;
            } else {
                jobs.idle += 1;
                jobs = self.posted.wait(jobs).expect("no worker panics with it");
                jobs.idle -= 1;
            }
        }
    }
}

/// Posts a job that sums what other jobs fetch, again and again (`worker-woken-only-when-empty`). The bug is that a worker is
/// woken only for the first job of an empty queue: a job that waits for another then has nobody who does that one.
pub fn worker_pool(version: Version) -> io::Result<()> {
    let workers: Arc<Workers> = Arc::default();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let workers = workers.clone();
            thread::spawn(move || workers.work())
        })
        .collect();
    for round in 0..8_u64 {
        let (parts, numbers) = channel();
        let (sum, got) = channel();
        let count = 1 + round as usize % 3;
        workers.post(
            version,
            Box::new(move || sum.send(numbers.iter().take(count).sum::<u64>()).expect("somebody waits")),
        );
        for number in (round..).take(count) {
            workers.post(version, fetch(parts.clone(), number));
        }
        assert_eq!(got.recv().ok(), Some((round..).take(count).sum()), "another sum");
        thread::sleep(Duration::from_micros(60 * round));
    }
    workers.jobs.lock().expect("no worker panics with it").closed = true;
    workers.posted.notify_all();
    for thread in threads {
        thread.join().expect("no worker panics");
    }
    Ok(())
}

fn fetch(part: Sender<u64>, number: u64) -> Job {
    Box::new(move || {
        thread::sleep(Duration::from_micros(10 + 30 * number));
        let _ = part.send(number);
    })
}
