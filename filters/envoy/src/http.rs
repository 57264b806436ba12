//! The HTTP filter for one exchange: reads what is overwritten before the exchange ends.

use crate::client::ClientInfo;
use crate::exchange;
use crate::host::Hostcalls;
use crate::root::Root;
use nearmiss_envoy_config::Mode;

/// The state of the HTTP filter during an exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HttpFilter {
    /// The client's information, before the router changes the headers.
    client: ClientInfo,
    /// When the request arrived, if responses are annotated.
    started: Option<u64>,
    is_marked: bool,
}

impl HttpFilter {
    /// Reads the headers that the router overwrites: those of the caller's proxy and of a gRPC client.
    pub(crate) fn on_http_request_headers(&mut self, hostcalls: &Hostcalls, root: &Root) {
        exchange::mark_seen(hostcalls);
        self.is_marked = true;
        if root.annotates {
            self.client = ClientInfo::read_all(hostcalls);
            self.started = hostcalls.get_current_time().ok();
        } else if root.mode == Mode::Full {
            self.client = ClientInfo::read_overwritten(hostcalls);
        }
    }

    /// Adds the provisional header, if responses are annotated.
    pub(crate) fn on_http_response_headers(&mut self, hostcalls: &Hostcalls, root: &Root) {
        if root.annotates {
            root.annotate_response(hostcalls, self.client, self.started);
        }
    }

    /// Observes the exchange.
    pub(crate) fn on_log(&mut self, hostcalls: &Hostcalls, root: &mut Root) {
        if !self.is_marked {
            exchange::mark_seen(hostcalls);
        }
        root.observe(hostcalls, Some(self.client));
    }
}
