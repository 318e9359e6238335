//! Ordinary programs: std, tokio, hyper, axum, reqwest, and nothing of eagain.

pub mod std_echo;
