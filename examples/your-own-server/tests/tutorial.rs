//! The tutorial, and the failure that the first page shows, run as they are written.

mod pages;

#[test]
fn what_the_tutorial_shows_is_printed() {
    let first = include_str!("../../../README.md");
    let failure = first.split("\n## ").find(|part| part.starts_with("What a failure looks like")).unwrap();
    let program = env!("CARGO_BIN_EXE_your-own-server");
    pages::check("your-own-server", program, include_str!("../README.md"), &[failure]);
}
