//! `eagain conform`: a sweep, a sweep with faults, or one program, shown.

use super::compare::Comparer;
use super::generate::program;
use super::sweep::{conform, in_processes};
use super::{files, refine, say, script, waiting};
use clap::{ArgGroup, Parser};
use eagain_sim::choice::parse_seed;
use std::ffi::OsString;

/// Runs random programs of system calls on Linux and on the simulated kernel, and compares what each call comes to.
#[derive(Parser)]
#[command(name = "eagain conform", max_term_width = 100, group = ArgGroup::new("kind"))]
#[command(
    after_help = "Numbers are decimal or 0x…. Exit status: 0 no difference, 1 a difference, 2 usage, 4 the harness failed."
)]
struct Arguments {
    /// How many programs
    #[arg(long, value_name = "N", default_value = "1000", value_parser = parse_seed, allow_negative_numbers = true)]
    programs: u64,
    /// The seed of the first program
    #[arg(long, value_name = "SEED", default_value = "0", value_parser = parse_seed, allow_negative_numbers = true)]
    from: u64,
    /// In how many processes
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_seed, conflicts_with = "kind", allow_negative_numbers = true)]
    jobs: u64,
    /// Print at most this many differences
    #[arg(long, value_name = "N", default_value = "10", value_parser = parse_seed, conflicts_with = "adversarial", allow_negative_numbers = true)]
    show: u64,
    /// Check the simulated kernel under every fault that a stream can have, instead of without faults
    #[arg(long, group = "kind")]
    adversarial: bool,
    /// Programs about files and directories, under /var/tmp on Linux
    #[arg(long, group = "kind")]
    files: bool,
    /// Programs whose calls wait, and a table of what was covered
    #[arg(long, group = "kind")]
    waiting: bool,
    /// Programs of this many steps on a connection that wait or end it, spread over all combinations
    #[arg(long, value_name = "STEPS", group = "kind", value_parser = clap::value_parser!(u32).range(1..=6))]
    every: Option<u32>,
    /// Show one program, call by call, on both kernels: its seed, or a file with its text
    #[arg(long, value_name = "SEED|FILE", conflicts_with_all = ["programs", "from", "jobs", "show", "kind"])]
    program: Option<OsString>,
}

/// Runs one program, of a seed or a file, on both kernels, and shows what each call comes to.
fn one(of: &OsString) -> u8 {
    let seed = of.to_str().and_then(|text| parse_seed(text).ok());
    let read = || script::parse(&std::fs::read_to_string(of).map_err(|why| why.to_string())?);
    let calls: Vec<_> = match seed.map_or_else(|| Err(read()), Ok) {
        Ok(seed) => program(seed),
        Err(Ok(lines)) => lines.into_iter().map(|(call, _)| call).collect(),
        Err(Err(why)) => {
            eprintln!("error: {}: {why}", of.display());
            return 2;
        }
    };
    match Comparer::default().both(&calls) {
        Err(why) => {
            say!("did not get through: {why}");
            1
        }
        Ok([linux, simulation]) => {
            for ((call, linux), simulation) in calls.iter().zip(&linux).zip(&simulation) {
                let other = if linux == simulation {
                    String::new()
                } else {
                    format!("  // the simulator says: {simulation}")
                };
                say!("{call} = {linux}{other}");
            }
            u8::from(linux != simulation)
        }
    }
}

/// `eagain conform`; the exit status.
pub fn command(arguments: &[OsString]) -> u8 {
    say::status(run(arguments))
}

fn run(arguments: &[OsString]) -> u8 {
    let name = OsString::from("eagain conform");
    let arguments = match Arguments::try_parse_from(std::iter::once(&name).chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return error.exit_code() as u8;
        }
    };
    if let Some(program) = &arguments.program {
        return one(program);
    }
    let Arguments { programs, from, jobs, show, .. } = arguments;
    if arguments.adversarial {
        let report = refine::sweep(programs, from);
        say!("{} programs, {} calls, {} violations", report.programs, report.calls, report.differences);
        return u8::from(report.differences > 0);
    }
    if let Some(steps) = arguments.every {
        let report = waiting::sweep_every(steps, programs, show);
        say!("{report}");
        return u8::from(report.differences > 0);
    }
    let report = match jobs {
        _ if arguments.files => Ok(files::sweep(programs, from, show)),
        _ if arguments.waiting => Ok(waiting::sweep(programs, from, show)),
        2.. => in_processes(programs, from, jobs),
        _ => Ok(conform(programs, from, show)),
    };
    match report {
        Ok(report) => {
            say!("{report}");
            u8::from(report.differences > 0)
        }
        Err(why) => {
            eprintln!("error: cannot start: {why}");
            4
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_two() {
        for line in [
            "--prgrams 1",
            "--programs",
            "--programs x",
            "--programs -1",
            "--files --waiting",
            "--waiting --jobs 2",
            "--program 1 --from 2",
            "--program /nonexistent/program",
            "program",
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(command(&arguments), 2, "{line}");
        }
        assert_eq!(command(&["--help".into()]), 0);
    }
}
