//! Defects on purpose, by which those who test the server find out whether they would find them. No flag of the command
//! line switches one on, and all are off.

/// Which defects there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(hidden)]
pub struct Flaws {
    /// A link gives the place of a request that waited too long to the next one.
    pub forgets_timed_out: bool,
    /// A link sends again what may have been executed.
    pub sends_again: bool,
    /// The log says that it has synced, and has not.
    pub skips_sync: bool,
    /// The log is renamed, and its directory is not synced.
    pub skips_directory_sync: bool,
    /// Replies leave before what they tell of is safe.
    pub replies_before_sync: bool,
    /// A batch counts whose check is wrong.
    pub accepts_torn: bool,
    /// New batches go behind a torn one.
    pub keeps_torn: bool,
}
