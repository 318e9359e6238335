//! `--stop-at` of `run` and `replay`: what is said before, and whether there was such an event.

use super::Stop;
use super::console::Console;
use crate::run::RunReport;
use crate::runner::invocation::quoted;
use crate::stack::stop;

/// Says how to look at the event with a debugger, where there is none. `arguments` are those of this command, up to the event.
pub(super) fn explain(event: u64, arguments: &str, console: &mut Console) {
    if stop::is_traced() {
        return;
    }
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.display().to_string();
    console.err(&format!(
        "no debugger is attached: the stacks are printed, and the run goes on. To stop it there:\n  gdb {FOLLOW} -ex run --args {} {arguments} --stop-at '#{event}'\n\
         One event back is `--stop-at '#{}'`: the run is the same each time.\n",
        quoted(&program),
        event.saturating_sub(1).max(1)
    ));
}

/// Unmodified programs run in a process of their own, to which system calls are handed back by a signal.
const FOLLOW: &str = "-ex 'set follow-fork-mode child' -ex 'handle SIGSYS SIGALRM nostop noprint'";

/// What is said of stacks of which no frame has a place.
fn lacks_lines(stacks: &str) -> &'static str {
    let known = stacks.lines().any(|line| line.trim_start().starts_with("at "));
    if stacks.is_empty() || known { "" } else { NO_LINES }
}

const NO_LINES: &str = "this program was built without line tables, so no file and no line is known; in Cargo.toml of its workspace:\n  \
                        [profile.release]\n  debug = \"line-tables-only\"\n";

/// Prints the stacks. An event that the run does not have is a mistake.
pub(super) fn check(event: u64, report: &RunReport, console: &mut Console) -> Result<(), Stop> {
    console.err(&report.stacks);
    console.err(lacks_lines(&report.stacks));
    let last = report.trace.as_ref().and_then(|log| log.events.last()).map_or(0, |event| event.number);
    if event <= last {
        return Ok(());
    }
    Err(Stop::usage(format!("--stop-at: there is no event #{event}: the last is #{last}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_without_lines_say_what_to_build_with() {
        let frame = "\nstacks at event #7\n\nserver/0\n    my_server::serve\n";
        for (stacks, said) in [
            (String::new(), ""),
            (format!("{frame}        at ./src/server.rs:3:9\n"), ""),
            (frame.to_owned(), NO_LINES),
        ] {
            assert_eq!(lacks_lines(&stacks), said, "{stacks}");
        }
    }
}
