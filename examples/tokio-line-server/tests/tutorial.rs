//! The tutorial runs as it is written.

#[path = "../../your-own-server/tests/pages/mod.rs"]
mod pages;

#[test]
fn what_the_tutorial_shows_is_printed() {
    let program = env!("CARGO_BIN_EXE_tokio-line-server");
    pages::check("tokio-line-server", program, include_str!("../README.md"), &[]);
}
