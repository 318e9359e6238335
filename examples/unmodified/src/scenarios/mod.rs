//! Worlds of unmodified programs.

mod echo;

use eagain::Scenario;

/// What the command knows.
pub const ALL: &[Scenario] = &[echo::std_echo::SCENARIO];
