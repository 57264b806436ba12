//! The data that Envoy lends of one exchange to an access logger.

use super::config::{LogLevel, log};
use super::imports::Imports;
use super::stream::{Headers, Lent, Times, header_map, micros, now};
use super::types::{Buffer, LoggedTiming, Pointer, attribute};
use crate::counted::Start;
use nearmiss::Timestamp;
use nearmiss_envoy_config::Mode;
use nearmiss_envoy_exchange::attributes::Attributes;
use nearmiss_envoy_exchange::host::{Host, Map, Metadata, Number, State, Text};

/// An exchange that an access logger sees, during one hook.
#[derive(Debug)]
pub(crate) struct LoggedStream {
    imports: &'static Imports,
    logger: Pointer,
}

impl LoggedStream {
    /// Takes Envoy's pointer to a logger, for one hook.
    ///
    /// # Safety
    ///
    /// The pointer must be Envoy's, and valid until this value is dropped.
    pub(super) const unsafe fn new(imports: &'static Imports, logger: Pointer) -> Self {
        Self { imports, logger }
    }

    /// Reads the times of the exchange.
    pub(crate) fn times(&self) -> Times {
        let timing = self.timing();
        Times {
            start: Start(u64::try_from(timing.start_unix).unwrap_or_default()),
            duration: u64::try_from(timing.request_complete).ok().map(micros),
        }
    }

    /// Reads the attributes of the exchange.
    pub(crate) fn attributes(&self, mode: Mode, times: Times) -> Attributes<'_> {
        self.read_attributes(mode, times)
    }

    /// Returns the index of the worker.
    pub(crate) fn worker(&self) -> usize {
        // SAFETY: the logger is valid.
        unsafe { (self.imports.access_logger_get_worker_index)(self.logger) as usize }
    }

    fn timing(&self) -> LoggedTiming {
        let mut timing = LoggedTiming::UNKNOWN;
        // SAFETY: the logger is valid, and the out-pointer is valid for writes during the call.
        unsafe { (self.imports.access_logger_get_timing_info)(self.logger, &raw mut timing) };
        timing
    }
}

/// Envoy lends an access logger neither the metadata of hosts and routes nor the filter state.
impl Host for LoggedStream {
    type Headers<'a> = Headers<'a>;

    fn now(&self) -> Option<Timestamp> {
        Some(now())
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        match text {
            Text::Cluster => {
                // SAFETY: the logger is valid, and the out-pointer is valid for writes during the call.
                self.lent(|out| unsafe {
                    (self.imports.access_logger_get_upstream_cluster)(self.logger, out)
                })
            }
            Text::UpstreamAddress => self.attribute(attribute::UPSTREAM_ADDRESS),
            Text::TransportFailure => self.attribute(attribute::TRANSPORT_FAILURE_REASON),
            Text::CodeDetails => self.attribute(attribute::RESPONSE_CODE_DETAILS),
        }
    }

    fn number(&self, number: Number) -> Option<u64> {
        match number {
            Number::Attempts => self.integer(attribute::REQUEST_ATTEMPT_COUNT),
            // SAFETY: the logger is valid.
            Number::Flags => Some(unsafe { (self.imports.access_logger_get_response_flags)(self.logger) }),
            Number::Status => self.integer(attribute::RESPONSE_CODE),
            Number::ResponseSize => self.integer(attribute::RESPONSE_SIZE),
            Number::BackendLatency => {
                let timing = self.timing();
                let first = u64::try_from(timing.first_upstream_sent).ok()?;
                u64::try_from(timing.last_upstream_received).ok()?.checked_sub(first)
            }
        }
    }

    fn headers(&self, map: Map) -> Option<Headers<'_>> {
        let map = header_map(map);
        // SAFETY: the logger is valid.
        let count = unsafe { (self.imports.access_logger_get_headers_size)(self.logger, map) };
        // SAFETY: the logger is valid, and the array has room for all headers, whose number has not changed.
        Headers::read(count, |pairs| unsafe {
            (self.imports.access_logger_get_headers)(self.logger, map, pairs)
        })
    }

    fn header(&self, map: Map, name: &str) -> Option<&[u8]> {
        let (map, name) = (header_map(map), Buffer::of(name.as_bytes()));
        // SAFETY: the logger is valid, the name for reads and the out-pointer for writes during the call.
        self.lent(|out| unsafe {
            (self.imports.access_logger_get_header_value)(
                self.logger,
                map,
                name,
                out,
                0,
                core::ptr::null_mut(),
            )
        })
    }

    fn metadata<R>(&self, _metadata: Metadata, _read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        None
    }

    fn filter_state(&self, _state: State) -> Option<&[u8]> {
        None
    }

    fn set_filter_state(&self, _state: State, _value: &[u8]) {}

    fn warn(&self, message: &str) {
        log(LogLevel::Warn, message);
    }
}

impl Lent for LoggedStream {
    fn write_attribute(&self, id: u32, out: &mut Buffer) -> bool {
        // SAFETY: the logger is valid, and the out-pointer is valid for writes during the call.
        unsafe { (self.imports.access_logger_get_attribute_string)(self.logger, id, out) }
    }

    fn write_integer(&self, id: u32, out: &mut u64) -> bool {
        // SAFETY: the logger is valid, and the out-pointer is valid for writes during the call.
        unsafe { (self.imports.access_logger_get_attribute_int)(self.logger, id, out) }
    }
}
