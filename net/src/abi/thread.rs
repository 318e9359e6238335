//! Who a thread is.

/// A thread of this process (`gettid(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ThreadId(pub i32);
