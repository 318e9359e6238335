//! What the program has to do with the machine around the server: its arguments, its log, and the service manager.

pub mod arguments;
pub mod log;
pub mod service;
