//! The configuration: one JSON document, the same for every host.
//!
//! Every field has a default, so `{}` works. The document is parsed once into checked types; nothing downstream checks
//! again. `docs/config.md` is the reference of all fields.

mod collector;
mod edge;
mod field;
mod reference;

use crate::limits::Limits;
use crate::sorted_map::SortedMap;
use crate::units::{Micros, Used};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
pub use collector::{CollectorConfig, Logged};
use core::fmt;
pub use edge::EdgeConfig;
use field::Field;
pub use reference::ReferenceConfig;
use serde_json::Value;

/// A checked configuration.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// What is known of single upstreams, by name.
    pub upstreams: SortedMap<String, UpstreamConfig>,
    /// A response header whose presence says that a fallback answered.
    pub fallback_header: Option<String>,
    /// Less margin than this to timeout, deadline or quota is tight.
    pub tight_margin: Used,
    /// How many upstreams are told apart.
    pub max_upstreams: u32,
    /// How far out of order exchanges may come; `None` takes the feed's default.
    pub reorder: Option<Micros>,
    /// How often a summary leaves.
    pub summary_every: Micros,
    /// How many exchange records an upstream may send a second, live.
    pub records_per_second: u32,
    /// Whether addresses of hosts leave as they are.
    pub hosts: Hosts,
    /// The share of exchanges that may be near misses.
    pub budget: Used,
    /// References that were kept elsewhere, by upstream.
    pub references: SortedMap<String, ReferenceConfig>,
    /// Where fields of structured logs are found, by the exchange line's name.
    pub fields: SortedMap<String, String>,
    /// For Envoy only.
    pub envoy: EnvoyConfig,
    /// For Fluent Bit only.
    pub fluent_bit: FluentBitConfig,
    /// For edge gateways only.
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

/// What is known of one upstream.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct UpstreamConfig {
    /// Limits where the host does not tell.
    pub limits: Limits,
    /// Hosts that answer only when the upstream itself cannot.
    pub fallback_hosts: Vec<String>,
}

/// How addresses of hosts leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hosts {
    /// As they are.
    Plain,
    /// As a hash.
    Hashed,
}

/// The section `envoy`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EnvoyConfig {
    /// What the module is attached as.
    pub attach: Attach,
    /// How much it reads.
    pub mode: Mode,
    /// Whether responses get the `near-miss` header.
    pub header: bool,
    /// The collector that takes records.
    pub collector: Option<CollectorConfig>,
}

/// What the Envoy module is attached as.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Attach {
    /// An HTTP filter.
    #[default]
    Http,
    /// An access logger.
    Log,
    /// An upstream HTTP filter.
    Upstream,
}

/// How much the Envoy module reads of each exchange.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// All that tells fates apart.
    #[default]
    Full,
    /// The cheapest that still sees retries and failures.
    Lean,
}

/// The section `fluent_bit`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FluentBitConfig {
    /// What becomes of records.
    pub mode: FluentBitMode,
    /// The format of raw lines; `auto` if not given.
    pub format: Option<String>,
    /// Overrides `fields` for this host.
    pub fields: SortedMap<String, String>,
    /// Where this Fluent Bit runs: the beginning of what its summaries name as their source.
    pub source: String,
}

impl Default for FluentBitConfig {
    fn default() -> Self {
        Self {
            mode: FluentBitMode::default(),
            format: None,
            fields: SortedMap::default(),
            source: "fluent-bit".to_string(),
        }
    }
}

/// What the Fluent Bit module does with records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FluentBitMode {
    /// Annotates every record.
    #[default]
    Annotate,
    /// Annotates, and drops what is neither a near miss nor failed.
    Only,
    /// Merges summaries of other instances.
    Merge,
}

impl Config {
    /// The most bytes a configuration may have.
    pub const MAX_BYTES: usize = 4 << 20;
    /// The deepest a configuration may nest.
    pub const MAX_DEPTH: usize = 32;

    /// Parses a configuration; the empty text is `{}`.
    ///
    /// # Errors
    ///
    /// Says which field is wrong, what was found there, and what it takes.
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

    /// What is known of an upstream.
    pub fn upstream(&self, name: &str) -> Option<&UpstreamConfig> {
        self.upstreams.get(name)
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
                "fields" => self.fields = texts_by_name(field)?,
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

impl EnvoyConfig {
    fn read(&mut self, section: &Field<'_>) -> Result<(), ConfigError> {
        const ATTACH: [(&str, Attach); 3] =
            [("http", Attach::Http), ("log", Attach::Log), ("upstream", Attach::Upstream)];
        section.each(|key, field| {
            match key {
                "attach" => self.attach = field.choice(&ATTACH, "\"http\", \"upstream\" or \"log\"")?,
                "mode" => {
                    self.mode = field
                        .choice(&[("full", Mode::Full), ("lean", Mode::Lean)], "\"full\" or \"lean\"")?;
                }
                "header" => self.header = field.flag()?,
                "collector" => self.collector = Some(CollectorConfig::read(field)?),
                _ => return Err(field.unknown("attach, mode, header, collector")),
            }
            Ok(())
        })
    }
}

impl FluentBitConfig {
    fn read(&mut self, section: &Field<'_>) -> Result<(), ConfigError> {
        const MODES: [(&str, FluentBitMode); 3] = [
            ("annotate", FluentBitMode::Annotate),
            ("only", FluentBitMode::Only),
            ("merge", FluentBitMode::Merge),
        ];
        section.each(|key, field| {
            match key {
                "mode" => self.mode = field.choice(&MODES, "\"annotate\", \"only\" or \"merge\"")?,
                "format" => self.format = Some(field.text()?),
                "fields" => self.fields = texts_by_name(field)?,
                "source" => self.source = field.text()?,
                _ => return Err(field.unknown("mode, format, fields, source")),
            }
            Ok(())
        })
    }
}

/// A period that is made of whole buckets and goes into a day without a rest.
fn summary_every(field: &Field<'_>) -> Result<Micros, ConfigError> {
    const TAKES: &str = "a time such as \"60s\", 10s to 1h in multiples of 10s";
    let span = field.span(Micros::from_seconds(10)..=Micros::from_seconds(3_600), TAKES)?;
    if span.get().is_multiple_of(10_000_000) { Ok(span) } else { Err(field.error(TAKES)) }
}

fn texts_by_name(section: &Field<'_>) -> Result<SortedMap<String, String>, ConfigError> {
    let mut texts = SortedMap::default();
    section.each(|key, field| {
        texts.insert(key.to_string(), field.any_text("a text")?.to_string());
        Ok(())
    })?;
    Ok(texts)
}

/// Whether a JSON text nests deeper than `limit`: asked before a parser that recurses sees it.
pub(crate) fn is_deeper_than(text: &str, limit: usize) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > limit
    })
}

/// What is wrong with a configuration: one line that says what to change.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not JSON, or too long or too deep to look at.
    Syntax(String),
    /// A field that does not exist.
    Unknown {
        /// The field's path.
        field: String,
        /// What there is in its place.
        known: &'static str,
    },
    /// A value of the wrong type or out of range.
    Value {
        /// The field's path.
        field: String,
        /// What was found, as JSON.
        found: String,
        /// What the field takes.
        takes: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(what) => f.write_str(what),
            Self::Unknown { field, known } => write!(f, "`{field}` is not a field; there are {known}"),
            Self::Value { field, found, takes } => write!(f, "`{field}` is {found}; it takes {takes}"),
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
