//! The state of one upstream: counters, baselines, hosts and routes.
//!
//! The size is fixed once the hosts and routes are known. An open bucket of time only gathers; the baselines learn from
//! it when it is sealed, and only in ways that do not depend on the order in which exchanges arrived.

mod blame;
mod delta;
mod hosts;
mod open_bucket;
mod plain;
mod slots;
mod state;

pub(crate) use delta::SlotMap;
pub(crate) use hosts::{BucketHosts, HostPlace, SettledHosts};
pub(crate) use slots::{BucketHost, MAX_HOSTS, MAX_ROUTES};
pub(crate) use state::{JudgedExchange, UpstreamState};
