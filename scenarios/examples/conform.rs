//! `eagain conform` by itself.

fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).filter(|word| word != "conform").collect();
    eagain_scenarios::conform::command::command(&arguments).into()
}
