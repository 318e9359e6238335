//! eagain-sim
