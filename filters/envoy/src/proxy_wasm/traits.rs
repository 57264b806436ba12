//! The contexts that a filter implements: one root context per plugin, and one HTTP context per exchange or attempt.

use super::types::{Action, ContextType};
use alloc::boxed::Box;

/// Creates the root context of a plugin.
pub(crate) type NewRootContext = fn(context_id: u32) -> Box<dyn RootContext>;

/// The callbacks of every context.
pub(crate) trait Context {
    /// Handles the response to a call that this context has dispatched, or the call's failure.
    fn on_http_call_response(
        &mut self,
        _token_id: u32,
        _num_headers: usize,
        _body_size: usize,
        _num_trailers: usize,
    ) {
    }

    /// Ends the context. Returns true if it may be deleted at once.
    fn on_done(&mut self) -> bool {
        true
    }
}

/// The callbacks of a plugin.
pub(crate) trait RootContext: Context {
    /// Configures the plugin. Returns false if the configuration is invalid: Envoy then rejects it.
    fn on_configure(&mut self, _plugin_configuration_size: usize) -> bool {
        true
    }

    /// Handles the timer of the plugin.
    fn on_tick(&mut self) {}

    /// Handles the end of an exchange, as an access logger.
    fn on_log(&mut self) {}

    /// Creates the context of an exchange or attempt.
    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        None
    }

    /// Returns the type of the contexts that the plugin creates.
    fn get_type(&self) -> Option<ContextType> {
        None
    }
}

/// The callbacks of one exchange or attempt.
pub(crate) trait HttpContext: Context {
    /// Handles request headers.
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        Action::Continue
    }

    /// Handles response headers.
    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        Action::Continue
    }

    /// Handles response trailers.
    fn on_http_response_trailers(&mut self, _num_trailers: usize) -> Action {
        Action::Continue
    }

    /// Handles the end of the exchange.
    fn on_log(&mut self) {}
}
