//! eagain-scenarios
