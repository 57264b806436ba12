//! Parses the configuration into checked values: one JSON document, the same for every host.
//!
//! Nothing downstream checks a value again. `docs/config.md` is the reference of all fields. A section that only one host uses
//! belongs to that host's filter, which declares it with [`config_fields!`](crate::config_fields); here are the sections' names.

mod error;
mod field;
mod fields;
mod ignore;
mod reference;
mod takes;
mod upstream;

pub use error::ConfigError;
pub use field::Field;
pub use fields::Fields;
pub use ignore::Ignore;
pub use reference::ReferenceConfig;
pub use takes::{Takes, TimeRange};
pub use upstream::UpstreamConfig;

use crate::json::outline::is_deeper_than;
use crate::json::parsed;
use crate::json::value::Value;
use crate::siphash::SipKey;
use crate::sorted_map::SortedMap;
use crate::thresholds::{ClientRetries, Thresholds};
use crate::units::{Micros, Used};
use alloc::string::{String, ToString};

/// Names of the sections that one host uses and all others ignore.
const SECTIONS: [&str; 3] = ["envoy", "fluent_bit", "edge"];

crate::config_fields! {
    /// A checked configuration. Every field has a default, so `{}` works; `docs/config.md` is the reference.
    #[non_exhaustive]
    pub struct Config {
        /// Limits and fallbacks of single upstreams, by name.
        upstreams: SortedMap<String, UpstreamConfig> = SortedMap::default(), |field| field.by_upstream(|upstream| {
            let mut config = UpstreamConfig::default();
            config.read(upstream).map(|()| config)
        });
        /// Response header that marks an answer as a fallback's.
        fallback_header: Option<String> = None, |field| Ok(Some(field.text()?.to_ascii_lowercase()));
        /// Margin to timeout, deadline or quota below which a success is `tight`.
        tight_margin: Used = Used::from_basis_points(1_000).unwrap_or_default(), Field::share;
        /// Wait above which a client that gives up may have done so because of the upstream.
        abandon_after: Micros = Micros::from_seconds(1), |field| {
            const RANGE: TimeRange =
                TimeRange::new(Micros::from_seconds(1), Micros::new(0)..=Micros::from_seconds(3_600));
            field.span(&RANGE)
        };
        /// Clients whose hints about their own retries are believed.
        client_retries: ClientRetries = ClientRetries::UnlessExternal, |field| field.choice(
            &[
                ("unless_external", ClientRetries::UnlessExternal),
                ("always", ClientRetries::Always),
                ("never", ClientRetries::Never),
            ],
        );
        /// Upstreams that are counted separately; further ones count as `other`.
        max_upstreams: u32 = 1_000, |field| field.number(1..=100_000);
        /// Longest disorder of exchanges that changes no verdict; `None` takes the feed's default.
        reorder: Option<Micros> = None, |field| {
            const RANGE: TimeRange =
                TimeRange::new(Micros::from_seconds(10), Micros::new(0)..=Micros::from_seconds(30));
            field.span(&RANGE).map(Some)
        };
        /// Interval between summaries: whole buckets, and divides a day.
        summary_every: Micros = Micros::from_seconds(60), |field| {
            const BUCKET: Micros = Micros::from_seconds(10);
            const RANGE: TimeRange =
                TimeRange::new(Micros::from_seconds(60), BUCKET..=Micros::from_seconds(3_600)).in_multiples_of(BUCKET);
            field.span(&RANGE)
        };
        /// Exchange records that an upstream may emit per second, live.
        records_per_second: u32 = 10, |field| field.number(0..=1_000_000);
        /// Exchange records that all upstreams together may emit per second, live.
        records_per_second_total: u32 = 200, |field| field.number(0..=1_000_000);
        /// Form in which addresses of hosts are emitted.
        hosts: Hosts = Hosts::Plain, |field| {
            field.choice(&[("plain", Hosts::Plain), ("hashed", Hosts::Hashed)])
        };
        /// Key of the hashes of hosts; without it the host brings one.
        hosts_key: Option<SipKey> = None, |field| {
            field.secret(8..=128).map(|secret| Some(SipKey::derive(secret.as_bytes())))
        };
        /// Requests that are left out: those of health checks.
        ignore: Ignore = Ignore::default(), |field| {
            let mut ignore = Ignore::default();
            ignore.read(field).map(|()| ignore)
        };
        /// Keys of structured logs, by the exchange line's name of the field.
        fields: SortedMap<String, String> = SortedMap::default(), Field::texts_by_name;
        /// References restored or accepted by an operator, by upstream.
        reference: SortedMap<String, ReferenceConfig> = SortedMap::default(), |field| {
            field.by_upstream(ReferenceConfig::read)
        };
        /// Share of exchanges that may be near misses.
        budget: Used = Used::from_basis_points(100).unwrap_or_default(), Field::share;
    }
}

/// Form in which addresses of hosts are emitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hosts {
    /// The address itself.
    Plain,
    /// A keyed hash of the address.
    Hashed,
}

impl Config {
    /// Maximum length of a configuration, in bytes.
    pub const MAX_BYTES: usize = 4 << 20;
    /// Maximum nesting depth of a configuration.
    pub const MAX_DEPTH: usize = 32;

    /// Returns the parts that a verdict rests on.
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds {
            tight: self.tight_margin,
            abandon_after: self.abandon_after,
            client_retries: self.client_retries,
        }
    }

    /// Parses a configuration and ignores the sections of hosts; the empty text is `{}`.
    ///
    /// # Errors
    ///
    /// Names the field, the value found and the values it takes.
    ///
    /// ```
    /// use nearmiss::{Config, Micros};
    ///
    /// let config = Config::parse(r#"{"upstreams":{"cart":{"timeout":"500ms"}}}"#)?;
    /// assert_eq!(config.upstreams.get("cart").unwrap().timeout, Some(Micros::from_millis(500)));
    ///
    /// let error = Config::parse(r#"{"max_upstreams":0}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "`max_upstreams` is 0; it takes 1 to 100000");
    /// # Ok::<(), nearmiss::ConfigError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_with_sections(text, &mut [])
    }

    /// Parses a configuration, and those of its `sections` that the document has.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn parse_with_sections(
        text: &str,
        sections: &mut [(&str, &mut dyn Fields)],
    ) -> Result<Self, ConfigError> {
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        check_length(text)?;
        if is_deeper_than(text, Self::MAX_DEPTH) {
            return Err(too_deep());
        }
        let value = Value::parse(text)
            .map_err(|error| ConfigError::Syntax(alloc::format!("the configuration is not JSON: {error}")))?;
        Self::read(&value, sections)
    }

    /// Reads a configuration that the host has parsed, in the form that `src/json/parsed.rs` describes, and those of its `sections`
    /// that the document has.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    ///
    /// ```
    /// use nearmiss::Config;
    ///
    /// let config = Config::read_parsed(r#"{"max_upstreams"+50;}"#, &mut [])?;
    /// assert_eq!(config.max_upstreams, 50);
    /// # Ok::<(), nearmiss::ConfigError>(())
    /// ```
    pub fn read_parsed(text: &str, sections: &mut [(&str, &mut dyn Fields)]) -> Result<Self, ConfigError> {
        check_length(text)?;
        let value = parsed::read(text, Self::MAX_DEPTH).ok_or_else(too_deep)?;
        Self::read(&value, sections)
    }

    fn read(value: &Value, sections: &mut [(&str, &mut dyn Fields)]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        Field::root(value).each(&mut |key, field| {
            let section = sections.iter_mut().find(|(name, _)| *name == key);
            match section {
                Some((_, section)) => section.read(field),
                None if SECTIONS.contains(&key) || config.set(key, field)? => Ok(()),
                None => Err(field.unknown(&[config.names(), &SECTIONS].concat())),
            }
        })?;
        Ok(config)
    }

    /// Returns the section of an upstream.
    pub fn upstream(&self, name: &str) -> Option<&UpstreamConfig> {
        self.upstreams.get(name)
    }
}

fn check_length(text: &str) -> Result<(), ConfigError> {
    if text.len() > Config::MAX_BYTES {
        return Err(ConfigError::Syntax("the configuration is longer than 4 MiB".to_string()));
    }
    Ok(())
}

fn too_deep() -> ConfigError {
    ConfigError::Syntax("the configuration nests deeper than 32 levels".to_string())
}

#[cfg(test)]
mod tests;
