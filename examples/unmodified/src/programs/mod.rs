//! Ordinary programs: std, tokio, hyper, axum, reqwest, and nothing of eagain.

pub mod http;
pub mod installed;
pub mod planted;
pub mod planted_clients;
pub mod planted_sessions;
pub mod planted_streams;
pub mod planted_threads;
pub mod redis;
pub mod redis_client;
pub mod std_echo;
pub mod tally;
pub mod tokio_echo;
pub mod udp_dns;
pub mod unix_socket;
