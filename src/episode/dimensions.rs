//! Sizes of the tables that every detector keeps per host and per route.

use crate::upstream::{MAX_HOSTS, MAX_ROUTES};

/// Hosts that are tracked individually.
pub(super) const HOSTS: usize = MAX_HOSTS;
/// Routes that are tracked individually, and one more for all others.
pub(super) const ROUTES: usize = MAX_ROUTES + 1;
