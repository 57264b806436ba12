//! The attachment of a plugin under one configuration, shared by its root context and the HTTP contexts that it creates.

use crate::attributes::{Query, cluster};
use crate::client::ClientInfo;
use crate::config::PluginConfig;
use crate::exchange::{self, EarlyInfo};
use crate::plugin::SharedPlugin;
use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::rc::Rc;
use core::cell::Cell;
use nearmiss_envoy_config::Attach;

/// A plugin as it is attached.
pub(crate) struct Attachment {
    /// The configuration of this place. Exchanges are judged by it, although the plugin may be attached elsewhere with another one.
    pub(crate) config: Rc<PluginConfig>,
    /// True if responses get the `near-miss` header.
    pub(crate) annotates: bool,
    /// The state of the plugin.
    pub(crate) plugin: SharedPlugin,
    /// Prepared by the first exchange: a VM that never sees traffic makes no hostcall for it.
    query: Cell<Option<Query>>,
    /// True once an exchange over HTTP/3 has been seen, which only its end shows.
    has_http3: Cell<bool>,
}

impl Attachment {
    /// Attaches a plugin as configured.
    pub(crate) fn new(config: Rc<PluginConfig>, plugin: SharedPlugin) -> Rc<Self> {
        Rc::new(Self {
            annotates: config.envoy.header && config.envoy.attach == Attach::Http,
            config,
            plugin,
            query: Cell::new(None),
            has_http3: Cell::new(false),
        })
    }

    /// Counts an attempt of an exchange that no plugin judges.
    pub(crate) fn count_attempt(&self, hostcalls: &Hostcalls) {
        if !exchange::is_seen(hostcalls) {
            self.plugin.borrow_mut().count_attempt(hostcalls, cluster(hostcalls));
        }
    }

    /// Returns true if the exchange is one over HTTP/3. It costs a hostcall, but not before there has been such an exchange.
    pub(crate) fn is_http3(&self, hostcalls: &Hostcalls) -> bool {
        self.has_http3.get() && hostcalls.get_property("request\0protocol") == Ok(b"HTTP/3")
    }

    /// Observes an exchange over HTTP/3 that has ended.
    pub(crate) fn observe_http3(&self, hostcalls: &Hostcalls, early: &EarlyInfo) {
        self.has_http3.set(true);
        self.observe(hostcalls, Some(early));
    }

    /// Adds the provisional header to a response whose headers have arrived.
    pub(crate) fn annotate_response(&self, hostcalls: &Hostcalls, client: ClientInfo, started: Option<u64>) {
        exchange::annotate_response(hostcalls, &self.config, &mut self.plugin.borrow_mut(), client, started);
    }

    /// Observes an exchange that has ended. `early` is what an HTTP filter read before its end.
    pub(crate) fn observe(&self, hostcalls: &Hostcalls, early: Option<&EarlyInfo>) {
        let query = self.query.get().unwrap_or_else(|| Query::prepare(hostcalls, self.config.envoy.mode));
        self.query.set(Some(query));
        exchange::observe(hostcalls, query, &self.config, &mut self.plugin.borrow_mut(), early);
    }
}
