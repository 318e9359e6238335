//! What the simulator does not know breaks the oracle `escape`: it is neither passed to the machine nor ignored.

use std::backtrace::Backtrace;

/// The oracle.
pub const ORACLE: &str = "escape";

/// The program called `what`, which is not simulated: the run ends here, with the program's frames. To be called as the
/// harness.
pub fn escape(what: &'static str, detail: &str) {
    let frames = own_frames(&Backtrace::force_capture().to_string());
    let message = format!(
        "the program calls {what}{detail}, which is not simulated: it would leave the simulation. {}\n{frames}",
        advice(what)
    );
    eagain_sim::fail(ORACLE, what, message);
}

/// What to do instead, in a sentence.
fn advice(what: &str) -> &'static str {
    match what {
        "fork" | "execve" | "posix_spawn" => {
            "Give the other program a host, or a process of its own on this one, in the scenario."
        }
        "syscall" => {
            "Build the library that makes system calls by number with its backend that calls libc (rustix: \
             --cfg=rustix_use_libc), or leave this part of the program out of the scenario."
        }
        _ => "Give the program something else to do here, or leave this part of it out of the scenario.",
    }
}

/// The frames of a backtrace that are the program's own: not the toolchain's, a dependency's or the simulator's.
fn own_frames(backtrace: &str) -> String {
    const FOREIGN: [&str; 7] =
        ["/rustc/", "/library/", "./csu/", "/.cargo/registry/", "native/src/", "sim/src/", "eagain/src/"];
    let lines: Vec<&str> = backtrace.lines().collect();
    let mut frames = String::new();
    for pair in lines.windows(2) {
        let is_place = pair[1].trim_start().starts_with("at ");
        if is_place && !FOREIGN.iter().any(|part| pair[1].contains(part)) {
            let name = pair[0].trim().split_once(": ").map_or(pair[0].trim(), |(_, name)| name);
            frames += &format!("  {name}\n    {}\n", pair[1].trim());
        }
    }
    frames
}
