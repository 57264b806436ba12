//! The state of one VM, and the dispatch of callbacks to plugins and streams.
//!
//! Envoy runs one VM per worker, and one more on its main thread that never sees traffic. Therefore nothing expensive is set up
//! before the first exchange. A VM outlives updates of its plugins: an updated plugin finds its baselines by its identity.

use crate::host::{BufferType, Hostcalls, LogLevel};
use crate::http::HttpFilter;
use crate::identity;
use crate::ids::IdMap;
use crate::root::Root;
use crate::upstream::UpstreamFilter;
use alloc::vec::Vec;
use core::cell::RefCell;
use nearmiss_envoy_config::Attach;
use nearmiss_wasm_rt::local;

local! {
    static DISPATCHER: RefCell<Dispatcher> = RefCell::new(Dispatcher::new());
}

/// The contexts of this VM.
pub(crate) struct Dispatcher {
    roots: Vec<Root>,
    http_streams: IdMap<HttpStream>,
}

/// A filter on one stream.
struct HttpStream {
    root: u32,
    filter: Filter,
}

enum Filter {
    Http(HttpFilter),
    Upstream(UpstreamFilter),
}

/// Runs `body` with the VM's dispatcher, or returns `fallback` while the dispatcher is in use.
pub(crate) fn with<R>(fallback: R, body: impl FnOnce(&mut Dispatcher) -> R) -> R {
    DISPATCHER.with(|dispatcher| match dispatcher.try_borrow_mut() {
        Ok(mut dispatcher) => body(&mut dispatcher),
        Err(_) => fallback,
    })
}

impl Dispatcher {
    const fn new() -> Self {
        Self { roots: Vec::new(), http_streams: IdMap::with_hasher(core::hash::BuildHasherDefault::new()) }
    }

    /// Creates a root context if there is no parent, otherwise a stream of the parent's plugin.
    pub(crate) fn on_create_context(&mut self, context_id: u32, parent_context_id: u32) {
        if parent_context_id == 0 {
            self.root_or_new(context_id);
        } else if let Some(root) = self.root(parent_context_id) {
            let filter = match root.attach {
                Attach::Upstream => Filter::Upstream(UpstreamFilter::default()),
                Attach::Http | Attach::Log => Filter::Http(HttpFilter::default()),
            };
            self.http_streams.insert(context_id, HttpStream { root: parent_context_id, filter });
        }
    }

    /// Configures a plugin. Returns false if the configuration is invalid: Envoy then rejects it.
    pub(crate) fn on_configure(&mut self, hostcalls: &Hostcalls, context_id: u32, size: usize) -> bool {
        let identity = identity::plugin(hostcalls);
        let siblings: Vec<_> =
            self.roots.iter().filter(|root| root.id != context_id).filter_map(Root::plugin).collect();
        let text = hostcalls.get_buffer(BufferType::PluginConfiguration, 0, size).unwrap_or_default();
        let Some(root) = self.root_or_new(context_id) else { return false };
        match root.on_configure(hostcalls, text, identity, &siblings) {
            Ok(()) => true,
            Err(error) => {
                hostcalls.log(LogLevel::Error, shortened(&alloc::format!("nearmiss: {error}")));
                false
            }
        }
    }

    /// Handles the tick of a plugin.
    pub(crate) fn on_tick(&mut self, hostcalls: &Hostcalls, context_id: u32) {
        if let Some(plugin) = self.root(context_id).and_then(|root| root.plugin()) {
            plugin.borrow_mut().on_tick(hostcalls);
        }
    }

    /// Handles the response to a call that a plugin dispatched, or the call's failure.
    pub(crate) fn on_http_call_response(
        &mut self,
        hostcalls: &Hostcalls,
        context_id: u32,
        token_id: u32,
        body_size: usize,
    ) {
        if let Some(plugin) = self.root(context_id).and_then(|root| root.plugin()) {
            plugin.borrow_mut().on_http_call_response(hostcalls, token_id, body_size);
        }
    }

    /// Handles request headers. An upstream filter counts attempts itself if no plugin of this VM judges exchanges.
    pub(crate) fn on_http_request_headers(&mut self, hostcalls: &Hostcalls, context_id: u32) {
        let has_judging_plugin = self.roots.iter().any(|root| root.attach != Attach::Upstream);
        match self.filter(context_id) {
            Some((root, Filter::Http(filter))) => filter.on_http_request_headers(hostcalls, root),
            Some((root, Filter::Upstream(filter))) => {
                filter.on_http_request_headers(hostcalls);
                if !has_judging_plugin {
                    root.count_attempt(hostcalls);
                }
            }
            None => {}
        }
    }

    /// Handles response headers.
    pub(crate) fn on_http_response_headers(&mut self, hostcalls: &Hostcalls, context_id: u32) {
        match self.filter(context_id) {
            Some((root, Filter::Http(filter))) => filter.on_http_response_headers(hostcalls, root),
            Some((_, Filter::Upstream(filter))) => filter.on_http_response_headers(hostcalls),
            None => {}
        }
    }

    /// Handles the end of an exchange. Envoy passes the stream of an HTTP filter, but the root context of an access logger.
    pub(crate) fn on_log(&mut self, hostcalls: &Hostcalls, context_id: u32) {
        match self.filter(context_id) {
            Some((root, Filter::Http(filter))) => filter.on_log(hostcalls, root),
            Some((_, Filter::Upstream(_))) => {}
            None => {
                if let Some(root) = self.root(context_id) {
                    root.on_log(hostcalls);
                }
            }
        }
    }

    /// Removes a context.
    pub(crate) fn on_done(&mut self, hostcalls: &Hostcalls, context_id: u32) {
        if let Some(stream) = self.http_streams.remove(&context_id) {
            if let Filter::Upstream(filter) = stream.filter {
                filter.on_done(hostcalls);
            }
        } else if let Some(index) = self.roots.iter().position(|root| root.id == context_id) {
            self.roots.swap_remove(index).on_done(hostcalls);
        }
    }

    fn filter(&mut self, context_id: u32) -> Option<(&mut Root, &mut Filter)> {
        let stream = self.http_streams.get_mut(&context_id)?;
        let root = self.roots.iter_mut().find(|root| root.id == stream.root)?;
        Some((root, &mut stream.filter))
    }

    fn root(&mut self, context_id: u32) -> Option<&mut Root> {
        self.roots.iter_mut().find(|root| root.id == context_id)
    }

    /// Returns the root context of that id; creates it if there is none.
    fn root_or_new(&mut self, context_id: u32) -> Option<&mut Root> {
        if !self.roots.iter().any(|root| root.id == context_id) {
            self.roots.push(Root::new(context_id));
        }
        self.root(context_id)
    }
}

/// Shortens an error message to one readable log line: a field of the configuration may have any length.
fn shortened(line: &str) -> &str {
    const MAX: usize = 500;
    line.get(..line.floor_char_boundary(MAX)).unwrap_or(line)
}
