//! Hostcalls.
//!
//! No hostcall panics: a status other than `Ok` becomes an error, and so do bytes at an address that was not allocated for them.

use super::allocator::ArenaGuard;
use super::imports;
use super::types::{BufferType, LogLevel, MapType, MetricId, MetricType, Status};
use crate::headers::{self, Headers};
use core::time::Duration;

/// The hostcalls of one callback. Answers are valid as long as the value that they were read with.
pub(crate) struct Hostcalls(ArenaGuard);

impl Hostcalls {
    /// Begins the hostcalls of a callback.
    pub(crate) fn begin() -> Self {
        Self(ArenaGuard::acquire())
    }

    /// Writes a line to the proxy's log.
    pub(crate) fn log(&self, level: LogLevel, message: &str) -> Result<(), Status> {
        // SAFETY: the message is valid for reads during the call.
        unsafe { imports::proxy_log(level, message.as_ptr(), message.len()) }.ok()
    }

    /// Returns nanoseconds since the Unix epoch.
    pub(crate) fn get_current_time(&self) -> Result<u64, Status> {
        let mut now = 0;
        // SAFETY: the out-pointer is valid for writes during the call.
        unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut now) }.ok()?;
        Ok(now)
    }

    /// Sets the interval between ticks.
    pub(crate) fn set_tick_period(&self, period: Duration) -> Result<(), Status> {
        // SAFETY: no pointer is involved.
        unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds(period)) }.ok()
    }

    /// Returns at most `max_size` bytes of a buffer.
    pub(crate) fn get_buffer(
        &self,
        buffer_type: BufferType,
        start: usize,
        max_size: usize,
    ) -> Result<&[u8], Status> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_buffer_bytes(buffer_type, start, max_size, data, size)
        })
    }

    /// Returns all headers of a map, in order.
    pub(crate) fn get_map_bytes(&self, map_type: MapType) -> Result<Headers<'_>, Status> {
        // SAFETY: both out-pointers are valid for writes during the call.
        self.returned_bytes(|data, size| unsafe { imports::proxy_get_header_map_pairs(map_type, data, size) })
            .map(Headers::new)
    }

    /// Returns the value of one header; repeated headers are joined.
    pub(crate) fn get_map_value_bytes(&self, map_type: MapType, key: &str) -> Result<&[u8], Status> {
        // SAFETY: the key is valid for reads and the out-pointers for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_header_map_value(map_type, key.as_ptr(), key.len(), data, size)
        })
    }

    /// Adds a header.
    pub(crate) fn add_map_value(&self, map_type: MapType, key: &str, value: &str) -> Result<(), Status> {
        // SAFETY: both slices are valid for reads during the call.
        unsafe {
            imports::proxy_add_header_map_value(
                map_type,
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
            )
        }
        .ok()
    }

    /// Returns a property; NUL separates the segments of its path.
    pub(crate) fn get_property(&self, path: &str) -> Result<&[u8], Status> {
        // SAFETY: the path is valid for reads and the out-pointers for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_get_property(path.as_ptr(), path.len(), data, size)
        })
    }

    /// Sets a property: Envoy keeps it in the filter state of the exchange, as `wasm.<path>`.
    pub(crate) fn set_property(&self, path: &str, value: Option<&[u8]>) -> Result<(), Status> {
        let value = value.unwrap_or_default();
        // SAFETY: both slices are valid for reads during the call.
        unsafe { imports::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) }.ok()
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

    /// Writes shared data if its version is still `cas`, or unconditionally without a version.
    pub(crate) fn set_shared_data(
        &self,
        key: &str,
        value: Option<&[u8]>,
        cas: Option<u32>,
    ) -> Result<(), Status> {
        let value = value.unwrap_or_default();
        // SAFETY: both slices are valid for reads during the call.
        unsafe {
            imports::proxy_set_shared_data(
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
                cas.unwrap_or_default(),
            )
        }
        .ok()
    }

    /// Sends a request to a cluster and returns its token, with which `on_http_call_response` reports the response or its
    /// failure.
    pub(crate) fn dispatch_http_call(
        &self,
        upstream: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        trailers: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<u32, Status> {
        let (headers, trailers) = (headers::serialize_map(headers), headers::serialize_map(trailers));
        let (body, mut token) = (body.unwrap_or_default(), 0);
        // SAFETY: all slices are valid for reads and the out-pointer for writes during the call.
        unsafe {
            imports::proxy_http_call(
                upstream.as_ptr(),
                upstream.len(),
                headers.as_ptr(),
                headers.len(),
                body.as_ptr(),
                body.len(),
                trailers.as_ptr(),
                trailers.len(),
                milliseconds(timeout),
                &raw mut token,
            )
        }
        .ok()?;
        Ok(token)
    }

    /// Calls one of the proxy's foreign functions.
    pub(crate) fn call_foreign_function(
        &self,
        function_name: &str,
        arguments: Option<&[u8]>,
    ) -> Result<&[u8], Status> {
        let arguments = arguments.unwrap_or_default();
        // SAFETY: both slices are valid for reads and the out-pointers for writes during the call.
        self.returned_bytes(|data, size| unsafe {
            imports::proxy_call_foreign_function(
                function_name.as_ptr(),
                function_name.len(),
                arguments.as_ptr(),
                arguments.len(),
                data,
                size,
            )
        })
    }

    /// Defines a metric, or returns the existing one of that name.
    pub(crate) fn define_metric(&self, metric_type: MetricType, name: &str) -> Result<MetricId, Status> {
        let mut id = MetricId(0);
        // SAFETY: the name is valid for reads and the out-pointer for writes during the call.
        unsafe { imports::proxy_define_metric(metric_type, name.as_ptr(), name.len(), &raw mut id) }.ok()?;
        Ok(id)
    }

    /// Records a value in a histogram.
    pub(crate) fn record_metric(&self, metric_id: MetricId, value: u64) -> Result<(), Status> {
        // SAFETY: no pointer is involved.
        unsafe { imports::proxy_record_metric(metric_id, value) }.ok()
    }

    /// Adds to a counter.
    pub(crate) fn increment_metric(&self, metric_id: MetricId, offset: i64) -> Result<(), Status> {
        // SAFETY: no pointer is involved.
        unsafe { imports::proxy_increment_metric(metric_id, offset) }.ok()
    }

    /// Returns random bytes that cannot be guessed. With the SDK, the standard library makes this call of WASI.
    pub(crate) fn random_bytes<const COUNT: usize>(&self) -> Result<[u8; COUNT], Status> {
        let mut bytes = [0; COUNT];
        // SAFETY: the host writes exactly `bytes.len()` bytes.
        unsafe { imports::random_get(bytes.as_mut_ptr(), bytes.len()) }.ok()?;
        Ok(bytes)
    }

    /// Makes a hostcall that returns bytes in memory of the arena.
    fn returned_bytes(
        &self,
        hostcall: impl FnOnce(*mut *mut u8, *mut usize) -> Status,
    ) -> Result<&[u8], Status> {
        let (mut data, mut size) = (core::ptr::null_mut(), 0);
        hostcall(&raw mut data, &raw mut size).ok()?;
        self.0.returned_bytes(data.addr(), size).ok_or(Status::InvalidMemoryAccess)
    }
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
