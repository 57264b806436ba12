//! Configuration of one upstream.

use super::error::ConfigError;
use super::field::Field;
use super::takes::TimeRange;
use crate::limits::Limits;
use crate::units::Micros;
use alloc::string::String;
use alloc::vec::Vec;

crate::config_fields! {
    /// Configuration of one upstream. Its limits apply where the host shows none.
    #[non_exhaustive]
    pub struct UpstreamConfig {
        /// Maximum duration of an attempt.
        timeout: Option<Micros> = None, span;
        /// Maximum duration of the exchange.
        deadline: Option<Micros> = None, span;
        /// Maximum number of attempts.
        max_attempts: Option<u32> = None, |field| field.number(1..=100).map(Some);
        /// Hosts that answer only when the upstream itself cannot.
        fallback_hosts: Vec<String> = Vec::new(), Field::texts;
    }
}

impl UpstreamConfig {
    /// Returns the configured limits.
    pub fn limits(&self) -> Limits {
        Limits { timeout: self.timeout, deadline: self.deadline, max_attempts: self.max_attempts }
    }

    /// Returns true for a host that answers only when the upstream itself cannot. A host without a port stands for all of its ports.
    pub(crate) fn is_fallback_host(&self, host: &str) -> bool {
        let address = host.rsplit_once(':').map_or(host, |(address, _)| address);
        self.fallback_hosts.iter().any(|fallback| fallback == host || fallback == address)
    }
}

fn span(field: &Field<'_>) -> Result<Option<Micros>, ConfigError> {
    const RANGE: TimeRange =
        TimeRange::new(Micros::from_millis(500), Micros::new(1)..=Micros::from_seconds(86_400));
    field.span(&RANGE).map(Some)
}
