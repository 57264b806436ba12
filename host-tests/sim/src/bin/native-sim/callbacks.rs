//! Envoy's functions for native modules, as far as the module needs them.
//!
//! A pointer to a filter or logger is one to its exchange; metrics are taken and forgotten.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::exchange::Exchange;

pub(crate) type Pointer = *mut c_void;

/// Text that either side lends.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Buffer {
    pointer: *const c_char,
    length: usize,
}

impl Buffer {
    /// Lends bytes for one call.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { pointer: bytes.as_ptr().cast(), length: bytes.len() }
    }

    /// Returns the text that a module lends.
    ///
    /// # Safety
    ///
    /// The buffer must be the module's, during a call.
    unsafe fn text<'a>(self) -> &'a str {
        if self.length == 0 {
            return "";
        }
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(self.pointer.cast::<u8>(), self.length) };
        std::str::from_utf8(bytes).expect("UTF-8")
    }
}

/// A header that Envoy lends.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Header {
    name: Buffer,
    value: Buffer,
}

/// The times of an exchange for a filter.
#[repr(C)]
struct Timing {
    nanoseconds: [i64; 19],
    is_known: [bool; 19],
}

static LOG: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());
/// True if the module has asked to be called back on the main thread.
pub(crate) static COMMITTED: AtomicBool = AtomicBool::new(false);

/// Returns the lines logged since the last call, each with its level.
pub(crate) fn take_log() -> Vec<(u32, String)> {
    std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Returns the records logged since the last call.
pub(crate) fn take_records() -> Vec<String> {
    let record = |(_, line): (u32, String)| line.strip_prefix("nearmiss {").map(|rest| format!("{{{rest}"));
    take_log().into_iter().filter_map(record).collect()
}

/// Returns the exchange of a filter or logger.
///
/// # Safety
///
/// The pointer must be one that the module got of an exchange that is alive.
unsafe fn exchange<'a>(pointer: Pointer) -> &'a Exchange {
    // SAFETY: the caller's promise.
    unsafe { &*pointer.cast::<Exchange>() }
}

/// Writes a value where a module wants it; returns false if there is none.
///
/// # Safety
///
/// The pointer must be valid for writes.
unsafe fn give<T>(value: Option<T>, out: *mut T) -> bool {
    // SAFETY: the caller's promise.
    value.map(|value| unsafe { out.write(value) }).is_some()
}

fn lend(text: Option<&str>) -> Option<Buffer> {
    text.map(|text| Buffer::of(text.as_bytes()))
}

/// Defines functions for which the module vouches: its pointers are valid, and those to exchanges are ours.
macro_rules! callbacks {
    ($($name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)? $body:block)*) => {
        $(
            #[unsafe(no_mangle)]
            #[allow(unused_unsafe, unused_variables, reason = "some take nothing of what they are given")]
            unsafe extern "C" fn $name($($argument: $kind),*) $(-> $result)? {
                // SAFETY: the module vouches for its pointers; those to exchanges are ours.
                unsafe { $body }
            }
        )*
    };
}

/// Returns the number of a new metric.
fn new_metric(out: *mut usize) -> u32 {
    static METRICS: AtomicUsize = AtomicUsize::new(1);
    // SAFETY: the module lends a place for the number.
    unsafe { out.write(METRICS.fetch_add(1, Relaxed)) };
    0
}

callbacks! {
    envoy_dynamic_module_callback_log(level: u32, line: Buffer) {
        let line = line.text().to_owned();
        LOG.lock().unwrap_or_else(PoisonError::into_inner).push((level, line));
    }
    envoy_dynamic_module_callback_get_concurrency() -> u32 { 1 }
    envoy_dynamic_module_callback_is_validation_mode() -> bool { false }

    envoy_dynamic_module_callback_http_filter_config_define_counter(
        config: Pointer, name: Buffer, labels: *const Buffer, count: usize, out: *mut usize
    ) -> u32 { new_metric(out) }
    envoy_dynamic_module_callback_http_filter_config_define_histogram(
        config: Pointer, name: Buffer, labels: *const Buffer, count: usize, out: *mut usize
    ) -> u32 { new_metric(out) }
    envoy_dynamic_module_callback_http_filter_config_increment_counter(
        config: Pointer, id: usize, labels: *const Buffer, count: usize, by: u64
    ) -> u32 { 0 }
    envoy_dynamic_module_callback_http_filter_record_histogram_value(
        filter: Pointer, id: usize, labels: *const Buffer, count: usize, value: u64
    ) -> u32 { 0 }
    envoy_dynamic_module_callback_http_filter_config_http_callout(
        config: Pointer, call: *mut u64, cluster: Buffer, headers: *const Header, count: usize, body: Buffer, timeout: u64
    ) -> u32 { 2 }
    envoy_dynamic_module_callback_http_filter_config_scheduler_new(config: Pointer) -> Pointer {
        (&raw const COMMITTED).cast_mut().cast()
    }
    envoy_dynamic_module_callback_http_filter_config_scheduler_delete(scheduler: Pointer) {}
    envoy_dynamic_module_callback_http_filter_config_scheduler_commit(scheduler: Pointer, event: u64) {
        COMMITTED.store(true, Relaxed);
    }
    envoy_dynamic_module_callback_http_filter_get_worker_index(filter: Pointer) -> u32 { 0 }
    envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: Pointer, attribute: u32, out: *mut Buffer
    ) -> bool { give(lend(exchange(filter).text(attribute)), out) }
    envoy_dynamic_module_callback_http_filter_get_attribute_int(
        filter: Pointer, attribute: u32, out: *mut u64
    ) -> bool { give(exchange(filter).integer(attribute), out) }
    envoy_dynamic_module_callback_http_get_cluster_name(filter: Pointer, out: *mut Buffer) -> bool {
        give(lend(exchange(filter).stream.cluster.as_deref()), out)
    }
    envoy_dynamic_module_callback_http_get_timing_info(filter: Pointer, out: *mut Timing) {
        let exchange = exchange(filter);
        let mut timing = Timing { nanoseconds: [0; 19], is_known: [false; 19] };
        let mut set = |index: usize, nanoseconds: i64| {
            (timing.nanoseconds[index], timing.is_known[index]) = (nanoseconds, true);
        };
        set(0, exchange.start_ns);
        set(17, exchange.duration_ns());
        if let Some(latency) = exchange.backend_latency_ns() {
            set(9, 0);
            set(13, latency);
        }
        out.write(timing);
    }
    envoy_dynamic_module_callback_http_get_headers_size(filter: Pointer, map: u32) -> usize {
        exchange(filter).headers(map).map_or(0, Vec::len)
    }
    envoy_dynamic_module_callback_http_get_headers(filter: Pointer, map: u32, out: *mut Header) -> bool {
        let headers = exchange(filter).headers(map);
        for (index, (name, value)) in headers.into_iter().flatten().enumerate() {
            out.add(index).write(Header { name: Buffer::of(name), value: Buffer::of(value) });
        }
        headers.is_some()
    }
    envoy_dynamic_module_callback_http_get_header(
        filter: Pointer, map: u32, name: Buffer, out: *mut Buffer, index: usize, count: *mut usize
    ) -> bool {
        let found = exchange(filter).headers(map).into_iter().flatten();
        let mut found = found.filter(|(known, _)| known == name.text().as_bytes());
        give(found.nth(index).map(|(_, value)| Buffer::of(value)), out)
    }
    envoy_dynamic_module_callback_http_get_metadata_number(
        filter: Pointer, source: u32, namespace: Buffer, key: Buffer, out: *mut f64
    ) -> bool {
        let is_limit = (source, namespace.text(), key.text()) == (1, "nearmiss", "max_attempts");
        give(exchange(filter).stream.max_attempts.filter(|_| is_limit), out)
    }
    envoy_dynamic_module_callback_http_get_metadata_string(
        filter: Pointer, source: u32, namespace: Buffer, key: Buffer, out: *mut Buffer
    ) -> bool {
        let is_tier = (source, namespace.text(), key.text()) == (3, "nearmiss", "tier");
        give(lend(exchange(filter).stream.tier.as_deref().filter(|_| is_tier)), out)
    }
    envoy_dynamic_module_callback_http_get_filter_state_bytes(
        filter: Pointer, key: Buffer, out: *mut Buffer
    ) -> bool {
        let value = exchange(filter).stream.filter_state.get(key.text());
        give(value.map(|value| Buffer::of(value)), out)
    }
    envoy_dynamic_module_callback_http_set_filter_state_bytes(
        filter: Pointer, key: Buffer, value: Buffer
    ) -> bool {
        let state = &mut (*filter.cast::<Exchange>()).stream.filter_state;
        state.insert(key.text().to_owned(), value.text().as_bytes().to_vec());
        true
    }
    envoy_dynamic_module_callback_http_set_header(filter: Pointer, map: u32, name: Buffer, value: Buffer) -> bool {
        panic!("no scenario asks for headers");
    }

    envoy_dynamic_module_callback_access_logger_config_define_counter(
        config: Pointer, name: Buffer, out: *mut usize
    ) -> u32 { new_metric(out) }
    envoy_dynamic_module_callback_access_logger_config_define_histogram(
        config: Pointer, name: Buffer, out: *mut usize
    ) -> u32 { new_metric(out) }
    envoy_dynamic_module_callback_access_logger_increment_counter(config: Pointer, id: usize, by: u64) -> u32 { 0 }
    envoy_dynamic_module_callback_access_logger_record_histogram_value(config: Pointer, id: usize, value: u64) -> u32 { 0 }
    envoy_dynamic_module_callback_access_logger_get_worker_index(logger: Pointer) -> u32 { 0 }
    envoy_dynamic_module_callback_access_logger_get_attribute_string(
        logger: Pointer, attribute: u32, out: *mut Buffer
    ) -> bool { give(lend(exchange(logger).text(attribute)), out) }
    envoy_dynamic_module_callback_access_logger_get_attribute_int(
        logger: Pointer, attribute: u32, out: *mut u64
    ) -> bool { give(exchange(logger).integer(attribute), out) }
    envoy_dynamic_module_callback_access_logger_get_upstream_cluster(logger: Pointer, out: *mut Buffer) -> bool {
        give(lend(exchange(logger).stream.cluster.as_deref()), out)
    }
    envoy_dynamic_module_callback_access_logger_get_response_flags(logger: Pointer) -> u64 {
        exchange(logger).stream.flags
    }
    envoy_dynamic_module_callback_access_logger_get_timing_info(logger: Pointer, out: *mut [i64; 8]) {
        let exchange = exchange(logger);
        let (sent, received) = match exchange.backend_latency_ns() {
            Some(latency) => (0, latency),
            None => (-1, -1),
        };
        out.write([exchange.start_ns, exchange.duration_ns(), sent, -1, -1, received, -1, -1]);
    }
    envoy_dynamic_module_callback_access_logger_get_headers_size(logger: Pointer, map: u32) -> usize {
        exchange(logger).headers(map).map_or(0, Vec::len)
    }
    envoy_dynamic_module_callback_access_logger_get_headers(logger: Pointer, map: u32, out: *mut Header) -> bool {
        envoy_dynamic_module_callback_http_get_headers(logger, map, out)
    }
    envoy_dynamic_module_callback_access_logger_get_header_value(
        logger: Pointer, map: u32, name: Buffer, out: *mut Buffer, index: usize, count: *mut usize
    ) -> bool { envoy_dynamic_module_callback_http_get_header(logger, map, name, out, index, count) }
}
