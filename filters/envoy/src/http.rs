//! The HTTP filter, the context of one exchange: reads what is overwritten before the exchange ends.

use crate::attachment::Attachment;
use crate::host::{Early, Envoy};
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::traits::{Context, HttpContext};
use crate::proxy_wasm::types::{Action, MapType};
use alloc::rc::Rc;
use nearmiss::Timestamp;
use nearmiss_envoy_config::Mode;
use nearmiss_envoy_exchange::client::ClientInfo;
use nearmiss_envoy_exchange::exchange;
use nearmiss_envoy_exchange::host::Host;

/// The HTTP filter during an exchange.
pub(crate) struct HttpFilter {
    attachment: Rc<Attachment>,
    phase: Phase,
    early: Early,
    /// When the request arrived, if responses are annotated.
    started: Option<Timestamp>,
}

/// The progress of an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// No request headers have been seen: a filter before this one may respond by itself.
    New,
    /// The exchange is marked as observed by this filter.
    Marked,
    /// The exchange has been observed, or another copy of the filter observes it.
    Done,
}

impl HttpFilter {
    /// Creates the filter of an exchange that has not begun.
    pub(crate) fn new(attachment: Rc<Attachment>) -> Self {
        Self { attachment, phase: Phase::New, early: Early::default(), started: None }
    }

    /// Marks the exchange, unless another copy of the filter in the same chain has done so.
    fn mark(&mut self, hostcalls: &Hostcalls) {
        let envoy = Envoy::new(hostcalls);
        self.phase = if exchange::is_seen(&envoy) { Phase::Done } else { Phase::Marked };
        if self.phase == Phase::Marked {
            exchange::mark_seen(&envoy);
        }
    }
}

impl Context for HttpFilter {
    /// Observes an exchange whose log was skipped: over HTTP/3, Envoy logs an exchange after the last byte is acknowledged, when its
    /// filters are gone.
    fn on_done(&mut self) -> bool {
        if self.phase == Phase::Marked {
            self.early.info.has_lost_headers = true;
            self.attachment.observe_http3(&Hostcalls::begin(), &self.early);
        }
        true
    }
}

impl HttpContext for HttpFilter {
    /// Reads the headers that the router overwrites: those of the caller's proxy and of a gRPC client.
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let hostcalls = Hostcalls::begin();
        self.mark(&hostcalls);
        if self.phase == Phase::Done {
            return Action::Continue;
        }
        if self.attachment.is_http3(&hostcalls) {
            let headers = hostcalls.get_map_bytes(MapType::HttpRequestHeaders);
            self.early.request = headers.ok().map(|headers| headers.to_bytes());
        }
        let envoy = Envoy::new(&hostcalls);
        if self.attachment.annotates {
            self.early.info.client = ClientInfo::read_all(&envoy);
            self.started = envoy.now();
        } else if self.attachment.config.envoy.mode == Mode::Full {
            self.early.info.client = ClientInfo::read_overwritten(&envoy);
        }
        Action::Continue
    }

    /// Adds the provisional header, if responses are annotated.
    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        if self.early.request.is_some() {
            let hostcalls = Hostcalls::begin();
            let headers = hostcalls.get_map_bytes(MapType::HttpResponseHeaders);
            self.early.response = headers.ok().map(|headers| headers.to_bytes());
        }
        if self.attachment.annotates && self.phase == Phase::Marked {
            self.attachment.annotate_response(&Hostcalls::begin(), self.early.info.client, self.started);
        }
        Action::Continue
    }

    /// Reads the gRPC status of the upstream: the gRPC-Web filter, if it comes before this one, moves the trailers into the body.
    fn on_http_response_trailers(&mut self, _num_trailers: usize) -> Action {
        if self.attachment.config.envoy.mode == Mode::Full && self.phase == Phase::Marked {
            self.early.info.grpc_status = exchange::grpc_status_in_trailers(&Envoy::new(&Hostcalls::begin()));
        }
        Action::Continue
    }

    /// Observes the exchange.
    fn on_log(&mut self) {
        let hostcalls = Hostcalls::begin();
        if self.phase == Phase::New {
            self.mark(&hostcalls);
        }
        if self.phase == Phase::Marked {
            self.attachment.observe(&hostcalls, Some(&self.early));
        }
        self.phase = Phase::Done;
    }
}
