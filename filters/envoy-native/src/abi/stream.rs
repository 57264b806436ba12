//! The data that Envoy lends of one exchange, or of one attempt, to an HTTP filter.

use super::config::{HistogramId, LogLevel, log};
use super::imports::Imports;
use super::types::{Buffer, Header, Pointer, Time, Timing, attribute, source};
use crate::attempts::{self, ExchangeNumber};
use crate::counted::Start;
use core::cell::{Cell, OnceCell};
use nearmiss::{Flags, Micros, Timestamp};
use nearmiss_envoy_config::Mode;
use nearmiss_envoy_exchange::attributes::{Attributes, attempts, cluster, flags, name, status};
use nearmiss_envoy_exchange::host::{Host, Map, Metadata, Number, State, Text};
use nearmiss_envoy_exchange::values::text;
use std::time::SystemTime;

/// The filter under which users put metadata.
const NAMESPACE: &[u8] = b"nearmiss";

/// An exchange or attempt that an HTTP filter sees, during one hook.
#[derive(Debug)]
pub(crate) struct HttpStream {
    imports: &'static Imports,
    filter: Pointer,
    /// The attempts of the exchange, once they have been read.
    attempts: OnceCell<Option<Vec<u8>>>,
}

/// The times of an exchange that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// When it began.
    pub(crate) start: Start,
    /// The time from its first byte to its last, if Envoy knows it.
    pub(super) duration: Option<Micros>,
}

/// The pairs of a header map, in order. Names and values are valid as long as the stream.
#[derive(Debug)]
pub(crate) struct Headers<'a> {
    pairs: Vec<Header>,
    next: usize,
    stream: core::marker::PhantomData<&'a HttpStream>,
}

thread_local! {
    /// Memory for the pairs of one map, which a thread uses again.
    static PAIRS: Cell<Vec<Header>> = const { Cell::new(Vec::new()) };
}

impl<'a> Headers<'a> {
    /// Reads `count` pairs by a function that fills an array of that length.
    pub(super) fn read(count: usize, fill: impl FnOnce(*mut Header) -> bool) -> Option<Self> {
        let mut pairs = PAIRS.take();
        pairs.clear();
        pairs.reserve(count);
        if count > 0 {
            if !fill(pairs.as_mut_ptr()) {
                return None;
            }
            // SAFETY: there is room for `count` pairs, and Envoy has written as many.
            unsafe { pairs.set_len(count) };
        }
        Some(Self { pairs, next: 0, stream: core::marker::PhantomData })
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.pairs.get(self.next)?;
        self.next += 1;
        // SAFETY: Envoy wrote the pair, and header maps stay as they are while a hook runs: the module sets a header only when it has
        // read them.
        Some(unsafe { (pair.name.bytes(), pair.value.bytes()) })
    }
}

impl Drop for Headers<'_> {
    fn drop(&mut self) {
        /// Maps with more pairs are rare, and not worth their memory.
        const MAX_KEPT: usize = 256;
        if self.pairs.capacity() <= MAX_KEPT {
            PAIRS.set(core::mem::take(&mut self.pairs));
        }
    }
}

impl HttpStream {
    /// Takes Envoy's pointer to a filter, for one hook.
    ///
    /// # Safety
    ///
    /// The pointer must be Envoy's, and valid until this value is dropped.
    pub(super) const unsafe fn new(imports: &'static Imports, filter: Pointer) -> Self {
        Self { imports, filter, attempts: OnceCell::new() }
    }

    /// Reads the times of the exchange.
    pub(crate) fn times(&self) -> Times {
        let timing = self.timing();
        Times {
            start: Start(timing.get(Time::Start).unwrap_or_default()),
            duration: timing.get(Time::RequestComplete).map(micros),
        }
    }

    /// Reads the attributes of an exchange that has ended.
    pub(crate) fn attributes(&self, mode: Mode, times: Times) -> Attributes<'_> {
        self.read_attributes(mode, times)
    }

    /// Returns the index of the worker.
    pub(crate) fn worker(&self) -> usize {
        // SAFETY: the filter is valid.
        unsafe { (self.imports.http_filter_get_worker_index)(self.filter) as usize }
    }

    /// Records a value in a histogram with one label.
    pub(crate) fn record(&self, histogram: HistogramId, label: &str, value: u64) {
        let label = Buffer::of(label.as_bytes());
        // SAFETY: the filter is valid, and the label is valid for reads during the call.
        unsafe {
            (self.imports.http_filter_record_histogram_value)(
                self.filter,
                histogram.0,
                &raw const label,
                1,
                value,
            )
        };
    }

    /// Sets a response header, when everything else has been read.
    pub(crate) fn set_response_header(&self, name: &str, value: &str) {
        let (name, value) = (Buffer::of(name.as_bytes()), Buffer::of(value.as_bytes()));
        // SAFETY: the filter is valid, and both texts are valid for reads during the call.
        unsafe { (self.imports.http_set_header)(self.filter, header_map(Map::Response), name, value) };
    }

    /// Returns the number under which the attempts of the exchange are kept, if an upstream filter has set one.
    pub(crate) fn exchange(&self) -> Option<ExchangeNumber> {
        ExchangeNumber::from_bytes(self.stored(State::Attempts)?)
    }

    /// Sets the number under which the attempts of the exchange are kept.
    pub(crate) fn set_exchange(&self, exchange: ExchangeNumber) {
        self.store(State::Attempts, &exchange.to_bytes());
    }

    fn stored(&self, state: State) -> Option<&[u8]> {
        let key = Buffer::of(key(state));
        // SAFETY: the filter is valid, the key for reads and the out-pointer for writes during the call.
        self.lent(|out| unsafe { (self.imports.http_get_filter_state_bytes)(self.filter, key, out) })
    }

    fn store(&self, state: State, value: &[u8]) {
        let (key, value) = (Buffer::of(key(state)), Buffer::of(value));
        // SAFETY: the filter is valid, key and value for reads during the call. Envoy copies the value; what it lent of other
        // entries stays where it is.
        unsafe { (self.imports.http_set_filter_state_bytes)(self.filter, key, value) };
    }

    fn timing(&self) -> Timing {
        let mut timing = Timing::UNKNOWN;
        // SAFETY: the filter is valid, and the out-pointer is valid for writes during the call.
        unsafe { (self.imports.http_get_timing_info)(self.filter, &raw mut timing) };
        timing
    }

    fn metadata_text(&self, source: u32, key: &[u8]) -> Option<&[u8]> {
        let (namespace, key) = (Buffer::of(NAMESPACE), Buffer::of(key));
        // SAFETY: the filter is valid, both texts for reads and the out-pointer for writes during the call.
        self.lent(|out| unsafe {
            (self.imports.http_get_metadata_string)(self.filter, source, namespace, key, out)
        })
    }

    fn metadata_number(&self, source: u32, key: &[u8]) -> Option<f64> {
        let (namespace, key, mut value) = (Buffer::of(NAMESPACE), Buffer::of(key), 0.0);
        // SAFETY: the filter is valid, both texts for reads and the out-pointer for writes during the call.
        unsafe {
            (self.imports.http_get_metadata_number)(self.filter, source, namespace, key, &raw mut value)
        }
        .then_some(value)
    }
}

impl Host for HttpStream {
    type Headers<'a> = Headers<'a>;

    fn now(&self) -> Option<Timestamp> {
        Some(now())
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        match text {
            Text::Cluster => {
                // SAFETY: the filter is valid, and the out-pointer is valid for writes during the call.
                self.lent(|out| unsafe { (self.imports.http_get_cluster_name)(self.filter, out) })
            }
            Text::UpstreamAddress => self.attribute(attribute::UPSTREAM_ADDRESS),
            Text::TransportFailure => self.attribute(attribute::TRANSPORT_FAILURE_REASON),
            Text::CodeDetails => self.attribute(attribute::RESPONSE_CODE_DETAILS),
        }
    }

    fn number(&self, number: Number) -> Option<u64> {
        match number {
            Number::Attempts => self.integer(attribute::REQUEST_ATTEMPT_COUNT),
            Number::Flags => self.integer(attribute::RESPONSE_FLAGS),
            Number::Status => self.integer(attribute::RESPONSE_CODE),
            Number::ResponseSize => self.integer(attribute::RESPONSE_SIZE),
            Number::BackendLatency => {
                let timing = self.timing();
                timing.get(Time::LastUpstreamReceived)?.checked_sub(timing.get(Time::FirstUpstreamSent)?)
            }
        }
    }

    fn headers(&self, map: Map) -> Option<Headers<'_>> {
        let map = header_map(map);
        // SAFETY: the filter is valid.
        let count = unsafe { (self.imports.http_get_headers_size)(self.filter, map) };
        // SAFETY: the filter is valid, and the array has room for all headers, whose number has not changed.
        Headers::read(count, |pairs| unsafe { (self.imports.http_get_headers)(self.filter, map, pairs) })
    }

    fn header(&self, map: Map, name: &str) -> Option<&[u8]> {
        let (map, name) = (header_map(map), Buffer::of(name.as_bytes()));
        // SAFETY: the filter is valid, the name for reads and the out-pointer for writes during the call.
        self.lent(|out| unsafe {
            (self.imports.http_get_header)(self.filter, map, name, out, 0, core::ptr::null_mut())
        })
    }

    fn metadata<R>(&self, metadata: Metadata, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match metadata {
            Metadata::HostTier => self.metadata_text(source::HOST, b"tier").map(read),
            Metadata::LocalityTier => self.metadata_text(source::HOST_LOCALITY, b"tier").map(read),
            Metadata::MaxAttempts => match self.metadata_number(source::ROUTE, b"max_attempts") {
                Some(number) => Some(read(&number.to_le_bytes())),
                None => self.metadata_text(source::ROUTE, b"max_attempts").map(read),
            },
        }
    }

    fn filter_state(&self, state: State) -> Option<&[u8]> {
        if state == State::Attempts {
            let read = || attempts::read(self.exchange()?, Some(now()));
            return self.attempts.get_or_init(read).as_deref();
        }
        self.stored(state)
    }

    fn set_filter_state(&self, state: State, value: &[u8]) {
        self.store(state, value);
    }

    fn warn(&self, message: &str) {
        log(LogLevel::Warn, message);
    }
}

/// The data that Envoy lends in the same way to filters and loggers.
pub(super) trait Lent: Host {
    /// Writes a text attribute to `out`; returns false if there is none.
    fn write_attribute(&self, id: u32, out: &mut Buffer) -> bool;

    /// Writes an integer attribute to `out`; returns false if there is none.
    fn write_integer(&self, id: u32, out: &mut u64) -> bool;

    /// Returns the bytes that a call lends.
    fn lent(&self, call: impl FnOnce(&mut Buffer) -> bool) -> Option<&[u8]> {
        let mut buffer = Buffer::EMPTY;
        // SAFETY: Envoy wrote the buffer, and its bytes stay while the hook runs, which is longer than this value lives.
        call(&mut buffer).then(|| unsafe { buffer.bytes() })
    }

    /// Returns a text attribute.
    fn attribute(&self, id: u32) -> Option<&[u8]> {
        self.lent(|out| self.write_attribute(id, out))
    }

    /// Returns an integer attribute.
    fn integer(&self, id: u32) -> Option<u64> {
        let mut value = 0;
        self.write_integer(id, &mut value).then_some(value)
    }

    /// Reads the attributes that a mode needs. Without a cluster only flags matter, and the status if the cluster does not exist.
    fn read_attributes(&self, mode: Mode, times: Times) -> Attributes<'_>
    where
        Self: Sized,
    {
        let (cluster, flags) = (cluster(self), flags(self));
        let duration = times.duration.unwrap_or_else(|| now().since(times.start.timestamp()));
        let read = Attributes { cluster, flags, duration, ..Attributes::default() };
        if cluster.is_empty() {
            return Attributes { status: flags.any(Flags::NC).then(|| status(self)).flatten(), ..read };
        }
        let read = Attributes { attempts: attempts(self), ..read };
        match mode {
            Mode::Full => {
                let route = self.attribute(attribute::ROUTE_NAME).map(text).filter(|route| !route.is_empty());
                Attributes { route, host: name(self, Text::UpstreamAddress), ..read }
            }
            Mode::Lean => Attributes { status: status(self), ..read },
        }
    }
}

impl Lent for HttpStream {
    fn write_attribute(&self, id: u32, out: &mut Buffer) -> bool {
        // SAFETY: the filter is valid, and the out-pointer is valid for writes during the call.
        unsafe { (self.imports.http_filter_get_attribute_string)(self.filter, id, out) }
    }

    fn write_integer(&self, id: u32, out: &mut u64) -> bool {
        // SAFETY: the filter is valid, and the out-pointer is valid for writes during the call.
        unsafe { (self.imports.http_filter_get_attribute_int)(self.filter, id, out) }
    }
}

/// Returns the current time.
pub(crate) fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = now.as_secs().saturating_mul(1_000_000);
    Timestamp::from_micros(micros.saturating_add(now.subsec_micros().into()))
}

/// Converts nanoseconds.
pub(super) const fn micros(nanoseconds: u64) -> Micros {
    Micros::new(nanoseconds / 1_000)
}

/// Returns the number of a header map.
pub(super) const fn header_map(map: Map) -> u32 {
    match map {
        Map::Request => 0,
        Map::Response => 2,
        Map::ResponseTrailers => 3,
    }
}

const fn key(state: State) -> &'static [u8] {
    match state {
        State::Annotation => b"wasm.nearmiss",
        State::Attempts => b"wasm.nearmiss_attempts",
        State::Seen => b"wasm.nearmiss_seen",
    }
}
