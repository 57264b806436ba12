//! The state of one upstream: counters, baselines, hosts and routes.
//!
//! The size is fixed once the hosts and routes are known. An open bucket of time only gathers; the baselines learn from
//! it when it is sealed, and only in ways that do not depend on the order in which exchanges arrived.

mod delta;
mod open_bucket;
mod slots;
mod state;

pub(crate) use slots::{MAX_HOSTS, MAX_ROUTES};
pub(crate) use state::UpstreamState;
