//! The imports of this module: of proxy-wasm ABI 0.2.1, and the one of WASI preview 1 that has no counterpart there.
//!
//! Natively, where unit tests run, there is no host: every import returns 12, `Unimplemented`.

macro_rules! hostcalls {
    ($module:literal $($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?);)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = $module)]
        unsafe extern "C" {
            $($(#[$doc])* pub(super) fn $name($($argument: $kind),*) -> u32;)*
        }

        $(
            #[cfg(not(target_arch = "wasm32"))]
            $(#[$doc])*
            #[allow(clippy::too_many_arguments, reason = "the ABI has that many")]
            pub(super) unsafe fn $name($(_: $kind),*) -> u32 {
                12
            }
        )*
    };
}

hostcalls! {
    "wasi_snapshot_preview1"
    fn random_get(bytes: *mut u8, count: usize);
}

hostcalls! {
    "env"
    fn proxy_add_header_map_value(map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize);
    fn proxy_call_foreign_function(
        name: *const u8, name_size: usize, argument: *const u8, argument_size: usize,
        result: *mut usize, result_size: *mut usize,
    );
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32);
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, size: usize, data: *mut usize, data_size: *mut usize);
    fn proxy_get_current_time_nanoseconds(now: *mut u64);
    fn proxy_get_header_map_pairs(map: u32, data: *mut usize, size: *mut usize);
    fn proxy_get_header_map_value(
        map: u32, name: *const u8, name_size: usize, data: *mut usize, size: *mut usize,
    );
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut usize, size: *mut usize);
    fn proxy_get_shared_data(
        key: *const u8, key_size: usize, data: *mut usize, size: *mut usize, version: *mut u32,
    );
    fn proxy_http_call(
        cluster: *const u8, cluster_size: usize, headers: *const u8, headers_size: usize, body: *const u8, body_size: usize,
        trailers: *const u8, trailers_size: usize, timeout: u32, token: *mut u32,
    );
    fn proxy_increment_metric(id: u32, by: i64);
    fn proxy_log(level: u32, text: *const u8, size: usize);
    fn proxy_record_metric(id: u32, value: u64);
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize);
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, version: u32);
    fn proxy_set_tick_period_milliseconds(period: u32);
}
