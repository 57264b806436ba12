//! The contexts of this VM, and the callbacks that Envoy calls.
//!
//! Envoy runs one VM per worker, and one more on its main thread that never sees traffic. Callbacks for unknown contexts do
//! nothing, and a second context of the same id does not replace the first root context. A callback that arrives while another one
//! is running does nothing as well.

use super::traits::{HttpContext, NewRootContext, RootContext};
use super::types::{Action, ContextType};
use alloc::boxed::Box;
use core::cell::RefCell;
use nearmiss::SortedMap;
use nearmiss_wasm_rt::local;

local! {
    static DISPATCHER: RefCell<Dispatcher> = RefCell::new(Dispatcher::new());
}

/// Sets the constructor of root contexts.
pub(crate) fn set_root_context(callback: NewRootContext) {
    with((), |dispatcher| dispatcher.new_root = Some(callback));
}

/// Runs `body` with the dispatcher, or returns `fallback` while another callback is running.
fn with<R>(fallback: R, body: impl FnOnce(&mut Dispatcher) -> R) -> R {
    DISPATCHER.with(|dispatcher| match dispatcher.try_borrow_mut() {
        Ok(mut dispatcher) => body(&mut dispatcher),
        Err(_) => fallback,
    })
}

struct Dispatcher {
    new_root: Option<NewRootContext>,
    /// A handful, so a sorted list finds them as fast as a hash table.
    roots: SortedMap<u32, Box<dyn RootContext>>,
    /// Ids ascend, so a new one goes to the end, and the exchanges that end soonest are near it.
    http_streams: SortedMap<u32, Box<dyn HttpContext>>,
}

impl Dispatcher {
    const fn new() -> Self {
        Self { new_root: None, roots: SortedMap::new(), http_streams: SortedMap::new() }
    }

    /// Creates a root context if there is no root context id, otherwise an HTTP context of that root.
    fn on_create_context(&mut self, context_id: u32, root_context_id: u32) {
        if root_context_id == 0 {
            if let Some(new_root) = self.new_root
                && !self.roots.contains(&context_id)
            {
                self.roots.insert(context_id, new_root(context_id));
            }
        } else if let Some(root) = self.roots.get(&root_context_id)
            && root.get_type() == Some(ContextType::HttpContext)
            && let Some(http_stream) = root.create_http_context(context_id)
        {
            self.http_streams.insert(context_id, http_stream);
        }
    }

    fn on_configure(&mut self, context_id: u32, plugin_configuration_size: usize) -> bool {
        self.roots.get_mut(&context_id).is_some_and(|root| root.on_configure(plugin_configuration_size))
    }

    fn on_tick(&mut self, context_id: u32) {
        if let Some(root) = self.roots.get_mut(&context_id) {
            root.on_tick();
        }
    }

    /// Handles the end of an exchange. Envoy passes the HTTP context of a filter, but the root context of an access logger.
    fn on_log(&mut self, context_id: u32) {
        if let Some(http_stream) = self.http_streams.get_mut(&context_id) {
            http_stream.on_log();
        } else if let Some(root) = self.roots.get_mut(&context_id) {
            root.on_log();
        }
    }

    /// Ends and removes a context. Envoy deletes it at once after `on_done`, so the callback `on_delete` is not exported.
    fn on_done(&mut self, context_id: u32) -> bool {
        if let Some(mut http_stream) = self.http_streams.remove(&context_id) {
            http_stream.on_done()
        } else if let Some(mut root) = self.roots.remove(&context_id) {
            root.on_done()
        } else {
            true
        }
    }

    fn on_http_request_headers(
        &mut self,
        context_id: u32,
        num_headers: usize,
        end_of_stream: bool,
    ) -> Action {
        match self.http_streams.get_mut(&context_id) {
            Some(http_stream) => http_stream.on_http_request_headers(num_headers, end_of_stream),
            None => Action::Continue,
        }
    }

    fn on_http_response_headers(
        &mut self,
        context_id: u32,
        num_headers: usize,
        end_of_stream: bool,
    ) -> Action {
        match self.http_streams.get_mut(&context_id) {
            Some(http_stream) => http_stream.on_http_response_headers(num_headers, end_of_stream),
            None => Action::Continue,
        }
    }

    fn on_http_response_trailers(&mut self, context_id: u32, num_trailers: usize) -> Action {
        match self.http_streams.get_mut(&context_id) {
            Some(http_stream) => http_stream.on_http_response_trailers(num_trailers),
            None => Action::Continue,
        }
    }

    /// Passes a response to the root context that Envoy names: only root contexts dispatch calls.
    fn on_http_call_response(
        &mut self,
        context_id: u32,
        token_id: u32,
        num_headers: usize,
        body_size: usize,
        num_trailers: usize,
    ) {
        if let Some(root) = self.roots.get_mut(&context_id) {
            root.on_http_call_response(token_id, num_headers, body_size, num_trailers);
        }
    }
}

/// The callbacks. `end_of_stream` is not a `bool`, because a host may pass any number.
#[cfg(target_arch = "wasm32")]
mod exports {
    use super::with;
    use crate::proxy_wasm::types::Action;

    /// Declares the version of the ABI.
    #[unsafe(no_mangle)]
    extern "C" fn proxy_abi_version_0_2_1() {}

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_context_create(context_id: u32, root_context_id: u32) {
        with((), |dispatcher| dispatcher.on_create_context(context_id, root_context_id));
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_configure(context_id: u32, plugin_configuration_size: usize) -> bool {
        with(false, |dispatcher| dispatcher.on_configure(context_id, plugin_configuration_size))
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_tick(context_id: u32) {
        with((), |dispatcher| dispatcher.on_tick(context_id));
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_request_headers(
        context_id: u32,
        num_headers: usize,
        end_of_stream: u32,
    ) -> Action {
        with(Action::Continue, |dispatcher| {
            dispatcher.on_http_request_headers(context_id, num_headers, end_of_stream != 0)
        })
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_response_headers(
        context_id: u32,
        num_headers: usize,
        end_of_stream: u32,
    ) -> Action {
        with(Action::Continue, |dispatcher| {
            dispatcher.on_http_response_headers(context_id, num_headers, end_of_stream != 0)
        })
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_response_trailers(context_id: u32, num_trailers: usize) -> Action {
        with(Action::Continue, |dispatcher| dispatcher.on_http_response_trailers(context_id, num_trailers))
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_log(context_id: u32) {
        with((), |dispatcher| dispatcher.on_log(context_id));
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_http_call_response(
        context_id: u32,
        token_id: u32,
        num_headers: usize,
        body_size: usize,
        num_trailers: usize,
    ) {
        with((), |dispatcher| {
            dispatcher.on_http_call_response(context_id, token_id, num_headers, body_size, num_trailers);
        });
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_done(context_id: u32) -> bool {
        with(true, |dispatcher| dispatcher.on_done(context_id))
    }
}
