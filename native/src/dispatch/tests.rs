//! What leaves the simulation, and what only seems to: system calls by instruction are served, and what is not simulated
//! breaks the oracle `escape`.

mod calls;
mod crashes;
mod limits;
mod metadata;
mod remains;
mod sockets;
mod timers;
mod together;

use crate::{Main, Program, register, start, worker};
use calls::{SYS_SOCKET, system_call};
use crashes::connections;
use eagain_sim::Sim;
use eagain_sim::choice::Base;
use eagain_sim::run::{Knob, KnobValues, Record, RunReport, RunSpec, Scenario};

/// As `eagain` installs it.
#[global_allocator]
static ALLOCATOR: crate::ArenaAllocator = crate::ArenaAllocator;

/// What the program does: the knob `what`.
macro_rules! programs {
    ($($name:literal => $body:expr;)*) => {
        const WHAT: &[Knob] = &[
            Knob { name: "what", about: "what the program does", values: KnobValues::Words(&[$($name),*]) },
            Knob {
                name: "may-panic",
                about: "whether its end is no failure",
                values: KnobValues::Number { low: 0, high: 1, default: 0 },
            },
        ];

        fn program(what: &str) {
            match what {
                $($name => ($body)(),)*
                other => panic!("no program is called {other}"),
            }
        }
    };
}

programs! {
    "nothing" => || {};
    "served" => calls::served;
    "messages" => calls::messages;
    "limits" => limits::limits;
    "processors" => limits::processors;
    "metadata" => metadata::metadata;
    "sockets" => sockets::sockets;
    "socket-names" => || sockets::names().iter().for_each(|line| println!("{line}"));
    "options" => || sockets::options().iter().for_each(|line| println!("{line}"));
    "files" => calls::files;
    "names" => calls::names;
    "waits" => calls::waits;
    "refused" => calls::refused;
    "parts" => calls::parts;
    "control-data" => calls::control_data;
    "locks" => calls::locks_and_devices;
    "dirties" => remains::dirties;
    "remains" => remains::remains;
    "fails" => || eagain_sim::fail("T1", "here", "as planned".repeat(3));
    "thread-fails" => || connections(2, || eagain_sim::fail("T1", "here", "as planned".repeat(3)));
    "says" => says;
    "ptrace" => ptrace;
    "command" => || drop(std::process::Command::new("true").spawn());
    "netlink" => netlink;
    "mapped" => mapped;
    "select-1024" => select_1024;
    "cancel-on-set" => cancel_on_set;
    "timers" => timers::timers;
    "alarms" => timers::alarms;
    "mutexes" => timers::mutexes;
    "timer-thread" => timer_thread;
    "timer-profile" => timer_profile;
    "panic" => || panic!("as planned");
    "panic-1" => || connections(1, || panic!("as planned"));
    "panic-4" => || connections(4, || panic!("as planned"));
    "read-nothing" => || connections(2, crashes::read_nothing);
    "segv" => crashes::segv;
    "jump" => crashes::jump;
    "illegal" => crashes::illegal;
    "divide" => crashes::divide;
    "breakpoint" => crashes::breakpoint;
    "overflow" => crashes::overflow;
    "spin" => crashes::spin;
    "killed" => together::killed;
    "harness-crashes" => together::harness_crashes;
}

/// What a program passes to the simulator, which has to outlive its heap.
fn says() {
    for round in 0..100 {
        eagain_sim::print(&format!("round {round}"));
        eagain_sim::sometimes("says", round == 7);
        eagain_sim::feature("says", round);
        eagain_sim::choose("says", 0, 9);
        drop(eagain_sim::exclusive("says", round));
        eagain_sim::within(std::time::Duration::from_secs(1), "says", || println!("within"));
        eagain_sim::eventually("says", true);
        eagain_sim::always("says", true, String::new);
    }
}

fn netlink() {
    system_call(SYS_SOCKET, 16, 3, 0);
}

fn ptrace() {
    system_call(libc::SYS_ptrace, 0, 0, 0);
}

fn mapped() {
    // SAFETY: a new mapping.
    unsafe { libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_PRIVATE, 3, 0) };
}

fn select_1024() {
    let (mut set, null) = ([0u64; 32], std::ptr::null_mut());
    set[16] = 1;
    // SAFETY: the set is as long as the number says.
    unsafe { libc::select(2048, set.as_mut_ptr().cast(), null, null, std::ptr::null_mut()) };
}

fn cancel_on_set() {
    let flags = libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET;
    // SAFETY: all-zero is a valid time.
    unsafe {
        let spec: libc::itimerspec = std::mem::zeroed();
        let timer = libc::timerfd_create(libc::CLOCK_REALTIME, 0);
        libc::timerfd_settime(timer, flags, &raw const spec, std::ptr::null_mut());
    }
}

fn timer_thread() {
    // SAFETY: all-zero is a valid event.
    unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_THREAD;
        libc::timer_create(libc::CLOCK_REALTIME, &mut event, &mut std::ptr::null_mut());
    }
}

fn timer_profile() {
    let tick = libc::timeval { tv_sec: 0, tv_usec: 1_000 };
    let spec = libc::itimerval { it_interval: tick, it_value: tick };
    // SAFETY: the setting is there.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const spec, std::ptr::null_mut()) };
}

/// One program that makes system calls of its own.
fn by_instruction(sim: &mut Sim) {
    let (what, worker) = (sim.word("what"), std::process::id());
    let main = move || {
        println!("worker {worker}");
        program(&what);
        true
    };
    let program = Program {
        arguments: vec!["program".into()],
        environment: Vec::new(),
        main: Main::Function(Box::new(main)),
    };
    sim.knobs().spin_limit = 10_000;
    register("machine", program);
    let host = sim.host("machine");
    let process = sim.client(host, "machine", start);
    if sim.number("may-panic") == 1 {
        sim.may_panic(process);
    }
}

fn spec(what: &str) -> RunSpec {
    let scenario =
        Scenario { name: "by-instruction", about: "calls", knobs: WHAT, seeds: 1, body: by_instruction };
    let settings = [("what".to_owned(), what.to_owned())].into_iter().collect();
    RunSpec::new(scenario, settings, Base::Zero)
}

/// The same of a process that may panic.
fn excused(what: &str) -> RunSpec {
    let mut spec = spec(what);
    spec.settings.insert("may-panic".to_owned(), "1".to_owned());
    spec
}

fn run(what: &str) -> RunReport {
    worker::make().run(&spec(what))
}

fn escapes(what: &str, call: &str, advice: &str) {
    let failure = run(what).failure.expect("it escapes");
    assert_eq!((failure.oracle.to_string().contains("escape"), failure.site.as_str()), (true, call));
    assert!(failure.message.contains(advice), "{}", failure.message);
    assert!(failure.message.contains("dispatch/tests.rs"), "no frame of the program: {}", failure.message);
}

/// What libc does once in an OS process is in no trace.
#[test]
fn first_panic_of_a_worker_is_as_the_second() {
    let mut worker = worker::make();
    let [one, two] = [0; 2].map(|_| worker.run(&spec("panic")));
    assert!(one.failure.is_some());
    assert_eq!(one.hash, two.hash);
}

/// Its own oracle and its own words, whichever thread says so and however often the worker has run.
#[test]
fn what_a_program_calls_a_failure_is_that_failure() {
    let mut worker = worker::make();
    for what in ["says", "fails", "thread-fails", "fails", "says", "thread-fails"] {
        let report = worker.run(&spec(what));
        let failure =
            report.failure.map(|failure| (failure.oracle.to_string(), failure.site, failure.message));
        let expected = (what != "says").then(|| ("T1".into(), "here".into(), "as planned".repeat(3)));
        assert_eq!(failure, expected, "{what}: {}", report.output);
        assert_eq!(report.output.matches("round").count(), if what == "says" { 100 } else { 0 });
    }
}

/// Of its stacks and its heap a program finds the same in every process, at the same addresses, whatever ran there before.
#[test]
fn memory_that_was_never_written_is_the_same_in_every_run() {
    // Whether this machine lets a process have the same addresses as another.
    // SAFETY: this process keeps its own as they are.
    let (before, may) = unsafe {
        let before = libc::personality(0xffff_ffff);
        (before, libc::personality(before as libc::c_ulong | libc::ADDR_NO_RANDOMIZE as libc::c_ulong) != -1)
    };
    // SAFETY: as above.
    unsafe { libc::personality(before as libc::c_ulong) };
    let (mut fresh, mut used) = (worker::make(), worker::make());
    assert_eq!(used.run(&spec("dirties")).failure, None);
    for seed in 0..20 {
        let spec = RunSpec { base: Base::Seed(seed), ..spec("remains") };
        let [one, other] = [&mut fresh, &mut used].map(|worker| worker.run(&spec));
        assert_eq!(one.failure, None, "{}", one.output);
        let lines = |report: &RunReport| {
            let is_fixed = |line: &&str| !line.contains("worker ") && (may || !line.contains("function"));
            let lines = report.output.lines().filter(is_fixed);
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!((lines(&one), one.hash), (lines(&other), other.hash));
        let zeros = lines(&one).iter().filter(|line| line.contains(" 0 of ")).count();
        assert_eq!(zeros, 3, "{}", one.output);
        assert_eq!(used.run(&self::spec("dirties")).failure, None);
    }
}

fn holds(what: &str) {
    let report = run(what);
    assert_eq!(report.failure, None, "{}", report.output);
}

#[test]
fn calls_by_instruction_are_served() {
    holds("served");
}

#[test]
fn sockets_are_made_asked_and_disconnected_as_their_manuals_say() {
    holds("sockets");
}

/// What a program prints is the same where it runs on this machine.
fn is_as_on_linux(what: &str, on_linux: &[String]) {
    let report = run(what);
    assert_eq!(report.failure, None, "{}", report.output);
    let simulated = report.output.lines().map(|line| line.split_once(": ").map_or(line, |(_, said)| said));
    let simulated: Vec<&str> = simulated.filter(|line| !line.starts_with("worker ")).collect();
    for (linux, simulated) in on_linux.iter().zip(&simulated) {
        assert_eq!(linux, simulated, "on Linux, and simulated");
    }
    assert_eq!(on_linux.len(), simulated.len());
}

#[test]
fn lengths_of_options_are_checked_as_on_linux() {
    is_as_on_linux("options", &sockets::options());
}

#[test]
fn names_without_a_family_and_flags_of_pipes_are_as_on_linux() {
    is_as_on_linux("socket-names", &sockets::names());
}

#[test]
fn limits_of_descriptors_are_as_they_were_set() {
    holds("limits");
}

#[test]
fn processors_are_those_of_the_host() {
    holds("processors");
}

#[test]
fn files_have_numbers_and_times() {
    holds("metadata");
}

#[test]
fn messages_are_received_as_their_manual_says() {
    holds("messages");
}

#[test]
fn select_timers_and_signals_as_descriptors_wait() {
    holds("waits");
}

#[test]
fn what_is_no_time_no_clock_and_no_place_is_refused() {
    holds("refused");
}

#[test]
fn parts_are_checked_and_an_offset_may_be_the_position() {
    holds("parts");
}

#[test]
fn descriptors_go_along_in_control_data() {
    holds("control-data");
}

#[test]
fn timers_send_signals_with_what_they_were_given() {
    holds("timers");
}

#[test]
fn alarms_and_times_of_processors_are_as_their_manuals_say() {
    holds("alarms");
}

#[test]
fn mutexes_of_libc_wake_who_waits() {
    holds("mutexes");
}

#[test]
fn locks_and_devices_are_those_of_the_simulated_disk() {
    holds("locks");
}

#[test]
fn files_are_those_of_the_simulated_disk() {
    holds("files");
}

#[test]
fn threads_have_names() {
    holds("names");
}

/// A failure is the same one where an earlier connection is left out: it names the thread without a number that shifts.
#[test]
fn a_failure_names_the_thread_by_the_name_that_std_gave_it() {
    for (what, name) in [
        ("panic-1", "machine/0.1:conn-1 "),
        ("panic-4", "machine/0.4:conn-4 "),
        ("read-nothing", "machine/0.2:conn-2 "),
    ] {
        let spec = RunSpec { record: Record::Trace, ..spec(what) };
        let report = worker::make().run(&spec);
        let failure = report.failure.expect("it is found");
        assert_eq!(failure.thread, "machine/conn-*");
        assert!(failure.message.starts_with(name), "{}", failure.message);
        let threads = report.trace.expect("it is kept").threads;
        assert!(threads.iter().any(|thread| thread == name.trim()), "{threads:?}");
    }
}

#[test]
fn what_is_not_simulated_is_an_escape_with_a_frame_and_advice() {
    escapes("ptrace", "ptrace", "leave this part of it out");
    escapes("mapped", "mmap", "read and write");
    escapes("netlink", "socket", "address family AF_NETLINK");
    escapes("command", "posix_spawn", "Give the other program a host");
    escapes("select-1024", "select", "above 1023");
    escapes("timer-thread", "timer_create", "SIGEV_THREAD");
    escapes("timer-profile", "setitimer", "ITIMER_PROF");
    escapes("cancel-on-set", "timerfd_settime", "TFD_TIMER_CANCEL_ON_SET");
}

/// The simulated process ends, and the run with it; whatever it did before is in the report, and where it was.
#[test]
fn a_crash_is_a_failure_with_a_frame() {
    for (what, signal, function) in [
        ("segv", "SIGSEGV", "write_to"),
        ("jump", "SIGSEGV", "jump_to"),
        ("illegal", "SIGILL", "illegal"),
        ("divide", "SIGFPE", "divide"),
        ("breakpoint", "SIGTRAP", "breakpoint"),
        ("overflow", "stack overflow", "deeper"),
    ] {
        let report = run(what);
        let failure = report.failure.expect("it crashes");
        let site = format!("{signal}, ./src/dispatch/tests/crashes.rs:");
        assert!(failure.oracle == crate::crash::ORACLE && failure.site.starts_with(&site), "{failure:?}");
        // The function that crashes comes first, or what is inlined into it.
        let mut frames = failure.message.lines().skip(1).step_by(2);
        assert!(frames.by_ref().take(2).any(|frame| frame.contains(function)), "{failure:?}");
        assert!(report.calls > 0, "what it did before is lost");
        assert_eq!(run(what).hash, report.hash);
    }
}

/// Whoever has crashed may have written anywhere, whether it is excused or not.
#[test]
fn no_world_runs_where_a_program_has_crashed() {
    let mut worker = worker::make();
    let mut run = |what| {
        let report = worker.run(&excused(what));
        assert_eq!(report.failure, None, "{}", report.output);
        report.output.lines().find_map(|line| line.split_once("worker ")).map(|(_, worker)| worker.to_owned())
    };
    let [one, two, crashed, other] = ["nothing", "panic", "segv", "nothing"].map(&mut run);
    assert!(
        one.is_some() && one == two && two == crashed && other != crashed,
        "{one:?} {crashed:?} {other:?}"
    );
}

/// Also where the process may panic: whoever waits for it would wait for ever.
#[test]
fn who_computes_without_end_is_found_and_the_worker_goes_on() {
    let mut worker = worker::make_with(&[("EAGAIN_WATCHDOG", "1")]);
    for spec in [spec("spin"), excused("spin")] {
        let report = worker.run(&spec);
        let failure = report.failure.expect("it makes no call");
        let is_there = failure.message.contains("spin") && failure.message.contains("tests/crashes.rs");
        assert!(failure.oracle == eagain_sim::Oracle::NoBusyLoop && is_there, "{failure:?}");
        assert!(report.output.contains("begins"), "{}", report.output);
    }
    assert_eq!(worker.run(&spec("served")).failure, None);
}
