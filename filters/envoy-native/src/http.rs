//! The HTTP filter during an exchange, and the upstream filter during an attempt.

use crate::abi::{HttpStream, now};
use crate::attachment::Attachment;
use crate::attempts::{self, ExchangeNumber};
use nearmiss::Timestamp;
use nearmiss_envoy_config::{Attach, Mode};
use nearmiss_envoy_exchange::attempt::Attempt;
use nearmiss_envoy_exchange::client::ClientInfo;
use nearmiss_envoy_exchange::exchange::{self, EarlyInfo};
use nearmiss_envoy_exchange::host::{Host, Map, Metadata, Number, State, Text};

/// One filter object.
#[derive(Debug)]
pub(crate) enum Filter {
    Exchange(ExchangeFilter),
    Attempt(AttemptFilter),
}

/// The HTTP filter during an exchange: reads what is overwritten before the exchange ends.
#[derive(Debug)]
pub(crate) struct ExchangeFilter {
    worker: usize,
    is_complete: bool,
    early: EarlyInfo,
    /// When the request arrived, if responses are annotated.
    started: Option<Timestamp>,
}

impl Filter {
    /// Creates the filter of an exchange or attempt that has not begun.
    pub(crate) fn new(attachment: &Attachment, stream: &HttpStream) -> Self {
        match attachment.config.envoy.attach {
            Attach::Upstream => Self::Attempt(AttemptFilter::default()),
            Attach::Http | Attach::Log => Self::Exchange(ExchangeFilter {
                worker: stream.worker(),
                is_complete: false,
                early: EarlyInfo::default(),
                started: None,
            }),
        }
    }

    /// Begins the exchange or attempt.
    pub(crate) fn on_request_headers(&mut self, attachment: &Attachment, stream: &HttpStream) {
        match self {
            Self::Exchange(filter) => filter.on_request_headers(attachment, stream),
            Self::Attempt(filter) => filter.on_request_headers(stream),
        }
    }

    /// Adds the provisional header, or ends the attempt with its status.
    pub(crate) fn on_response_headers(&mut self, attachment: &Attachment, stream: &HttpStream) {
        match self {
            Self::Exchange(filter) if attachment.annotates() => {
                attachment.annotate_response(stream, filter.early.client, filter.started);
            }
            Self::Exchange(_) => {}
            Self::Attempt(filter) => filter.on_response_headers(stream),
        }
    }

    /// Reads the gRPC status of the upstream: the gRPC-Web filter, if it comes before this one, moves the trailers into the body.
    pub(crate) fn on_response_trailers(&mut self, attachment: &Attachment, stream: &HttpStream) {
        if let Self::Exchange(filter) = self
            && attachment.config.envoy.mode == Mode::Full
        {
            filter.early.grpc_status = exchange::grpc_status_in_trailers(stream);
        }
    }

    /// Observes the exchange, before it is logged.
    pub(crate) fn on_stream_complete(&mut self, attachment: &Attachment, stream: &HttpStream) {
        if let Self::Exchange(filter) = self {
            filter.on_stream_complete(attachment, stream);
        }
    }

    /// Ends an attempt without a response.
    pub(crate) fn on_destroy(&mut self) {
        if let Self::Attempt(filter) = self {
            filter.on_destroy();
        }
    }
}

impl ExchangeFilter {
    /// Reads the headers that the router overwrites: those of the caller's proxy and of a gRPC client.
    fn on_request_headers(&mut self, attachment: &Attachment, stream: &HttpStream) {
        if attachment.annotates() {
            self.early.client = ClientInfo::read_all(stream);
            self.started = stream.now();
        } else if attachment.config.envoy.mode == Mode::Full {
            self.early.client = ClientInfo::read_overwritten(stream);
        }
    }

    /// Observes the exchange, unless it has been observed.
    fn on_stream_complete(&mut self, attachment: &Attachment, stream: &HttpStream) {
        if !core::mem::replace(&mut self.is_complete, true) {
            attachment.observe_filtered(stream, self.worker, &self.early);
        }
    }
}

/// The upstream filter during an attempt.
#[derive(Debug, Default)]
pub(crate) struct AttemptFilter {
    attempt: Attempt,
    exchange: Option<ExchangeNumber>,
}

impl AttemptFilter {
    fn on_request_headers(&mut self, stream: &HttpStream) {
        let exchange = stream.exchange().unwrap_or_else(|| {
            let exchange = attempts::begin();
            stream.set_exchange(exchange);
            exchange
        });
        self.exchange = Some(exchange);
        self.attempt.begin(stream);
        attempts::start(exchange, &self.attempt);
    }

    fn on_response_headers(&mut self, stream: &HttpStream) {
        if let Some(exchange) = self.stop() {
            self.attempt.end_with_response(&EndingAttempt::new(exchange, Some(stream)));
        }
    }

    /// Ends an attempt without a response. Envoy answers nothing any more by then.
    fn on_destroy(&mut self) {
        if let Some(exchange) = self.stop() {
            self.attempt.end_without_response(&EndingAttempt::new(exchange, None));
        }
    }

    /// Takes the attempt from those that run, unless it has ended.
    fn stop(&self) -> Option<ExchangeNumber> {
        let (exchange, (ordinal, ..)) = self.exchange.zip(self.attempt.running())?;
        attempts::stop(exchange, ordinal);
        Some(exchange)
    }
}

/// An attempt that ends: what Envoy still says of it, and the attempts that have ended before.
struct EndingAttempt<'a> {
    exchange: ExchangeNumber,
    stream: Option<&'a HttpStream>,
    ended: Vec<u8>,
}

impl<'a> EndingAttempt<'a> {
    fn new(exchange: ExchangeNumber, stream: Option<&'a HttpStream>) -> Self {
        Self { exchange, stream, ended: attempts::read(exchange, None).unwrap_or_default() }
    }
}

impl Host for EndingAttempt<'_> {
    type Headers<'a>
        = <HttpStream as Host>::Headers<'a>
    where
        Self: 'a;

    fn now(&self) -> Option<Timestamp> {
        Some(now())
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        self.stream?.text(text)
    }

    fn number(&self, number: Number) -> Option<u64> {
        self.stream?.number(number)
    }

    fn headers(&self, map: Map) -> Option<Self::Headers<'_>> {
        self.stream?.headers(map)
    }

    fn header(&self, map: Map, name: &str) -> Option<&[u8]> {
        self.stream?.header(map, name)
    }

    fn metadata<R>(&self, _metadata: Metadata, _read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        None
    }

    fn filter_state(&self, state: State) -> Option<&[u8]> {
        (state == State::Attempts).then_some(&self.ended)
    }

    fn set_filter_state(&self, state: State, value: &[u8]) {
        if state == State::Attempts {
            attempts::set_ended(self.exchange, value);
        }
    }

    fn warn(&self, _message: &str) {}
}
