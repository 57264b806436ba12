//! The configuration as checked values; `config` parses it.

mod sections;

pub use sections::{
    Attach, CollectorConfig, EdgeConfig, EnvoyConfig, FluentBitConfig, FluentBitMode, Logged, Mode,
};

use crate::limits::Limits;
use crate::sorted_map::SortedMap;
use crate::units::{Micros, Timestamp, Used};
use alloc::string::String;
use alloc::vec::Vec;

/// A checked configuration. Every field has a default, so `{}` works; `docs/config.md` is the reference.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Limits and fallbacks of single upstreams, by name.
    pub upstreams: SortedMap<String, UpstreamConfig>,
    /// Response header that marks an answer as a fallback's.
    pub fallback_header: Option<String>,
    /// Margin to timeout, deadline or quota below which a success is `tight`.
    pub tight_margin: Used,
    /// Upstreams that are counted separately; further ones count as `other`.
    pub max_upstreams: u32,
    /// Longest disorder of exchanges that changes no verdict; `None` takes the feed's default.
    pub reorder: Option<Micros>,
    /// Interval between summaries.
    pub summary_every: Micros,
    /// Exchange records that an upstream may emit per second, live.
    pub records_per_second: u32,
    /// Form in which addresses of hosts are emitted.
    pub hosts: Hosts,
    /// Share of exchanges that may be near misses.
    pub budget: Used,
    /// References restored or accepted by an operator, by upstream.
    pub references: SortedMap<String, ReferenceConfig>,
    /// Keys of structured logs, by the exchange line's name of the field.
    pub fields: SortedMap<String, String>,
    /// Section of the Envoy module.
    pub envoy: EnvoyConfig,
    /// Section of the Fluent Bit module.
    pub fluent_bit: FluentBitConfig,
    /// Section of the edge package.
    pub edge: EdgeConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upstreams: SortedMap::default(),
            fallback_header: None,
            tight_margin: Used::from_basis_points(1_000).unwrap_or_default(),
            max_upstreams: 1_000,
            reorder: None,
            summary_every: Micros::from_seconds(60),
            records_per_second: 10,
            hosts: Hosts::Plain,
            budget: Used::from_basis_points(100).unwrap_or_default(),
            references: SortedMap::default(),
            fields: SortedMap::default(),
            envoy: EnvoyConfig::default(),
            fluent_bit: FluentBitConfig::default(),
            edge: EdgeConfig::default(),
        }
    }
}

impl Config {
    /// Returns the section of an upstream.
    pub fn upstream(&self, name: &str) -> Option<&UpstreamConfig> {
        self.upstreams.get(name)
    }
}

/// Configuration of one upstream.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct UpstreamConfig {
    /// Limits that apply where the host shows none.
    pub limits: Limits,
    /// Hosts that answer only when the upstream itself cannot.
    pub fallback_hosts: Vec<String>,
}

/// Form in which addresses of hosts are emitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hosts {
    /// The address itself.
    Plain,
    /// A hash of the address.
    Hashed,
}

/// A reference that was restored after a restart or accepted by an operator, as summaries carry it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReferenceConfig {
    /// Start of its day, or the time of its acceptance.
    pub since: Timestamp,
    /// Share of near misses.
    pub near_misses: Used,
    /// Typical duration.
    pub typical: Micros,
    /// Time from which a new reference replaces it.
    pub expires: Option<Timestamp>,
    /// Reason of an acceptance.
    pub reason: Option<String>,
}

impl ReferenceConfig {
    /// Returns true if the reference is valid at `now`.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
