//! Parses the configuration: one JSON document, the same for every host.
//!
//! The document is parsed once into the checked types of `settings`; nothing downstream checks again. `docs/config.md` is
//! the reference of all fields.

mod error;
mod field;
mod reference;
mod sections;

pub use crate::settings::{
    Attach, CollectorConfig, Config, EdgeConfig, EnvoyConfig, FluentBitConfig, FluentBitMode, Hosts, Logged,
    Mode, ReferenceConfig, UpstreamConfig,
};
pub use error::ConfigError;

use crate::json::outline::is_deeper_than;
use crate::units::Micros;
use alloc::string::ToString;
use field::Field;
use serde_json::Value;

impl Config {
    /// Maximum length of a configuration, in bytes.
    pub const MAX_BYTES: usize = 4 << 20;
    /// Maximum nesting depth of a configuration.
    pub const MAX_DEPTH: usize = 32;

    /// Parses a configuration; the empty text is `{}`.
    ///
    /// # Errors
    ///
    /// Names the field, the value found and the values it takes.
    ///
    /// ```
    /// use nearmiss::{Config, Micros};
    ///
    /// let config = Config::parse(r#"{"upstreams":{"cart":{"timeout":"500ms"}}}"#)?;
    /// assert_eq!(config.upstreams.get("cart").unwrap().limits.timeout, Some(Micros::from_millis(500)));
    ///
    /// let error = Config::parse(r#"{"max_upstreams":0}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "`max_upstreams` is 0; it takes 1 to 100000");
    /// # Ok::<(), nearmiss::ConfigError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if text.trim_ascii().is_empty() {
            return Ok(config);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ConfigError::Syntax("the configuration is longer than 4 MiB".to_string()));
        }
        if is_deeper_than(text, Self::MAX_DEPTH) {
            return Err(ConfigError::Syntax("the configuration nests deeper than 32 levels".to_string()));
        }
        let value: Value = serde_json::from_str(text)
            .map_err(|error| ConfigError::Syntax(alloc::format!("the configuration is not JSON: {error}")))?;
        config.read(&Field::root(&value))?;
        Ok(config)
    }

    fn read(&mut self, root: &Field<'_>) -> Result<(), ConfigError> {
        root.each(|key, field| {
            match key {
                "upstreams" => field.each(|name, upstream| {
                    self.upstreams.insert(name.to_string(), UpstreamConfig::read(upstream)?);
                    Ok(())
                })?,
                "fallback_header" => self.fallback_header = Some(field.text()?.to_ascii_lowercase()),
                "tight_margin" => self.tight_margin = field.share()?,
                "max_upstreams" => self.max_upstreams = field.number(1..=100_000, "1 to 100000")?,
                "reorder" => {
                    self.reorder = Some(field.span(
                        Micros::default()..=Micros::from_seconds(30),
                        "a time such as \"10s\", 0s to 30s",
                    )?);
                }
                "summary_every" => self.summary_every = summary_every(field)?,
                "records_per_second" => {
                    self.records_per_second = field.number(0..=1_000_000, "0 to 1000000")?;
                }
                "hosts" => {
                    self.hosts = field.choice(
                        &[("plain", Hosts::Plain), ("hashed", Hosts::Hashed)],
                        "\"plain\" or \"hashed\"",
                    )?;
                }
                "budget" => self.budget = field.share()?,
                "reference" => field.each(|name, reference| {
                    self.references.insert(name.to_string(), ReferenceConfig::read(reference)?);
                    Ok(())
                })?,
                "fields" => self.fields = field.texts_by_name()?,
                "envoy" => self.envoy.read(field)?,
                "fluent_bit" => self.fluent_bit.read(field)?,
                "edge" => self.edge.read(field)?,
                _ => {
                    return Err(field.unknown(
                        "upstreams, fallback_header, tight_margin, max_upstreams, reorder, summary_every, \
                         records_per_second, hosts, fields, reference, budget, envoy, fluent_bit, edge",
                    ));
                }
            }
            Ok(())
        })
    }
}

impl UpstreamConfig {
    fn read(upstream: &Field<'_>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let span = |field: &Field<'_>| {
            let range = Micros::new(1)..=Micros::from_seconds(86_400);
            field.span(range, "a time such as \"500ms\", above 0 and at most 24h")
        };
        upstream.each(|key, field| {
            match key {
                "timeout" => config.limits.timeout = Some(span(field)?),
                "deadline" => config.limits.deadline = Some(span(field)?),
                "max_attempts" => config.limits.max_attempts = Some(field.number(1..=100, "1 to 100")?),
                "fallback_hosts" => config.fallback_hosts = field.texts()?,
                _ => return Err(field.unknown("timeout, deadline, max_attempts, fallback_hosts")),
            }
            Ok(())
        })?;
        Ok(config)
    }
}

/// Reads an interval of whole buckets that divides a day.
fn summary_every(field: &Field<'_>) -> Result<Micros, ConfigError> {
    const TAKES: &str = "a time such as \"60s\", 10s to 1h in multiples of 10s";
    let span = field.span(Micros::from_seconds(10)..=Micros::from_seconds(3_600), TAKES)?;
    if span.get().is_multiple_of(10_000_000) { Ok(span) } else { Err(field.error(TAKES)) }
}

#[cfg(test)]
mod tests;
