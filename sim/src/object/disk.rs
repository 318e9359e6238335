//! Files of a host (being written).

/// The files of a host.
#[derive(Default)]
pub(crate) struct Disk {}

/// An open regular file or directory.
pub(crate) struct OpenDisk {}
