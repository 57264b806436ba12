//! The attachment of a plugin under one configuration, shared by its root context and the HTTP contexts that it creates.

use crate::host::{Early, Envoy};
use crate::plugin::SharedPlugin;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::query::Query;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use nearmiss::Timestamp;
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::attributes::cluster;
use nearmiss_envoy_exchange::client::ClientInfo;
use nearmiss_envoy_exchange::config::PluginConfig;
use nearmiss_envoy_exchange::exchange;
use nearmiss_envoy_exchange::host_tiers::HostTierCache;

/// A plugin as it is attached.
pub(crate) struct Attachment {
    /// The configuration of this place. Exchanges are judged by it, although the plugin may be attached elsewhere with another one.
    pub(crate) config: Rc<PluginConfig>,
    /// True if responses get the `near-miss` header.
    pub(crate) annotates: bool,
    /// The state of the plugin.
    pub(crate) plugin: SharedPlugin,
    /// The tiers of upstream hosts.
    host_tiers: RefCell<HostTierCache>,
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
            host_tiers: RefCell::default(),
            query: Cell::new(None),
            has_http3: Cell::new(false),
        })
    }

    /// Counts an attempt of an exchange that no plugin judges.
    pub(crate) fn count_attempt(&self, hostcalls: &Hostcalls) {
        let envoy = Envoy::new(hostcalls);
        if !exchange::is_seen(&envoy) {
            self.plugin.borrow_mut().count_attempt(hostcalls, cluster(&envoy));
        }
    }

    /// Returns true if the exchange is one over HTTP/3. It costs a hostcall, but not before there has been such an exchange.
    pub(crate) fn is_http3(&self, hostcalls: &Hostcalls) -> bool {
        self.has_http3.get() && hostcalls.get_property("request\0protocol") == Ok(b"HTTP/3")
    }

    /// Observes an exchange over HTTP/3 that has ended.
    pub(crate) fn observe_http3(&self, hostcalls: &Hostcalls, early: &Early) {
        self.has_http3.set(true);
        self.observe(hostcalls, Some(early));
    }

    /// Adds the provisional header to a response whose headers have arrived.
    pub(crate) fn annotate_response(
        &self,
        hostcalls: &Hostcalls,
        client: ClientInfo,
        started: Option<Timestamp>,
    ) {
        let envoy = Envoy::new(hostcalls);
        exchange::read_so_far(&envoy, &self.config, client, started, |exchange| {
            let mut plugin = self.plugin.borrow_mut();
            plugin.annotate_response(hostcalls, &self.config, exchange, || cluster(&envoy));
        });
    }

    /// Observes an exchange that has ended. `early` is what an HTTP filter read before its end.
    pub(crate) fn observe(&self, hostcalls: &Hostcalls, early: Option<&Early>) {
        let query = self.query.get().unwrap_or_else(|| Query::prepare(hostcalls, self.config.envoy.mode));
        self.query.set(Some(query));
        let (envoy, config) = (Envoy::with_early(hostcalls, early), &self.config);
        let early = early.map(|early| &early.info);
        let attributes = query.read(hostcalls);
        let mut plugin = self.plugin.borrow_mut();
        if let Some(reason) = exchange::left_out(&envoy, config.envoy.mode, &attributes, early) {
            return plugin.count_left_out(hostcalls, reason);
        }
        let ts = plugin.now(hostcalls);
        let tiers = &mut self.host_tiers.borrow_mut();
        exchange::read(&envoy, config, tiers, &attributes, early, ts, |read| match read {
            Ok(exchange) => plugin.observe(hostcalls, config, exchange),
            Err(reason) => plugin.count_left_out(hostcalls, reason),
        });
    }
}
