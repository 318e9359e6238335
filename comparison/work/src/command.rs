//! What every peer's program understands: `speed MILLISECONDS` measures, `bugs BASES SEEDS SECONDS` looks for the planted
//! bugs. Each answer is a line of fields between tabs.

use crate::bugs::Bug;
use crate::net::{Net, Peer};
use crate::speed::measure;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A way to set a peer up for speed.
pub struct Setting<P> {
    /// How it is called.
    pub name: &'static str,
    /// Round trips of an echo world.
    pub trips: u64,
    /// The peer, so set up.
    pub peer: P,
}

/// Does what the command line asks for. `hard` is the peer as hard on the programs of a bug as it gets without blaming
/// those that are right.
pub fn main<P: Peer>(name: &str, settings: &[Setting<P>], hard: impl Fn(Bug) -> P) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>();
    match words[..] {
        ["speed", time] => {
            let Ok(time) = number(time) else { return usage(name) };
            for setting in settings {
                let time = Duration::from_millis(time);
                measure(&setting.peer, setting.trips, time, |what, rate| match rate {
                    Ok(rate) => println!("speed\t{name}\t{}\t{what}\t{rate:.0}", setting.name),
                    Err(error) => eprintln!("{name} {} {what}: {error}", setting.name),
                });
            }
        }
        ["bugs", bases, seeds, seconds] => {
            let (Ok(bases), Ok(seeds), Ok(seconds)) = (number(bases), number(seeds), number(seconds)) else {
                return usage(name);
            };
            // A panic is a finding; which seed it was, and that it was one, is all that is reported.
            std::panic::set_hook(Box::new(|_| {}));
            for &bug in Bug::ALL {
                look_for(name, &hard(bug), bug, bases, seeds, Duration::from_secs(seconds));
            }
        }
        // One run, to see what a seed says.
        ["run", bug, version, seed] => {
            let bug = Bug::ALL.iter().find(|known| known.name() == bug);
            let (Some(&bug), Ok(seed)) = (bug, number(seed)) else { return usage(name) };
            match world(&hard(bug), bug, version == "defect", seed) {
                Ok(()) => println!("holds"),
                Err(error) => println!("{error}"),
            }
        }
        _ => return usage(name),
    }
    ExitCode::SUCCESS
}

fn usage(name: &str) -> ExitCode {
    eprintln!("{name}: speed MILLISECONDS | bugs BASES SEEDS SECONDS | run BUG defect|twin SEED");
    ExitCode::from(2)
}

/// One world of a bug, or of its twin.
fn world<P: Peer>(peer: &P, bug: Bug, defect: bool, seed: u64) -> Result<(), String> {
    let server = move |n| bug.server(n, defect);
    let stuck_after = peer.stuck_after();
    let client = move |n: P::Net, which| async move {
        tokio::select! {
            biased;
            ended = bug.client(n.clone(), which, defect) => ended,
            () = n.sleep(stuck_after) => Err("stuck".to_owned()),
        }
    };
    let run = || peer.run(seed, bug.clients(), server, client);
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panicked: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")))
    })
}

/// Looks for a bug from so many first seeds, in at most so many seeds each, and for a false alarm in as many seeds of the
/// twin as the defect took, within the time.
fn look_for<P: Peer>(name: &str, peer: &P, bug: Bug, bases: u64, seeds: u64, time: Duration) {
    let start = Instant::now();
    let (mut tries, mut looked, mut complaint) = (Vec::new(), 0, String::new());
    for base in 0..bases {
        // First seeds far from each other, those that `eagain bugs` has.
        let first = base.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut found = None;
        for offset in 0..seeds {
            if start.elapsed() > time {
                break;
            }
            looked += 1;
            if let Err(error) = world(peer, bug, true, first.wrapping_add(offset)) {
                found = Some(offset + 1);
                if complaint.is_empty() {
                    complaint = error;
                }
                break;
            }
        }
        if found.is_none() && start.elapsed() > time {
            break;
        }
        tries.push(found);
    }
    let start = Instant::now();
    let (mut twins, mut blamed) = (0, String::new());
    while twins < seeds.max(200) && start.elapsed() < time && blamed.is_empty() {
        if let Err(error) = world(peer, bug, false, twins) {
            blamed = format!("seed {twins}: {error}");
        }
        twins += 1;
    }
    let tries: Vec<String> =
        tries.into_iter().map(|tries| tries.map_or("-".to_owned(), |tries| tries.to_string())).collect();
    println!(
        "bug\t{name}\t{}\t{}\t{}\t{looked}\t{twins}\t{}\t{}",
        bug.name(),
        bug.class(),
        tries.join(","),
        one_line(&blamed),
        one_line(&complaint)
    );
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}
