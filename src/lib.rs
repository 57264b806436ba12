//! Finds requests that succeeded only because of a retry, a fallback or a stale copy, or that came close to a timeout.
//!
//! The core of `nearmiss`: no clock, no host, no I/O, no `unsafe`, and the same bits on every host. A filter maps what its
//! host shows into an [`Exchange`], passes it to a [`Monitor`] and writes out the records that come back. Each layer imports only
//! from layers below it; `docs/architecture.md` has all modules:
//!
//! ```text
//! merge                                     the other façade: records of many instances
//! monitor                                   the façade: observe · wake · poll_record · finish
//! otlp  outbox  record  fleet               what is emitted · many upstreams
//! episode                                   judges a stretch of time
//! upstream  baseline  counters              the memory of one upstream
//! verdict  config                           judges one exchange · the configuration
//! exchange  limits  histogram  timeline     plain data and small machines
//! units  flags  json  codec  …              no imports within the core, or almost
//! ```
//!
//! ```
//! use nearmiss::{Config, Exchange, Fate, Feed, Micros, Monitor, Timestamp};
//!
//! let mut monitor = Monitor::new(Config::parse(r#"{"reorder":"0s"}"#)?, Feed::Log, "example");
//! let observed = monitor.observe(&Exchange {
//!     ts: Timestamp::from_seconds(1_795_423_554),
//!     upstream: "cart",
//!     status: 200,
//!     duration: Micros::from_millis(42),
//!     attempts: Some(3),
//!     max_attempts: Some(4),
//!     ..Exchange::default()
//! });
//! assert_eq!((observed.verdict.fate, observed.verdict.margin_bp()), (Fate::Retried, Some(3_334)));
//! while let Some(record) = monitor.poll_record() {
//!     assert!(record.json.contains(r#""fate":"retried""#));
//! }
//! # Ok::<(), nearmiss::ConfigError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod baseline;
mod bit_set;
mod codec;
pub mod config;
mod counters;
mod episode;
mod exchange;
mod flags;
mod fleet;
#[doc(hidden)] // for the crates of this repository
pub mod hash;
#[doc(hidden)] // for the crates of this repository
pub mod histogram;
#[doc(hidden)] // for the crates of this repository
pub mod json;
mod limits;
pub mod merge;
mod monitor;
mod name;
pub mod otlp;
mod outbox;
mod preview;
pub mod record;
mod record_rate;
mod siphash;
mod snapshots;
mod sort;
mod sorted_map;
#[doc(hidden)] // for the crates of this repository
pub mod structured_fields;
mod thresholds;
#[doc(hidden)] // for the crates of this repository
pub mod time;
mod timeline;
mod top_k;
mod units;
mod upstream;
mod verdict;

pub use config::{Config, ConfigError};
pub use episode::Pattern;
pub use exchange::{Attempt, Exchange, MAX_ATTEMPT_LOG, Quota, Substitute, is_error};
pub use flags::Flags;
pub use fleet::{OTHER, UpstreamId};
pub use limits::{Limit, Limits};
pub use monitor::{Delta, Monitor, Observed, Steps, Unreadable};
pub use name::{MAX_NAME, NO_UPSTREAM, is_mirrored, upstream_name};
pub use preview::preview;
pub use record::{Head, Record};
pub use siphash::SipKey;
#[doc(hidden)]
pub use sorted_map::SortedMap;
pub use thresholds::ClientRetries;
pub use timeline::{Feed, bucket_of, end_of};
pub use units::{Micros, Timestamp, Used};
pub use verdict::{FailureReason, Fate, Signals, Verdict};
