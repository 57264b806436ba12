//! Envoy's log and HTTP calls, for the records that `nearmiss-envoy-exchange` emits.

use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::{BufferType, LogLevel, MapType};
use core::time::Duration;
use nearmiss_envoy_config::CollectorConfig;
use nearmiss_envoy_exchange::outlet::{CallResponse, Outlet, headers};

impl Outlet for Hostcalls {
    fn log(&self, line: &str) {
        let _ = Self::log(self, LogLevel::Info, line);
    }

    fn warn(&self, line: &str) {
        let _ = Self::log(self, LogLevel::Warn, line);
    }

    fn call(&self, collector: &CollectorConfig, batch: &[u8]) -> Option<u64> {
        let timeout = Duration::from_micros(collector.timeout.get());
        let call =
            self.dispatch_http_call(&collector.cluster, &headers(collector), Some(batch), &[], timeout);
        call.ok().map(u64::from)
    }
}

/// The response to the HTTP call whose callback runs.
pub(crate) struct Response<'h> {
    pub(crate) hostcalls: &'h Hostcalls,
    pub(crate) body_size: usize,
}

impl CallResponse for Response<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.hostcalls.get_map_value_bytes(MapType::HttpCallResponseHeaders, name).ok()
    }

    fn body(&self, max: usize) -> Option<&[u8]> {
        let size = self.body_size.min(max);
        self.hostcalls.get_buffer(BufferType::HttpCallResponseBody, 0, size).ok()
    }
}
