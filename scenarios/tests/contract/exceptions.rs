//! The rows that do not hold on one side, and why.

use crate::Side;

pub(crate) const LISTED: &[(Side, &str, &str)] = &[];
