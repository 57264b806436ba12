//! The host, call by call: every answer is a value, and none is trusted.
//!
//! The only `unsafe` code of the filter is in here. No call panics: a status other than success becomes [`Silence`], and so
//! does an answer in a place that the host was not given. An answer lives as long as the [`Call`] it was asked in.

mod arena;
#[cfg(target_arch = "wasm32")]
mod exports;
mod imports;

use crate::headers::{self, Headers};
use arena::Lease;

/// The host did not answer: it has no such thing, not now, or it failed. The filter makes no difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Silence;

/// What the host answered.
pub(crate) type Answer<T> = Result<T, Silence>;

/// A map of headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Map {
    /// Readable in the request phase and when the exchange is over.
    Request = 0,
    /// Readable from the response phase on.
    Response = 2,
    /// Readable when the exchange is over.
    ResponseTrailers = 3,
    /// Readable when a call of our own is answered.
    Answer = 6,
}

/// How much a line matters in the proxy's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    /// For records, and signs of life.
    Info = 2,
    /// For a configuration that is refused.
    Error = 4,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// A distribution.
    Histogram = 2,
}

/// The host's name for a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Metric(u32);

/// One callback: the time in which the host can be asked.
pub(crate) struct Call(Lease);

/// The buffer that holds the answer to a call of our own.
const ANSWER: u32 = 4;
/// The buffer that holds the plugin's configuration.
const PLUGIN_CONFIGURATION: u32 = 7;

impl Call {
    /// Begins a callback; `None` if one is under way already.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "there are no callbacks"))]
    fn begin() -> Option<Self> {
        Lease::take().map(Self)
    }

    /// The text of the plugin's configuration, readable while it is configured.
    pub(crate) fn configuration(&self, size: usize) -> Answer<&[u8]> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.answer(|data, length| unsafe {
            imports::proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, data, length)
        })
    }

    /// The first `size` bytes of the answer to a call of our own.
    pub(crate) fn answer_body(&self, size: usize) -> Answer<&[u8]> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.answer(|data, length| unsafe { imports::proxy_get_buffer_bytes(ANSWER, 0, size, data, length) })
    }

    /// Sends a request to a cluster; the answer comes by this name, or the word that there is none.
    pub(crate) fn send(
        &self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout_ms: u32,
    ) -> Answer<u32> {
        let (headers, mut token) = (headers::written(headers), 0);
        // SAFETY: all slices are valid for reads and the out-pointer for writes during the call.
        ok(unsafe {
            imports::proxy_http_call(
                cluster.as_ptr(),
                cluster.len(),
                headers.as_ptr(),
                headers.len(),
                body.as_ptr(),
                body.len(),
                core::ptr::null(),
                0,
                timeout_ms,
                &raw mut token,
            )
        })?;
        Ok(token)
    }

    /// A property; the parts of its path end in or are parted by NUL.
    pub(crate) fn property(&self, path: &str) -> Answer<&[u8]> {
        // SAFETY: the path is valid for reads and the out-pointers for writes during the call.
        self.answer(|data, size| unsafe {
            imports::proxy_get_property(path.as_ptr(), path.len(), data, size)
        })
    }

    /// Leaves `value` in the exchange's filter state, as `wasm.` and `name`.
    pub(crate) fn leave(&self, name: &str, value: &[u8]) -> Answer<()> {
        // SAFETY: both slices are valid for reads during the call.
        ok(unsafe { imports::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    /// All headers of a map, in order.
    pub(crate) fn headers(&self, map: Map) -> Answer<Headers<'_>> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.answer(|data, size| unsafe { imports::proxy_get_header_map_pairs(map as u32, data, size) })
            .map(Headers::new)
    }

    /// The value of one header; several of that name come joined.
    pub(crate) fn header(&self, map: Map, name: &str) -> Answer<&[u8]> {
        // SAFETY: the name is valid for reads and the out-pointers for writes during the call.
        self.answer(|data, size| unsafe {
            imports::proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, size)
        })
    }

    /// Adds a response header, in the response phase.
    pub(crate) fn add_response_header(&self, name: &str, value: &str) -> Answer<()> {
        // SAFETY: both slices are valid for reads during the call.
        ok(unsafe {
            imports::proxy_add_header_map_value(
                Map::Response as u32,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        })
    }

    /// Lets one of the host's own functions run.
    pub(crate) fn foreign(&self, name: &str, argument: &[u8]) -> Answer<&[u8]> {
        // SAFETY: both slices are valid for reads and the out-pointers for writes during the call.
        self.answer(|data, size| unsafe {
            imports::proxy_call_foreign_function(
                name.as_ptr(),
                name.len(),
                argument.as_ptr(),
                argument.len(),
                data,
                size,
            )
        })
    }

    /// What all VMs of this kind share under `key`, and its version.
    pub(crate) fn shared(&self, key: &str) -> Answer<(&[u8], u32)> {
        let mut version = 0;
        // SAFETY: the key is valid for reads and the out-pointers for writes during the call.
        let value = self.answer(|data, size| unsafe {
            imports::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
        })?;
        Ok((value, version))
    }

    /// Shares `value` under `key`, if its version is still this; version 0 does not ask.
    pub(crate) fn share(&self, key: &str, value: &[u8], version: u32) -> Answer<()> {
        // SAFETY: both slices are valid for reads during the call.
        ok(unsafe {
            imports::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version)
        })
    }

    /// Nanoseconds since the Unix epoch.
    pub(crate) fn now(&self) -> Answer<u64> {
        let mut now = 0;
        // SAFETY: the out-pointer is valid for writes during the call.
        ok(unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut now) })?;
        Ok(now)
    }

    /// Asks for a tick every so many milliseconds.
    pub(crate) fn tick_every(&self, milliseconds: u32) -> Answer<()> {
        // SAFETY: no pointer is involved.
        ok(unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds) })
    }

    /// Writes a line to the proxy's log.
    pub(crate) fn log(&self, level: Level, line: &str) {
        // SAFETY: the line is valid for reads during the call. A line that is not taken is lost; there is nowhere to say so.
        let _ = ok(unsafe { imports::proxy_log(level as u32, line.as_ptr(), line.len()) });
    }

    /// Defines a metric, or finds the one of that name.
    pub(crate) fn define(&self, kind: MetricKind, name: &str) -> Answer<Metric> {
        let mut id = 0;
        // SAFETY: the name is valid for reads and the out-pointer for writes during the call.
        ok(unsafe { imports::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
        Ok(Metric(id))
    }

    /// Adds to a counter.
    pub(crate) fn increment(&self, metric: Metric, by: u32) -> Answer<()> {
        // SAFETY: no pointer is involved.
        ok(unsafe { imports::proxy_increment_metric(metric.0, by.into()) })
    }

    /// Puts a value into a histogram.
    pub(crate) fn record(&self, metric: Metric, value: u64) -> Answer<()> {
        // SAFETY: no pointer is involved.
        ok(unsafe { imports::proxy_record_metric(metric.0, value) })
    }

    /// Makes a call that gives back bytes in memory it has asked for.
    fn answer(&self, ask: impl FnOnce(*mut usize, *mut usize) -> u32) -> Answer<&[u8]> {
        let (mut data, mut size) = (0, 0);
        ok(ask(&raw mut data, &raw mut size))?;
        self.0.answer(data, size).ok_or(Silence)
    }
}

/// Success or silence.
const fn ok(status: u32) -> Answer<()> {
    if status == 0 { Ok(()) } else { Err(Silence) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_wasm::types;

    #[test]
    fn numbers_are_those_of_the_sdk() {
        assert_eq!(Map::Request as u32, types::MapType::HttpRequestHeaders as u32);
        assert_eq!(Map::Response as u32, types::MapType::HttpResponseHeaders as u32);
        assert_eq!(Map::ResponseTrailers as u32, types::MapType::HttpResponseTrailers as u32);
        assert_eq!(Level::Info as u32, types::LogLevel::Info as u32);
        assert_eq!(Level::Error as u32, types::LogLevel::Error as u32);
        assert_eq!(MetricKind::Counter as u32, types::MetricType::Counter as u32);
        assert_eq!(MetricKind::Histogram as u32, types::MetricType::Histogram as u32);
        assert_eq!(Map::Answer as u32, types::MapType::HttpCallResponseHeaders as u32);
        assert_eq!(ANSWER, types::BufferType::HttpCallResponseBody as u32);
        assert_eq!(PLUGIN_CONFIGURATION, types::BufferType::PluginConfiguration as u32);
        assert_eq!(ok(types::Status::Ok as u32), Ok(()));
    }
}
