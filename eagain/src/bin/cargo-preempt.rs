//! `cargo preempt`: cargo, with preemption between calls. The program's code and that of its dependencies, but not the
//! simulator's, is compiled with callbacks of LLVM's SanitizerCoverage at each edge, load and store, which a stable compiler
//! has; `eagain-native` counts them, and lets another thread run where a seed says so.
//!
//! ```text
//! cargo preempt test orders_survive
//! cargo preempt run --release -p unmodified -- explore atomics --set version=broken
//! ```
//!
//! It runs cargo with itself as `RUSTC_WRAPPER`, for a target given by name, so that build scripts and procedural macros are
//! left alone, and with a folder of its own below the target folder, so that nothing is built twice.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// Set where this is run by cargo in the place of the compiler.
const WRAPPER: &str = "EAGAIN_PREEMPT";

const CALLBACKS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=3",
    "-Cllvm-args=-sanitizer-coverage-trace-pc",
    "-Cllvm-args=-sanitizer-coverage-trace-loads",
    "-Cllvm-args=-sanitizer-coverage-trace-stores",
];

const TARGET: &str = "x86_64-unknown-linux-gnu";
const COMMANDS: [&str; 5] = ["build", "run", "test", "bench", "nextest"];

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    if env::var_os(WRAPPER).is_some() {
        let Some(compiler) = arguments.next() else { return usage() };
        return compile(&compiler, arguments.collect());
    }
    // As a subcommand of cargo it gets its own name first.
    let arguments: Vec<OsString> = arguments.skip_while(|word| word == "preempt").collect();
    let Some((command, rest)) = arguments.split_first() else { return usage() };
    if !COMMANDS.iter().any(|known| command == *known) {
        return usage();
    }
    let Ok(own) = env::current_exe() else {
        eprintln!("cargo preempt: the path of this command is not known");
        return ExitCode::from(2);
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut all = vec![command.clone()];
    // cargo nextest has a command of its own.
    if command == "nextest" {
        all.extend(rest.first().cloned());
    }
    let rest = &rest[all.len() - 1..];
    all.extend(["--target", TARGET].map(OsString::from));
    all.extend_from_slice(rest);
    let mut folder = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    folder.push("/preempt");
    let error = Command::new(cargo)
        .args(all)
        .env(WRAPPER, "1")
        .env("RUSTC_WRAPPER", own)
        .env("CARGO_TARGET_DIR", folder)
        .exec();
    eprintln!("cargo preempt: cannot run cargo: {error}");
    ExitCode::from(2)
}

/// Runs the compiler, with callbacks for what runs in a simulated process.
fn compile(compiler: &OsStr, mut arguments: Vec<OsString>) -> ExitCode {
    let after =
        |flag: &str| arguments.iter().position(|word| word == flag).and_then(|at| arguments.get(at + 1));
    let simulator = after("--crate-name")
        .is_some_and(|name| name == "cargo_preempt" || name.to_string_lossy().starts_with("eagain"));
    if after("--target").is_some() && !simulator {
        arguments.extend(CALLBACKS.map(OsString::from));
    }
    let error = Command::new(compiler).args(arguments).exec();
    eprintln!("cargo preempt: cannot run {}: {error}", compiler.to_string_lossy());
    ExitCode::from(2)
}

fn usage() -> ExitCode {
    eprintln!("usage: cargo preempt {} [arguments of cargo]", COMMANDS.join("|"));
    ExitCode::from(2)
}
