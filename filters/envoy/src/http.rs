//! The HTTP filter, the context of one exchange: reads what is overwritten before the exchange ends.

use crate::attachment::Attachment;
use crate::client::ClientInfo;
use crate::exchange;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::traits::{Context, HttpContext};
use crate::proxy_wasm::types::Action;
use alloc::rc::Rc;
use nearmiss_envoy_config::Mode;

/// The HTTP filter during an exchange.
pub(crate) struct HttpFilter {
    attachment: Rc<Attachment>,
    /// The client's information, before the router changes the headers.
    client: ClientInfo,
    /// When the request arrived, if responses are annotated.
    started: Option<u64>,
    is_marked: bool,
}

impl HttpFilter {
    /// Creates the filter of an exchange that has not begun.
    pub(crate) fn new(attachment: Rc<Attachment>) -> Self {
        Self { attachment, client: ClientInfo::default(), started: None, is_marked: false }
    }
}

impl Context for HttpFilter {}

impl HttpContext for HttpFilter {
    /// Reads the headers that the router overwrites: those of the caller's proxy and of a gRPC client.
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let hostcalls = Hostcalls::begin();
        exchange::mark_seen(&hostcalls);
        self.is_marked = true;
        if self.attachment.annotates {
            self.client = ClientInfo::read_all(&hostcalls);
            self.started = hostcalls.get_current_time().ok();
        } else if self.attachment.mode == Mode::Full {
            self.client = ClientInfo::read_overwritten(&hostcalls);
        }
        Action::Continue
    }

    /// Adds the provisional header, if responses are annotated.
    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        if self.attachment.annotates {
            self.attachment.annotate_response(&Hostcalls::begin(), self.client, self.started);
        }
        Action::Continue
    }

    /// Observes the exchange.
    fn on_log(&mut self) {
        let hostcalls = Hostcalls::begin();
        if !self.is_marked {
            exchange::mark_seen(&hostcalls);
        }
        self.attachment.observe(&hostcalls, Some(self.client));
    }
}
