//! The imports of this module: of proxy-wasm ABI 0.2.1, and the one of WASI preview 1 that has no counterpart there.
//!
//! Natively, where unit tests run, there is no host: every import returns `Unimplemented`.

use super::types::{BufferType, LogLevel, MapType, MetricId, MetricType, Status};

macro_rules! hostcalls {
    ($module:literal $(fn $name:ident($($argument:ident: $kind:ty),* $(,)?) -> Status;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = $module)]
        unsafe extern "C" {
            $(pub(super) fn $name($($argument: $kind),*) -> Status;)*
        }

        $(
            #[cfg(not(target_arch = "wasm32"))]
            #[allow(clippy::too_many_arguments, reason = "the ABI has that many")]
            pub(super) unsafe fn $name($(_: $kind),*) -> Status {
                Status::Unimplemented
            }
        )*
    };
}

hostcalls! {
    "wasi_snapshot_preview1"
    fn random_get(bytes: *mut u8, count: usize) -> Status;
}

hostcalls! {
    "env"
    fn proxy_add_header_map_value(
        map_type: MapType, key_data: *const u8, key_size: usize, value_data: *const u8, value_size: usize,
    ) -> Status;
    fn proxy_call_foreign_function(
        function_name_data: *const u8, function_name_size: usize, arguments_data: *const u8, arguments_size: usize,
        results_data: *mut *mut u8, results_size: *mut usize,
    ) -> Status;
    fn proxy_define_metric(
        metric_type: MetricType, name_data: *const u8, name_size: usize, return_id: *mut MetricId,
    ) -> Status;
    fn proxy_get_buffer_bytes(
        buffer_type: BufferType, start: usize, max_size: usize, return_buffer_data: *mut *mut u8,
        return_buffer_size: *mut usize,
    ) -> Status;
    fn proxy_get_current_time_nanoseconds(return_time: *mut u64) -> Status;
    fn proxy_get_header_map_pairs(
        map_type: MapType, return_map_data: *mut *mut u8, return_map_size: *mut usize,
    ) -> Status;
    fn proxy_get_header_map_value(
        map_type: MapType, key_data: *const u8, key_size: usize, return_value_data: *mut *mut u8,
        return_value_size: *mut usize,
    ) -> Status;
    fn proxy_get_property(
        path_data: *const u8, path_size: usize, return_value_data: *mut *mut u8, return_value_size: *mut usize,
    ) -> Status;
    fn proxy_get_shared_data(
        key_data: *const u8, key_size: usize, return_value_data: *mut *mut u8, return_value_size: *mut usize,
        return_cas: *mut u32,
    ) -> Status;
    fn proxy_http_call(
        upstream_data: *const u8, upstream_size: usize, headers_data: *const u8, headers_size: usize,
        body_data: *const u8, body_size: usize, trailers_data: *const u8, trailers_size: usize, timeout: u32,
        return_token: *mut u32,
    ) -> Status;
    fn proxy_increment_metric(metric_id: MetricId, offset: i64) -> Status;
    fn proxy_log(level: LogLevel, message_data: *const u8, message_size: usize) -> Status;
    fn proxy_record_metric(metric_id: MetricId, value: u64) -> Status;
    fn proxy_set_property(
        path_data: *const u8, path_size: usize, value_data: *const u8, value_size: usize,
    ) -> Status;
    fn proxy_set_shared_data(
        key_data: *const u8, key_size: usize, value_data: *const u8, value_size: usize, cas: u32,
    ) -> Status;
    fn proxy_set_tick_period_milliseconds(period: u32) -> Status;
}
