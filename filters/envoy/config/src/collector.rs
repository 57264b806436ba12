//! The collector that receives records.

use alloc::string::String;
use nearmiss::Micros;
use nearmiss::config::{ConfigError, Field, Fields, Takes, TimeRange};

nearmiss::config_fields! {
    /// The collector that receives records as OpenTelemetry logs: OTLP over HTTP, JSON.
    pub struct CollectorConfig {
        /// Envoy cluster of the collector.
        cluster: String = String::new(), Field::text;
        /// Path of the logs endpoint.
        path: String = String::from("/v1/logs"), |field| {
            let path = field.text()?;
            let takes = Takes::Condition("a path that begins with /");
            if path.starts_with('/') { Ok(path) } else { Err(field.error(takes)) }
        };
        /// `:authority` of the requests; the cluster unless configured.
        authority: String = String::new(), Field::text;
        /// Timeout of one export request.
        timeout: Micros = Micros::from_seconds(5), |field| {
            const RANGE: TimeRange =
                TimeRange::new(Micros::from_seconds(5), Micros::from_millis(100)..=Micros::from_seconds(60));
            field.span(&RANGE)
        };
        /// Records that may wait for export.
        queue: u32 = 1_000, |field| field.number(10..=100_000);
        /// Records that are written to the proxy's log as well.
        log: Logged = Logged::Episodes, |field| {
            field.choice(&[("all", Logged::All), ("episodes", Logged::Episodes), ("none", Logged::None)])
        };
    }
}

/// Records that are written to the proxy's log although a collector receives them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Logged {
    /// All.
    All,
    /// Episodes only: they are few, and worth a second place.
    Episodes,
    /// None.
    None,
}

impl CollectorConfig {
    /// Reads the name of a cluster, or an object with a `cluster`.
    pub(crate) fn read(field: &Field<'_>) -> Result<Self, ConfigError> {
        const TAKES: Takes = Takes::NameOrObject("cluster");
        let mut config = Self::default();
        if field.is_object() {
            Fields::read(&mut config, field)?;
        } else {
            config.cluster = field.text().map_err(|_| field.error(TAKES))?;
        }
        if config.cluster.is_empty() {
            return Err(field.error(TAKES));
        }
        if config.authority.is_empty() {
            config.authority.clone_from(&config.cluster);
        }
        Ok(config)
    }
}
