//! Lines for the operator: when, how grave, what. They go to the standard error, or are appended to a file, which is opened for each
//! line, so that it can be moved away at any time. Under systemd the journal knows when, and is given how grave by a number
//! (sd-daemon(3)).

use eagain_server::observe::Level;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lines that wait to be written; what comes while there are so many is left out.
const WAITING_MAX: usize = 1024;
/// The end of the program waits for so long for the last ones.
const FLUSH: Duration = Duration::from_secs(1);

/// What the thread that writes is sent.
enum Message {
    Line(Level, String),
    /// All lines before it are written.
    Flush(SyncSender<()>),
}

/// Writes lines to a file, or to the standard error where there is no path; from [`Writer::start`] on by a thread of its own, for
/// whoever has a line may hold a lock that everybody waits for, and a disk or a reader of the standard error may be slow.
pub struct Writer {
    path: String,
    sender: OnceLock<SyncSender<Message>>,
    left_out: AtomicU64,
}

impl Writer {
    /// For this path.
    pub fn new(path: String) -> Arc<Writer> {
        Arc::new(Writer { path, sender: OnceLock::new(), left_out: AtomicU64::new(0) })
    }

    /// The thread. POSIX AIO wants signals blocked that it is born with, so that it begins when the model is made.
    pub fn start(self: &Arc<Self>) {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let writer = self.clone();
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(receiver));
        match thread {
            Ok(_) => _ = self.sender.set(sender),
            Err(error) => self.line(Level::Warning, &format!("no thread for the log: {error}")),
        }
    }

    fn run(&self, messages: Receiver<Message>) {
        for message in messages {
            match message {
                Message::Line(level, text) => line_to(&self.path, level, &text),
                Message::Flush(done) => _ = done.send(()),
            }
            let left_out = self.left_out.swap(0, SeqCst);
            if left_out > 0 {
                line_to(&self.path, Level::Warning, &format!("{left_out} lines were left out here"));
            }
        }
    }

    /// Takes a line.
    pub fn line(&self, level: Level, text: &str) {
        let Some(sender) = self.sender.get() else { return line_to(&self.path, level, text) };
        if sender.try_send(Message::Line(level, text.to_owned())).is_err() {
            self.left_out.fetch_add(1, SeqCst);
        }
    }

    /// Waits until the lines before it are written, a second at most.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if let Some(sender) = self.sender.get()
            && sender.try_send(Message::Flush(done)).is_ok()
        {
            let _ = written.recv_timeout(FLUSH);
        }
    }
}

/// Writes a line to the standard error.
pub fn line(level: Level, text: &str) {
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        let number = match level {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Notice => 5,
            Level::Verbose => 6,
        };
        write_line(io::stderr(), format!("<{number}>eagain-server: {text}\n"));
    } else {
        write_line(io::stderr(), stamped(level, text) + "\n");
    }
}

/// Writes a line to the standard output.
pub fn print(text: &str) {
    write_line(io::stdout(), format!("{text}\n"));
}

/// In one call, so that lines of threads do not mix. Where it is closed, or a file on a full disk, nobody is there to hear of it.
fn write_line(mut to: impl Write, line: String) {
    let _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
}

/// Appends a line to the file at `path`, or to the standard error where there is no path.
fn line_to(path: &str, level: Level, text: &str) {
    if path.is_empty() {
        return line(level, text);
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all((stamped(level, text) + "\n").as_bytes()));
    if let Err(error) = written {
        line(level, text);
        line(Level::Warning, &format!("--logfile {path}: {error}"));
    }
}

fn stamped(level: Level, text: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("{} eagain-server: {}: {text}", timestamp(now), level.name())
}

/// Seconds since 1970 as RFC 3339 writes them.
fn timestamp(unix: u64) -> String {
    let (day, second) = (unix / 86_400, unix % 86_400);
    let (mut year, mut day) = (1970, day);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(unix), expected);
        }
    }
}
