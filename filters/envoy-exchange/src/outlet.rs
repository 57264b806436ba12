//! The outlet: what an adapter lends to emit records.

use nearmiss_envoy_config::CollectorConfig;

/// Envoy's log, and HTTP calls to Envoy's clusters.
pub trait Outlet {
    /// Writes a line to Envoy's log.
    fn log(&self, line: &str);

    /// Writes a warning to Envoy's log.
    fn warn(&self, line: &str);

    /// Sends a batch to the collector and returns the number of the call; `None` if Envoy cannot send it. The call ends by its timeout at the
    /// latest.
    fn call(&self, collector: &CollectorConfig, batch: &[u8]) -> Option<u64>;
}

/// The response to a call; without headers the call has failed.
pub trait CallResponse {
    /// Returns the value of a header.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// Returns the body, up to this many bytes.
    fn body(&self, max: usize) -> Option<&[u8]>;
}

/// Returns the headers of a call to a collector.
pub fn headers(collector: &CollectorConfig) -> [(&str, &str); 4] {
    [
        (":method", "POST"),
        (":path", &collector.path),
        (":authority", &collector.authority),
        ("content-type", "application/json"),
    ]
}
