//! eagain-net
