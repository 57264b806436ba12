//! The upstream filter, the context of one attempt.

use crate::attachment::Attachment;
use crate::host::Envoy;
use crate::plugins;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::traits::{Context, HttpContext};
use crate::proxy_wasm::types::Action;
use alloc::rc::Rc;
use nearmiss_envoy_exchange::attempt::Attempt;

/// The upstream filter during an attempt.
pub(crate) struct UpstreamFilter {
    attachment: Rc<Attachment>,
    attempt: Attempt,
}

impl UpstreamFilter {
    /// Creates the filter of an attempt that has not begun.
    pub(crate) const fn new(attachment: Rc<Attachment>) -> Self {
        Self { attachment, attempt: Attempt::new() }
    }
}

impl Context for UpstreamFilter {
    /// Ends the attempt without a response.
    fn on_done(&mut self) -> bool {
        self.attempt.end_without_response(&Envoy::new(&Hostcalls::begin()));
        true
    }
}

impl HttpContext for UpstreamFilter {
    /// Begins the attempt, and counts it if no plugin of this VM judges exchanges.
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let hostcalls = Hostcalls::begin();
        self.attempt.begin(&Envoy::new(&hostcalls));
        if !plugins::any_judges() {
            self.attachment.count_attempt(&hostcalls);
        }
        Action::Continue
    }

    /// Ends the attempt with the status in its response headers.
    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        self.attempt.end_with_response(&Envoy::new(&Hostcalls::begin()));
        Action::Continue
    }
}
