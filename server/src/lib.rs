//! eagain-server
