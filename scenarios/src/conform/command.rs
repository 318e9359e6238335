//! `eagain conform`: a sweep, a sweep with faults, or one program, shown.

use super::compare::Comparer;
use super::generate::program;
use super::sweep::{conform, in_processes};
use super::{files, refine, script, waiting};
use std::ffi::OsString;

/// Runs one program, of a seed or a file, on both kernels, and shows what each call comes to.
fn one(of: &OsString) -> u8 {
    let seed = of.to_str().and_then(|text| eagain_sim::choice::parse_seed(text).ok());
    let read = || script::parse(&std::fs::read_to_string(of).map_err(|why| why.to_string())?);
    let calls: Vec<_> = match seed.map_or_else(|| Err(read()), Ok) {
        Ok(seed) => program(seed),
        Err(Ok(lines)) => lines.into_iter().map(|(call, _)| call).collect(),
        Err(Err(why)) => {
            eprintln!("{}: {why}", of.display());
            return 2;
        }
    };
    match Comparer::default().both(&calls) {
        Err(why) => {
            println!("did not get through: {why}");
            1
        }
        Ok([linux, simulation]) => {
            for ((call, linux), simulation) in calls.iter().zip(&linux).zip(&simulation) {
                let other = if linux == simulation {
                    String::new()
                } else {
                    format!("  // the simulator says: {simulation}")
                };
                println!("{call} = {linux}{other}");
            }
            u8::from(linux != simulation)
        }
    }
}

const USAGE: &str = "eagain conform --programs N [--from SEED] [--jobs J] [--show N]
eagain conform --adversarial --programs N [--from SEED]
eagain conform --files --programs N [--from SEED] [--show N]
eagain conform --waiting --programs N [--from SEED] [--show N]
eagain conform --program SEED|FILE";

/// `eagain conform`, see [`USAGE`]. Exit status: 0 none, 1 a difference, 2 usage, 4 the harness failed.
pub fn command(arguments: &[OsString]) -> u8 {
    let (mut programs, mut from, mut jobs, mut shown) = (1000, 0, 1, 10);
    if let [name, path] = arguments
        && name == "--program"
    {
        return one(path);
    }
    let adversarial = arguments.first().is_some_and(|name| name == "--adversarial");
    let about_files = arguments.first().is_some_and(|name| name == "--files");
    let waiting = arguments.first().is_some_and(|name| name == "--waiting");
    let mut rest = arguments.iter().skip(usize::from(adversarial || about_files || waiting));
    while let Some(name) = rest.next() {
        let value = rest.next().and_then(|value| eagain_sim::choice::parse_seed(value.to_str()?).ok());
        let target = match name.to_str() {
            Some("--programs") => &mut programs,
            Some("--from") => &mut from,
            Some("--jobs") => &mut jobs,
            Some("--show") => &mut shown,
            _ => {
                eprintln!("{USAGE}");
                return 2;
            }
        };
        let Some(value) = value else {
            eprintln!("{}: a number is missing", name.to_string_lossy());
            return 2;
        };
        *target = value;
    }
    if adversarial {
        let report = refine::sweep(programs, from);
        println!("{} programs, {} calls, {} violations", report.programs, report.calls, report.differences);
        return u8::from(report.differences > 0);
    }
    let report = match jobs {
        _ if about_files => Ok(files::sweep(programs, from, shown)),
        _ if waiting => Ok(waiting::sweep(programs, from, shown)),
        2.. => in_processes(programs, from, jobs),
        _ => Ok(conform(programs, from, shown)),
    };
    match report {
        Ok(report) => {
            println!("{report}");
            u8::from(report.differences > 0)
        }
        Err(why) => {
            eprintln!("cannot start: {why}");
            4
        }
    }
}
