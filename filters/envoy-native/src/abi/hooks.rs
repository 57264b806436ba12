//! The hooks: the functions that Envoy calls.
//!
//! A hook that exists in Envoy's list and has nothing to do here is exported too, because Envoy refuses a module that lacks it.

use super::config::{
    FilterConfig, LogLevel, LoggerConfig, imports_or_refuse, is_calling, is_validation, log, workers,
};
use super::guard::guarded;
use super::imports::{Imports, imports};
use super::logged_stream::LoggedStream;
use super::response::Response;
use super::stream::HttpStream;
use super::types::{Buffer, Header, Pointer, array};
use crate::attachment::Attachment;
use crate::attachments::{attach_filter, attach_logger, detach, parse};
use crate::http::Filter;
use crate::report_thread;
use core::cell::OnceCell;
use core::ffi::{CStr, c_char};
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::config::PluginConfig;
use std::sync::Arc;

/// The version of the interface that the module was written for; Envoy logs another one of its own.
const VERSION: &CStr = c"v0.2.0";
/// The decision of a filter on a stream: it goes on.
const CONTINUE: u32 = 0;

/// Runs once, when Envoy loads the module.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    VERSION.as_ptr()
}

/// Returns what stands for a filter or logger that could not be created: Envoy would end an exchange for want of a filter.
fn nothing() -> Pointer {
    static NOTHING: u8 = 0;
    (&raw const NOTHING).cast_mut().cast()
}

/// Parses a configuration; an error goes to Envoy's log, in one readable line.
fn configured(text: &[u8]) -> Option<PluginConfig> {
    parse(text).map_err(|error| refuse(&error.to_string())).ok()
}

/// Writes the reason why a configuration is refused to Envoy's log.
fn refuse(reason: &str) {
    const MAX: usize = 500;
    let line = format!("nearmiss: {reason}");
    log(LogLevel::Error, line.get(..line.floor_char_boundary(MAX)).unwrap_or(&line));
}

/// Starts what a configuration needs, unless Envoy only validates it.
fn start(imports: &Imports) {
    if !is_validation(imports) {
        report_thread::start();
    }
}

fn into_pointer(attachment: Arc<Attachment>) -> Pointer {
    Arc::into_raw(attachment).cast_mut().cast()
}

/// Returns an attachment in Envoy's hands.
///
/// # Safety
///
/// The pointer must be of [`into_pointer`], and its configuration must not have been destroyed.
const unsafe fn attachment<'a>(pointer: Pointer) -> &'a Attachment {
    // SAFETY: the caller vouches for the pointer.
    unsafe { &*pointer.cast_const().cast::<Attachment>() }
}

/// Ends an attachment that Envoy gives back; it ends even if the hook panics.
///
/// # Safety
///
/// The pointer must be of [`into_pointer`], and not used after this.
unsafe fn take_back(hook: &'static str, pointer: Pointer) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: the caller vouches for the pointer.
    let attachment = unsafe { Arc::from_raw(pointer.cast_const().cast::<Attachment>()) };
    guarded(hook, (), || detach(&attachment));
}

// --- HTTP filter ---

/// A filter of one exchange or attempt, in Envoy's hands.
struct FilterObject {
    imports: &'static Imports,
    /// The attachment, which Envoy keeps as long as it has filters.
    config: Pointer,
    /// Envoy's filter.
    envoy: Pointer,
    filter: Filter,
}

/// Creates a configuration of the filter; null refuses it.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    envoy: Pointer,
    name: Buffer,
    config: Buffer,
) -> Pointer {
    guarded("config_new", core::ptr::null_mut(), || {
        let Some(imports) = imports_or_refuse() else { return core::ptr::null_mut() };
        // SAFETY: Envoy lends both texts while the hook runs.
        let (name, config) = unsafe { (name.bytes(), config.bytes()) };
        let Some(config) = configured(config) else { return core::ptr::null_mut() };
        let is_upstream = config.envoy.attach == Attach::Upstream;
        // SAFETY: Envoy's configuration lives until its hook `config_destroy`, which drops this value.
        let envoy = unsafe { FilterConfig::new(imports, envoy) };
        let attached = attach_filter(&String::from_utf8_lossy(name), config, workers(imports), envoy);
        if !is_upstream {
            start(imports);
        }
        into_pointer(attached)
    })
}

/// Ends a configuration.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: Pointer) {
    // SAFETY: Envoy gives back what `config_new` returned, once, after all filters of it.
    unsafe { take_back("config_destroy", config) };
}

/// Hands the counts over and sends records, on the main thread.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    _envoy: Pointer,
    config: Pointer,
    _event: u64,
) {
    // SAFETY: Envoy calls only configurations that it has not destroyed.
    guarded("config_scheduled", (), || unsafe { attachment(config) }.on_scheduled());
}

/// Takes the response of a collector, on the main thread.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
    _envoy: Pointer,
    config: Pointer,
    call: u64,
    _result: u32,
    headers: *const Header,
    header_count: usize,
    pieces: *const Buffer,
    piece_count: usize,
) {
    if is_calling() {
        // The call has ended before it returns; it is given up after its timeout.
        return;
    }
    guarded("callout_done", (), || {
        // SAFETY: Envoy lends both arrays while the hook runs; they are empty if the call has failed.
        let response = unsafe { Response::new(array(headers, header_count), array(pieces, piece_count)) };
        // SAFETY: Envoy calls only configurations that it has not destroyed.
        unsafe { attachment(config) }.on_response(call, &response);
    });
}

/// Creates the filter of an exchange or attempt.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_new(config: Pointer, envoy: Pointer) -> Pointer {
    guarded("filter_new", nothing(), || {
        let Ok(imports) = imports() else { return nothing() };
        // SAFETY: Envoy passes a configuration and a filter that are alive.
        let (attachment, stream) = unsafe { (attachment(config), HttpStream::new(imports, envoy)) };
        let filter = Filter::new(attachment, &stream);
        Box::into_raw(Box::new(FilterObject { imports, config, envoy, filter })).cast()
    })
}

/// Runs the body of a filter's hook.
fn with_filter(
    hook: &'static str,
    object: Pointer,
    body: impl FnOnce(&mut Filter, &Attachment, &HttpStream),
) {
    if object == nothing() {
        return;
    }
    guarded(hook, (), || {
        // SAFETY: Envoy passes what `filter_new` returned, on the filter's own thread and not after `filter_destroy`. No hook
        // ends its stream, so none runs within another one of the same filter.
        if let Some(object) = unsafe { object.cast::<FilterObject>().as_mut() } {
            // SAFETY: Envoy keeps configuration and filter while it has the object.
            let (attachment, stream) =
                unsafe { (attachment(object.config), HttpStream::new(object.imports, object.envoy)) };
            body(&mut object.filter, attachment, &stream);
        }
    });
}

/// Begins the exchange or attempt.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    _envoy: Pointer,
    filter: Pointer,
    _is_end: bool,
) -> u32 {
    with_filter("request_headers", filter, Filter::on_request_headers);
    CONTINUE
}

/// Reads the response headers.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    _envoy: Pointer,
    filter: Pointer,
    _is_end: bool,
) -> u32 {
    with_filter("response_headers", filter, Filter::on_response_headers);
    CONTINUE
}

/// Reads the response trailers.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(_envoy: Pointer, filter: Pointer) -> u32 {
    with_filter("response_trailers", filter, Filter::on_response_trailers);
    CONTINUE
}

/// Observes the exchange, or ends the attempt.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(_envoy: Pointer, filter: Pointer) {
    with_filter("stream_complete", filter, Filter::on_stream_complete);
}

/// Deletes the filter.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: Pointer) {
    with_filter("filter_destroy", filter, |filter, _, _| filter.on_destroy());
    if !filter.is_null() && filter != nothing() {
        // SAFETY: Envoy gives back what `filter_new` returned, once.
        drop(unsafe { Box::from_raw(filter.cast::<FilterObject>()) });
    }
}

/// Lets data and trailers pass.
macro_rules! passing_hooks {
    ($($name:ident($($kind:ty),*);)*) => {
        $(
            /// Lets the exchange go on.
            #[unsafe(no_mangle)]
            extern "C" fn $name($(_: $kind),*) -> u32 {
                CONTINUE
            }
        )*
    };
}

passing_hooks! {
    envoy_dynamic_module_on_http_filter_request_body(Pointer, Pointer, bool);
    envoy_dynamic_module_on_http_filter_request_trailers(Pointer, Pointer);
    envoy_dynamic_module_on_http_filter_response_body(Pointer, Pointer, bool);
}

/// Hooks for calls that the module never makes.
macro_rules! unused_hooks {
    ($($name:ident($($kind:ty),*);)*) => {
        $(
            /// Does nothing.
            #[unsafe(no_mangle)]
            extern "C" fn $name($(_: $kind),*) {}
        )*
    };
}

unused_hooks! {
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(Pointer, Pointer);
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(Pointer, Pointer);
    envoy_dynamic_module_on_http_filter_http_callout_done(Pointer, Pointer, u64, u32, Pointer, usize, Pointer, usize);
    envoy_dynamic_module_on_http_filter_http_stream_complete(Pointer, Pointer, u64);
    envoy_dynamic_module_on_http_filter_http_stream_data(Pointer, Pointer, u64, Pointer, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_headers(Pointer, Pointer, u64, Pointer, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_reset(Pointer, Pointer, u64, u32);
    envoy_dynamic_module_on_http_filter_http_stream_trailers(Pointer, Pointer, u64, Pointer, usize);
    envoy_dynamic_module_on_http_filter_scheduled(Pointer, Pointer, u64);
}

// --- access logger ---

/// A logger of one thread, in Envoy's hands.
struct LoggerObject {
    imports: &'static Imports,
    /// The attachment, which Envoy keeps as long as it has loggers.
    config: Pointer,
    /// The index of the thread's worker, once it has been read.
    worker: OnceCell<usize>,
}

/// The types of log entries that end an exchange, a connection or an attempt: not set, connection, exchange, attempt.
const FINAL_TYPES: [u32; 4] = [0, 3, 6, 9];

/// Creates a configuration of the logger; null refuses it.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_config_new(
    envoy: Pointer,
    name: Buffer,
    config: Buffer,
) -> Pointer {
    guarded("logger_config_new", core::ptr::null_mut(), || {
        let Some(imports) = imports_or_refuse() else { return core::ptr::null_mut() };
        // SAFETY: Envoy lends both texts while the hook runs.
        let (name, config) = unsafe { (name.bytes(), config.bytes()) };
        let Some(config) = configured(config) else { return core::ptr::null_mut() };
        if config.envoy.collector.is_some() {
            refuse(
                "`envoy.collector`: Envoy makes no HTTP calls for an access logger; attach the module as an HTTP filter, or remove \
                 the field, and records go to Envoy's log",
            );
            return core::ptr::null_mut();
        }
        // SAFETY: Envoy's configuration lives until its hook `config_destroy`, after which nothing uses this value.
        let envoy = unsafe { LoggerConfig::new(imports, envoy) };
        let attached = attach_logger(&String::from_utf8_lossy(name), config, workers(imports), envoy);
        start(imports);
        into_pointer(attached)
    })
}

/// Ends a configuration.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_config_destroy(config: Pointer) {
    // SAFETY: Envoy gives back what `config_new` returned, once, after all loggers of it.
    unsafe { take_back("logger_config_destroy", config) };
}

/// Creates the logger of a thread.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_new(config: Pointer, _envoy: Pointer) -> Pointer {
    guarded("logger_new", nothing(), || {
        let Ok(imports) = imports() else { return nothing() };
        Box::into_raw(Box::new(LoggerObject { imports, config, worker: OnceCell::new() })).cast()
    })
}

/// Observes an exchange.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_log(envoy: Pointer, logger: Pointer, entry: u32) {
    if !FINAL_TYPES.contains(&entry) || logger == nothing() {
        return;
    }
    guarded("log", (), || {
        // SAFETY: Envoy passes what `logger_new` returned, and not after `logger_destroy`.
        let Some(object) = (unsafe { logger.cast::<LoggerObject>().as_ref() }) else { return };
        // SAFETY: Envoy keeps the configuration while it has the logger, and the logger while the hook runs.
        let (attachment, stream) =
            unsafe { (attachment(object.config), LoggedStream::new(object.imports, envoy)) };
        let worker = object.worker.get_or_init(|| stream.worker());
        attachment.observe_logged(&stream, *worker);
    });
}

/// Deletes the logger of a thread.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_destroy(logger: Pointer) {
    if !logger.is_null() && logger != nothing() {
        // SAFETY: Envoy gives back what `logger_new` returned, once.
        drop(unsafe { Box::from_raw(logger.cast::<LoggerObject>()) });
    }
}
