//! The functions of Envoy that the module calls, by name.

use super::types::{Buffer, Header, LoggedTiming, Pointer, Timing};
use core::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

unsafe extern "C" {
    /// Looks a symbol up, in the whole process if the handle is null.
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

macro_rules! imports {
    ($(fn $name:ident($($kind:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions, as far as the module needs them.
        #[derive(Debug)]
        pub(super) struct Imports {
            $(pub(super) $name: unsafe extern "C" fn($($kind),*) $(-> $result)?,)*
        }

        impl Imports {
            /// Looks all functions up; the error is the name of one that does not exist.
            fn resolve() -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        let symbol = find(concat!("envoy_dynamic_module_callback_", stringify!($name), "\0"));
                        if symbol.is_null() {
                            return Err(stringify!($name));
                        }
                        // SAFETY: Envoy's function of this name has this signature, in every release since the one that brought it.
                        unsafe { core::mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) $(-> $result)?>(symbol) }
                    },)*
                })
            }
        }
    };
}

// Sorted by name; what is called an `out` parameter in C is a pointer to the type here.
imports! {
    fn access_logger_config_define_counter(Pointer, Buffer, *mut usize) -> u32;
    fn access_logger_config_define_histogram(Pointer, Buffer, *mut usize) -> u32;
    fn access_logger_get_attribute_int(Pointer, u32, *mut u64) -> bool;
    fn access_logger_get_attribute_string(Pointer, u32, *mut Buffer) -> bool;
    fn access_logger_get_header_value(Pointer, u32, Buffer, *mut Buffer, usize, *mut usize) -> bool;
    fn access_logger_get_headers(Pointer, u32, *mut Header) -> bool;
    fn access_logger_get_headers_size(Pointer, u32) -> usize;
    fn access_logger_get_response_flags(Pointer) -> u64;
    fn access_logger_get_timing_info(Pointer, *mut LoggedTiming);
    fn access_logger_get_upstream_cluster(Pointer, *mut Buffer) -> bool;
    fn access_logger_get_worker_index(Pointer) -> u32;
    fn access_logger_increment_counter(Pointer, usize, u64) -> u32;
    fn access_logger_record_histogram_value(Pointer, usize, u64) -> u32;
    fn get_concurrency() -> u32;
    fn http_filter_config_define_counter(Pointer, Buffer, *const Buffer, usize, *mut usize) -> u32;
    fn http_filter_config_define_histogram(Pointer, Buffer, *const Buffer, usize, *mut usize) -> u32;
    fn http_filter_config_http_callout(Pointer, *mut u64, Buffer, *const Header, usize, Buffer, u64) -> u32;
    fn http_filter_config_increment_counter(Pointer, usize, *const Buffer, usize, u64) -> u32;
    fn http_filter_config_scheduler_commit(Pointer, u64);
    fn http_filter_config_scheduler_delete(Pointer);
    fn http_filter_config_scheduler_new(Pointer) -> Pointer;
    fn http_filter_get_attribute_int(Pointer, u32, *mut u64) -> bool;
    fn http_filter_get_attribute_string(Pointer, u32, *mut Buffer) -> bool;
    fn http_filter_get_worker_index(Pointer) -> u32;
    fn http_filter_record_histogram_value(Pointer, usize, *const Buffer, usize, u64) -> u32;
    fn http_get_cluster_name(Pointer, *mut Buffer) -> bool;
    fn http_get_filter_state_bytes(Pointer, Buffer, *mut Buffer) -> bool;
    fn http_get_header(Pointer, u32, Buffer, *mut Buffer, usize, *mut usize) -> bool;
    fn http_get_headers(Pointer, u32, *mut Header) -> bool;
    fn http_get_headers_size(Pointer, u32) -> usize;
    fn http_get_metadata_number(Pointer, u32, Buffer, Buffer, *mut f64) -> bool;
    fn http_get_metadata_string(Pointer, u32, Buffer, Buffer, *mut Buffer) -> bool;
    fn http_get_timing_info(Pointer, *mut Timing);
    fn http_set_filter_state_bytes(Pointer, Buffer, Buffer) -> bool;
    fn http_set_header(Pointer, u32, Buffer, Buffer) -> bool;
    fn is_validation_mode() -> bool;
}

/// The only function that exists in every release that loads the module: the refusal is written with it.
pub(super) type Log = unsafe extern "C" fn(u32, Buffer);

/// Returns Envoy's functions; the error is the name of one that this Envoy lacks.
pub(super) fn imports() -> Result<&'static Imports, &'static str> {
    static IMPORTS: OnceLock<Result<Imports, &str>> = OnceLock::new();
    IMPORTS.get_or_init(Imports::resolve).as_ref().map_err(|missing| *missing)
}

/// Returns Envoy's function that writes to its log.
pub(super) fn log_function() -> Option<Log> {
    static LOG: OnceLock<Option<Log>> = OnceLock::new();
    *LOG.get_or_init(|| {
        let symbol = find("envoy_dynamic_module_callback_log\0");
        // SAFETY: Envoy's function of this name has this signature; null becomes `None`.
        unsafe { core::mem::transmute::<*mut c_void, Option<Log>>(symbol) }
    })
}

/// Returns the address of a function in this process, null if there is none. The name ends with NUL.
fn find(name: &str) -> *mut c_void {
    let Ok(name) = CStr::from_bytes_with_nul(name.as_bytes()) else { return core::ptr::null_mut() };
    // SAFETY: the name ends with NUL, and a null handle means all of the process.
    unsafe { dlsym(core::ptr::null_mut(), name.as_ptr()) }
}
