//! The same program on two kernels: what the simulated kernel does is compared with what Linux does, call by call.
//!
//! | file | does |
//! |---|---|
//! | [`call`] | a call of a program, and its text form |
//! | [`outcome`] | what a call came to, without what may differ: numbers of descriptors, ports, moments |
//! | [`machine`] | the interpreter, generic over the kernel |
//! | `state` | what a program that uses a ring or signals holds |
//! | `ready`, `options`, `signals`, `rings`, `aio`, `local`, `wrong` | its calls by subject |
//! | [`script`] | a program as text with what each call must come to: the form of contract tests |
//! | [`sides`] | runs a body on Linux, and in a simulated world |
//! | [`draw`] | the numbers of a random program |
//! | [`generate`] | random programs |
//! | [`files`] | random programs about files, and their comparison |
//! | [`compare`] | one program on both, and what counts as a difference |
//! | [`handoff`] | a program run by one thread, or handed over between two |
//! | [`shrink`] | makes a program that differs smaller |
//! | [`refine`] | with faults on: what is seen must be Linux with later arrivals, each `EAGAIN` followed by its edge |
//! | [`waiting`] | random programs whose calls wait, and what of them was covered |
//! | [`sweep`] | many programs |
//! | [`command`] | `eagain conform` |
//! | `say` | how it prints |

#[macro_use]
mod say;

mod aio;
pub mod call;
pub mod command;
pub mod compare;
pub mod draw;
pub mod files;
pub mod generate;
pub mod handoff;
mod local;
pub mod machine;
mod options;
pub mod outcome;
mod ready;
pub mod refine;
mod rings;
pub mod script;
pub mod shrink;
pub mod sides;
mod signals;
mod state;
pub mod sweep;
pub mod waiting;
mod wrong;

pub use signals::keep_signals_out;

/// `eagain conform`.
pub const COMMAND: eagain_sim::cli::Extra = eagain_sim::cli::Extra {
    name: "conform",
    about: "Run random programs on Linux and on the simulated kernel, and compare call by call",
    run: command::command,
};
