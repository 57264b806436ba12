//! Hostcalls, under the names of the proxy-wasm SDK.
//!
//! All `unsafe` code of the filter is in this module. No hostcall panics: a status other than `Ok` becomes [`Status`], and
//! so do bytes at an address that was not allocated for them. Returned bytes are valid as long as the [`Hostcalls`] they were
//! read with.

pub(crate) mod arena;
mod imports;
mod types;

use crate::headers::{self, Headers};
use arena::ArenaGuard;
use types::ok;
pub(crate) use types::{BufferType, LogLevel, MapType, MetricId, MetricType, Status};

/// The hostcalls of one callback.
pub(crate) struct Hostcalls(ArenaGuard);

impl Hostcalls {
    /// Begins a callback; `None` if another one is still running.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "there are no callbacks"))]
    pub(crate) fn begin() -> Option<Self> {
        ArenaGuard::acquire().map(Self)
    }

    /// Returns at most `max_size` bytes of a buffer.
    pub(crate) fn get_buffer(
        &self,
        buffer: BufferType,
        start: usize,
        max_size: usize,
    ) -> Result<&[u8], Status> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.returned_bytes(|data, length| unsafe {
            imports::proxy_get_buffer_bytes(buffer as u32, start, max_size, data, length)
        })
    }

    /// Sends a request to a cluster and returns its token, with which `on_http_call_response` reports the response or its
    /// failure.
    pub(crate) fn dispatch_http_call(
        &self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout_ms: u32,
    ) -> Result<u32, Status> {
        let (headers, mut token) = (headers::serialize_map(headers), 0);
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

    /// Returns a property; NUL separates the segments of its path.
    pub(crate) fn get_property(&self, path: &str) -> Result<&[u8], Status> {
        // SAFETY: the path is valid for reads and the out-pointers for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_property(path.as_ptr(), path.len(), data, size)
        })
    }

    /// Sets a property: Envoy keeps it in the filter state of the exchange, as `wasm.<name>`.
    pub(crate) fn set_property(&self, name: &str, value: &[u8]) -> Result<(), Status> {
        // SAFETY: both slices are valid for reads during the call.
        ok(unsafe { imports::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    /// Returns all headers of a map, in order.
    pub(crate) fn get_map_bytes(&self, map: MapType) -> Result<Headers<'_>, Status> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_header_map_pairs(map as u32, data, size)
        })
        .map(Headers::new)
    }

    /// Returns the value of one header; repeated headers are joined.
    pub(crate) fn get_map_value_bytes(&self, map: MapType, name: &str) -> Result<&[u8], Status> {
        // SAFETY: the name is valid for reads and the out-pointers for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, size)
        })
    }

    /// Adds a response header, in the response phase.
    pub(crate) fn add_http_response_header(&self, name: &str, value: &str) -> Result<(), Status> {
        // SAFETY: both slices are valid for reads during the call.
        ok(unsafe {
            imports::proxy_add_header_map_value(
                MapType::HttpResponseHeaders as u32,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        })
    }

    /// Calls one of the proxy's foreign functions.
    pub(crate) fn call_foreign_function(&self, name: &str, arguments: &[u8]) -> Result<&[u8], Status> {
        // SAFETY: both slices are valid for reads and the out-pointers for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_call_foreign_function(
                name.as_ptr(),
                name.len(),
                arguments.as_ptr(),
                arguments.len(),
                data,
                size,
            )
        })
    }

    /// Returns the shared data under `key` and its version, which [`set_shared_data`](Self::set_shared_data) takes as `cas`.
    pub(crate) fn get_shared_data(&self, key: &str) -> Result<(&[u8], u32), Status> {
        let mut cas = 0;
        // SAFETY: the key is valid for reads and the out-pointers for writes during the call.
        let value = self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas)
        })?;
        Ok((value, cas))
    }

    /// Writes shared data if its version is still `cas`, or unconditionally if `cas` is 0.
    pub(crate) fn set_shared_data(&self, key: &str, value: &[u8], cas: u32) -> Result<(), Status> {
        // SAFETY: both slices are valid for reads during the call.
        ok(unsafe {
            imports::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
        })
    }

    /// Returns nanoseconds since the Unix epoch.
    pub(crate) fn get_current_time(&self) -> Result<u64, Status> {
        let mut now = 0;
        // SAFETY: the out-pointer is valid for writes during the call.
        ok(unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut now) })?;
        Ok(now)
    }

    /// Returns random bytes that cannot be guessed.
    pub(crate) fn random_bytes<const COUNT: usize>(&self) -> Result<[u8; COUNT], Status> {
        let mut bytes = [0; COUNT];
        // SAFETY: the host writes exactly `bytes.len()` bytes.
        ok(unsafe { imports::random_get(bytes.as_mut_ptr(), bytes.len()) })?;
        Ok(bytes)
    }

    /// Sets the interval between ticks, in milliseconds.
    pub(crate) fn set_tick_period(&self, milliseconds: u32) -> Result<(), Status> {
        // SAFETY: no pointer is involved.
        ok(unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds) })
    }

    /// Writes a line to the proxy's log.
    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        // SAFETY: the message is valid for reads during the call. If logging fails there is no other place to report it.
        let _ = ok(unsafe { imports::proxy_log(level as u32, message.as_ptr(), message.len()) });
    }

    /// Defines a metric, or returns the existing one of that name.
    pub(crate) fn define_metric(&self, metric_type: MetricType, name: &str) -> Result<MetricId, Status> {
        let mut id = 0;
        // SAFETY: the name is valid for reads and the out-pointer for writes during the call.
        ok(unsafe {
            imports::proxy_define_metric(metric_type as u32, name.as_ptr(), name.len(), &raw mut id)
        })?;
        Ok(MetricId(id))
    }

    /// Adds to a counter.
    pub(crate) fn increment_metric(&self, metric: MetricId, offset: u32) -> Result<(), Status> {
        // SAFETY: no pointer is involved.
        ok(unsafe { imports::proxy_increment_metric(metric.0, offset.into()) })
    }

    /// Records a value in a histogram.
    pub(crate) fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), Status> {
        // SAFETY: no pointer is involved.
        ok(unsafe { imports::proxy_record_metric(metric.0, value) })
    }

    /// Makes a hostcall that returns bytes in memory of the arena.
    fn returned_bytes(&self, hostcall: impl FnOnce(*mut usize, *mut usize) -> u32) -> Result<&[u8], Status> {
        let (mut data, mut size) = (0, 0);
        ok(hostcall(&raw mut data, &raw mut size))?;
        self.0.returned_bytes(data, size).ok_or(Status)
    }
}
