//! The frames of a program in a backtrace: where it was when it called.

/// What of a backtrace is below the frame of `function`, by which the program got here; all of it where there is none.
pub fn below<'a>(backtrace: &'a str, function: &str) -> &'a str {
    backtrace.rsplit_once(&format!(": {function}\n")).map_or(backtrace, |(_, below)| below)
}

/// So many of a program's frames are shown at either end, where there are more.
const FRAMES_MAX: usize = 8;

/// Parts of the paths of what no program calls its own: the toolchain, libc, dependencies.
const NOT_OWN: [&str; 7] =
    ["/rustc/", "/library/", "/csu/", "/sysdeps/", "/nptl/", "/misc/", "/.cargo/registry/"];
/// And of the simulator.
const SIMULATOR: [&str; 6] =
    ["/sim/src/", "/native/src/", "/eagain/src/", "/net/src/", "/eagain-sim-", "/eagain-native-"];

fn is_of(place: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| place.contains(part))
}

/// The frames of a backtrace, the innermost first: name, and place as `file:line:column`.
fn all(backtrace: &str) -> impl Iterator<Item = (&str, &str)> {
    backtrace.lines().zip(backtrace.lines().skip(1)).filter_map(|(name, place)| {
        // `12: name`; without a number where it is inlined.
        let name = name.trim_start_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        Some((name.strip_prefix(": ").unwrap_or(name), place.trim().strip_prefix("at ")?))
    })
}

/// The frames of a backtrace that are the program's own: not the toolchain's, libc's, a dependency's or the simulator's.
pub fn own(backtrace: &str) -> String {
    let is_own = |place: &str| !is_of(place, &NOT_OWN) && !is_of(place, &SIMULATOR);
    let own = all(backtrace).filter(|(_, place)| is_own(place));
    let mut frames: Vec<_> = own.map(|(name, place)| format!("  {name}\n    at {place}\n")).collect();
    if let Some(between @ 1..) = frames.len().checked_sub(2 * FRAMES_MAX) {
        frames.splice(FRAMES_MAX..FRAMES_MAX + between, [format!("  … {between} more\n")]);
    }
    frames.concat()
}

/// The place of the first of these frames, as `file:line`.
pub fn place(frames: &str) -> Option<&str> {
    Some(without_column(frames.lines().nth(1)?.trim().strip_prefix("at ")?))
}

/// Which line of a program made a call, given the backtrace from within it: the innermost frame that is its own. `None`: a thread
/// that has none, a runtime's.
pub fn caller(backtrace: &str) -> Option<&str> {
    let is_simulator = |(_, place): &(&str, &str)| is_of(place, &SIMULATOR);
    // The call itself, the thread, and where the simulator started it: what is behind that is the scenario.
    let inside = |(_, place): &(&str, &str)| is_of(place, &NOT_OWN[..2]);
    let mut frames = all(backtrace).skip_while(|frame| is_simulator(frame) || inside(frame));
    let mut thread = frames.by_ref().take_while(|frame| !is_simulator(frame));
    let (_, place) = thread.find(|(_, place)| !is_of(place, &NOT_OWN))?;
    Some(without_column(place.strip_prefix("./").unwrap_or(place)))
}

fn without_column(place: &str) -> &str {
    place.rsplit_once(':').map_or(place, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program may have its own `simulator` folder, and functions whose names have a colon.
    #[test]
    fn frames_of_a_program_are_its_own() {
        let backtrace = "\
   3: eagain_sim::kernel::entry::call
             at /home/user/eagain/sim/src/kernel/entry.rs:40:5
  12: <fn(a: u32) -> b as mine::Run>::run
             at /home/me/mysim/src/main.rs:7:9
      main
             at ./src/main.rs:3:1
  14: __libc_start_main
             at ./csu/../csu/libc-start.c:381:3
";
        let expected = "  <fn(a: u32) -> b as mine::Run>::run\n    at /home/me/mysim/src/main.rs:7:9\n  main\n    \
                        at ./src/main.rs:3:1\n";
        assert_eq!(own(backtrace), expected);
        assert_eq!(place(expected), Some("/home/me/mysim/src/main.rs:7"));
    }

    /// A task of tokio calls; a thread of the runtime has no frame of the program's, and the scenario's is not its.
    #[test]
    fn a_call_is_made_by_the_innermost_line_of_its_own_thread() {
        let call = "\
   0: <eagain_sim::trace::recorder::Recorder>::keep_event
             at ./sim/src/trace/recorder.rs:200:5
   1: core::ops::function::FnMut::call_mut
             at /rustc/abc/library/core/src/ops/function.rs:166:5
   2: recv
             at ./native/src/symbol/mod.rs:100:9
   3: <tokio::net::TcpStream>::poll_read
             at /home/me/.cargo/registry/src/index/tokio-1.54.1/src/net/tcp/stream.rs:8:9
";
        let task = "\
   4: orders::{async_fn#0}
             at ./src/orders.rs:293:36
   5: main
             at ./src/main.rs:3:1
";
        let engine = "\
   6: process::start_thread
             at ./native/src/process.rs:90:5
   7: tests::scenario
             at ./tests/scenario.rs:9:1
";
        assert_eq!(caller(&[call, task, engine].concat()), Some("src/orders.rs:293"));
        assert_eq!(caller(&[call, engine].concat()), None);
        assert_eq!(caller(""), None);
    }
}
