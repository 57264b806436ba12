//! The data and services that Envoy lends a configuration: its log, its metrics and its main thread.

use super::imports::{Imports, imports, log_function};
use super::types::{Buffer, Header, Pointer};
use core::cell::Cell;
use nearmiss_envoy_config::CollectorConfig;
use nearmiss_envoy_exchange::outlet::{Outlet, headers};

/// The level of a line in Envoy's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum LogLevel {
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Writes a line to Envoy's log, from any thread.
pub(crate) fn log(level: LogLevel, line: &str) {
    if let Some(log) = log_function() {
        // SAFETY: the line is valid for reads during the call, and Envoy's log may be written by any thread.
        unsafe { log(level as u32, Buffer::of(line.as_bytes())) };
    }
}

/// A counter of one configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CounterId(usize);

/// A histogram of one configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramId(pub(super) usize);

/// Envoy's side of a filter's configuration, with its way to the main thread.
#[derive(Debug)]
pub(crate) struct FilterConfig {
    imports: &'static Imports,
    envoy: Pointer,
    scheduler: Pointer,
}

// SAFETY: Envoy's statistics may be used by any thread of Envoy's, and the scheduler by any thread. The pointers are valid until
// the configuration is destroyed, and its owner drops this value by then.
unsafe impl Send for FilterConfig {}
// SAFETY: as above; no call changes the value itself.
unsafe impl Sync for FilterConfig {}

impl FilterConfig {
    /// Takes Envoy's pointer to a configuration that is being created, on the main thread.
    ///
    /// # Safety
    ///
    /// The pointer must be Envoy's, and valid until this value is dropped.
    pub(super) unsafe fn new(imports: &'static Imports, envoy: Pointer) -> Self {
        // SAFETY: the caller vouches for the pointer.
        let scheduler = unsafe { (imports.http_filter_config_scheduler_new)(envoy) };
        Self { imports, envoy, scheduler }
    }

    /// Defines a counter with labels; only while the configuration is created.
    pub(crate) fn define_counter(&self, name: &str, labels: &[&str]) -> Option<CounterId> {
        self.define(self.imports.http_filter_config_define_counter, name, labels).map(CounterId)
    }

    /// Defines a histogram with labels; only while the configuration is created.
    pub(crate) fn define_histogram(&self, name: &str, labels: &[&str]) -> Option<HistogramId> {
        self.define(self.imports.http_filter_config_define_histogram, name, labels).map(HistogramId)
    }

    fn define(
        &self,
        define: unsafe extern "C" fn(Pointer, Buffer, *const Buffer, usize, *mut usize) -> u32,
        name: &str,
        labels: &[&str],
    ) -> Option<usize> {
        let labels: Vec<Buffer> = labels.iter().map(|label| Buffer::of(label.as_bytes())).collect();
        let (name, mut id) = (Buffer::of(name.as_bytes()), 0);
        // SAFETY: name and labels are valid for reads and the out-pointer for writes during the call.
        let status = unsafe { define(self.envoy, name, labels.as_ptr(), labels.len(), &raw mut id) };
        (status == 0).then_some(id)
    }

    /// Adds to the counter with these values of its labels. Only a thread of Envoy's may call it.
    pub(crate) fn increment(&self, counter: CounterId, labels: &[&str], by: u64) {
        let mut values = [Buffer::EMPTY; 2];
        let count = labels.len().min(values.len());
        values.iter_mut().zip(labels).for_each(|(value, label)| *value = Buffer::of(label.as_bytes()));
        // SAFETY: the values are valid for reads during the call.
        unsafe {
            (self.imports.http_filter_config_increment_counter)(
                self.envoy,
                counter.0,
                values.as_ptr(),
                count,
                by,
            );
        }
    }

    /// Returns the number of a call, which no other configuration has while it runs: Envoy counts them for each.
    pub(crate) fn call_number(&self, call: u64) -> u64 {
        (self.envoy as u64).wrapping_add(call)
    }

    /// Asks Envoy to call the configuration back on the main thread. Any thread may call it.
    pub(crate) fn call_back(&self) {
        if !self.scheduler.is_null() {
            // SAFETY: the scheduler is alive until this value is dropped, and may be used by any thread.
            unsafe { (self.imports.http_filter_config_scheduler_commit)(self.scheduler, 0) };
        }
    }
}

thread_local! {
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

/// Returns true while this thread makes a call. Its hook must not run then: the locks of the caller are held.
pub(super) fn is_calling() -> bool {
    IS_CALLING.get()
}

/// Only the main thread may make a call.
impl Outlet for FilterConfig {
    fn log(&self, line: &str) {
        log(LogLevel::Info, line);
    }

    fn warn(&self, line: &str) {
        log(LogLevel::Warn, line);
    }

    fn call(&self, collector: &CollectorConfig, batch: &[u8]) -> Option<u64> {
        let pair = |(name, value): (&str, &str)| Header {
            name: Buffer::of(name.as_bytes()),
            value: Buffer::of(value.as_bytes()),
        };
        let (headers, mut call) = (headers(collector).map(pair), 0);
        IS_CALLING.set(true);
        // SAFETY: all texts are valid for reads and the out-pointer for writes during the call, which copies what it sends.
        let result = unsafe {
            (self.imports.http_filter_config_http_callout)(
                self.envoy,
                &raw mut call,
                Buffer::of(collector.cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::of(batch),
                collector.timeout.get() / 1_000,
            )
        };
        IS_CALLING.set(false);
        (result == 0).then(|| self.call_number(call))
    }
}

impl Drop for FilterConfig {
    fn drop(&mut self) {
        if !self.scheduler.is_null() {
            // SAFETY: nothing uses the scheduler after this.
            unsafe { (self.imports.http_filter_config_scheduler_delete)(self.scheduler) };
        }
    }
}

/// Envoy's side of an access logger's configuration.
#[derive(Debug)]
pub(crate) struct LoggerConfig {
    imports: &'static Imports,
    envoy: Pointer,
}

// SAFETY: Envoy's statistics may be used by any thread of Envoy's. The pointer is valid until the configuration is destroyed, and
// its owner drops this value by then.
unsafe impl Send for LoggerConfig {}
// SAFETY: as above; no call changes the value itself.
unsafe impl Sync for LoggerConfig {}

impl LoggerConfig {
    /// Takes Envoy's pointer to a configuration that is being created, on the main thread.
    ///
    /// # Safety
    ///
    /// The pointer must be Envoy's, and valid until this value is dropped.
    pub(super) const unsafe fn new(imports: &'static Imports, envoy: Pointer) -> Self {
        Self { imports, envoy }
    }

    /// Defines a counter; only while the configuration is created.
    pub(crate) fn define_counter(&self, name: &str) -> Option<CounterId> {
        self.define(self.imports.access_logger_config_define_counter, name).map(CounterId)
    }

    /// Defines a histogram; only while the configuration is created.
    pub(crate) fn define_histogram(&self, name: &str) -> Option<HistogramId> {
        self.define(self.imports.access_logger_config_define_histogram, name).map(HistogramId)
    }

    fn define(
        &self,
        define: unsafe extern "C" fn(Pointer, Buffer, *mut usize) -> u32,
        name: &str,
    ) -> Option<usize> {
        let mut id = 0;
        // SAFETY: the name is valid for reads and the out-pointer for writes during the call.
        let status = unsafe { define(self.envoy, Buffer::of(name.as_bytes()), &raw mut id) };
        (status == 0).then_some(id)
    }

    /// Adds to a counter. Any thread may call it: counters without labels are atomic numbers.
    pub(crate) fn increment(&self, counter: CounterId, by: u64) {
        // SAFETY: no memory is involved but Envoy's.
        unsafe { (self.imports.access_logger_increment_counter)(self.envoy, counter.0, by) };
    }

    /// Records a value in a histogram. Only a thread of Envoy's may call it.
    pub(crate) fn record(&self, histogram: HistogramId, value: u64) {
        // SAFETY: no memory is involved but Envoy's.
        unsafe { (self.imports.access_logger_record_histogram_value)(self.envoy, histogram.0, value) };
    }
}

/// Returns the number of workers, or the name of the function that this Envoy lacks. Only the main thread may call it.
pub(super) fn workers(imports: &Imports) -> usize {
    // SAFETY: the function takes nothing; the caller is a hook on the main thread.
    unsafe { (imports.get_concurrency)() as usize }
}

/// Returns true if Envoy only validates its configuration. Only the main thread may call it.
pub(super) fn is_validation(imports: &Imports) -> bool {
    // SAFETY: the function takes nothing; the caller is a hook on the main thread.
    unsafe { (imports.is_validation_mode)() }
}

/// Returns Envoy's functions; without one of them, says so in Envoy's log.
pub(super) fn imports_or_refuse() -> Option<&'static Imports> {
    imports()
        .map_err(|missing| {
            log(
                LogLevel::Error,
                &format!(
                    "nearmiss: this module needs Envoy 1.40 or later; this Envoy has no `{missing}`, so the module is refused: \
                     use the wasm module instead"
                ),
            );
        })
        .ok()
}
