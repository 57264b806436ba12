//! The types of the proxy-wasm SDK that this filter needs, with the SDK's names and numbers.

/// A status other than `Ok`. All failures are handled alike, so the number is dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Status;

/// A header map.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::enum_variant_names, reason = "the SDK's names")]
pub(crate) enum MapType {
    /// Readable in the request phase and when the exchange is over.
    HttpRequestHeaders = 0,
    /// Readable from the response phase on.
    HttpResponseHeaders = 2,
    /// Readable when the exchange is over.
    HttpResponseTrailers = 3,
    /// Readable during `on_http_call_response`.
    HttpCallResponseHeaders = 6,
}

/// A buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BufferType {
    /// Readable during `on_http_call_response`.
    HttpCallResponseBody = 4,
    /// Readable during `on_configure`.
    PluginConfiguration = 7,
}

/// The level of a line in the proxy's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogLevel {
    /// For records and status lines.
    Info = 2,
    /// For rejected configurations.
    Error = 4,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MetricType {
    /// A value that only increases.
    Counter = 0,
    /// A distribution.
    Histogram = 2,
}

/// The host's id of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MetricId(pub(super) u32);

/// Maps a status number to a result.
pub(super) const fn ok(status: u32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_wasm::types;

    #[test]
    fn numbers_are_those_of_the_sdk() {
        assert_eq!(MapType::HttpRequestHeaders as u32, types::MapType::HttpRequestHeaders as u32);
        assert_eq!(MapType::HttpResponseHeaders as u32, types::MapType::HttpResponseHeaders as u32);
        assert_eq!(MapType::HttpResponseTrailers as u32, types::MapType::HttpResponseTrailers as u32);
        assert_eq!(MapType::HttpCallResponseHeaders as u32, types::MapType::HttpCallResponseHeaders as u32);
        assert_eq!(LogLevel::Info as u32, types::LogLevel::Info as u32);
        assert_eq!(LogLevel::Error as u32, types::LogLevel::Error as u32);
        assert_eq!(MetricType::Counter as u32, types::MetricType::Counter as u32);
        assert_eq!(MetricType::Histogram as u32, types::MetricType::Histogram as u32);
        assert_eq!(BufferType::HttpCallResponseBody as u32, types::BufferType::HttpCallResponseBody as u32);
        assert_eq!(BufferType::PluginConfiguration as u32, types::BufferType::PluginConfiguration as u32);
        assert_eq!(ok(types::Status::Ok as u32), Ok(()));
    }
}
