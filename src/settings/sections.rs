//! Sections that only one host reads.

use crate::sorted_map::SortedMap;
use crate::units::Micros;
use alloc::string::{String, ToString};

/// The section `envoy`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EnvoyConfig {
    /// Extension point that the module is attached to.
    pub attach: Attach,
    /// Amount of data read per exchange.
    pub mode: Mode,
    /// Adds the `near-miss` header to responses.
    pub header: bool,
    /// Collector that receives the records.
    pub collector: Option<CollectorConfig>,
}

/// Extension point of Envoy that the module is attached to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Attach {
    /// HTTP filter.
    #[default]
    Http,
    /// Access logger.
    Log,
    /// Upstream HTTP filter.
    Upstream,
}

/// Amount of data that the Envoy module reads per exchange.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// Everything that distinguishes fates.
    #[default]
    Full,
    /// The least that still shows retries and failures.
    Lean,
}

/// The collector that receives records as OpenTelemetry logs: OTLP over HTTP, JSON.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CollectorConfig {
    /// Envoy cluster of the collector.
    pub cluster: String,
    /// Path of the logs endpoint.
    pub path: String,
    /// `:authority` of the requests.
    pub authority: String,
    /// Timeout of one export request.
    pub timeout: Micros,
    /// Records that may wait for export.
    pub queue: u32,
    /// Records that are written to the proxy's log as well.
    pub log: Logged,
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

/// The section `fluent_bit`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FluentBitConfig {
    /// Treatment of log records.
    pub mode: FluentBitMode,
    /// Format of raw lines; `auto` if absent.
    pub format: Option<String>,
    /// Keys of structured logs for this host; override `fields`.
    pub fields: SortedMap<String, String>,
    /// Prefix of the `source` in summaries.
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

/// Treatment of log records by the Fluent Bit module.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FluentBitMode {
    /// Annotates every record.
    #[default]
    Annotate,
    /// Annotates near misses and failures, and drops all other records.
    Only,
    /// Merges summaries of other instances.
    Merge,
}

/// The section `edge`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EdgeConfig {
    /// Adds the `near-miss` header to responses.
    pub header: bool,
    /// Adds a `Server-Timing` entry to responses.
    pub server_timing: bool,
    /// Bytes of a body that are searched for a failure inside a success; 0 turns the search off.
    pub inspect_bytes: u32,
}
