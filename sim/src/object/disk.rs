//! Files and asynchronous operations of a process (being written).

/// The files of a host.
#[derive(Default)]
pub(crate) struct Disk {}

/// The AIO operations of a process.
#[derive(Default)]
pub(crate) struct AioTable {}
