//! The attachment of a plugin under one configuration, shared by its root context and the HTTP contexts that it creates.

use crate::attributes::{Query, cluster};
use crate::client::ClientInfo;
use crate::exchange;
use crate::plugin::SharedPlugin;
use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::rc::Rc;
use core::cell::Cell;
use nearmiss_envoy_config::{Attach, EnvoyConfig, Mode};

/// A plugin as it is attached.
pub(crate) struct Attachment {
    /// The place.
    pub(crate) attach: Attach,
    /// The set of data that it reads.
    pub(crate) mode: Mode,
    /// True if responses get the `near-miss` header.
    pub(crate) annotates: bool,
    /// The state of the plugin.
    pub(crate) plugin: SharedPlugin,
    /// Prepared by the first exchange: a VM that never sees traffic makes no hostcall for it.
    query: Cell<Option<Query>>,
}

impl Attachment {
    /// Attaches a plugin as configured.
    pub(crate) fn new(config: &EnvoyConfig, plugin: SharedPlugin) -> Rc<Self> {
        Rc::new(Self {
            attach: config.attach,
            mode: config.mode,
            annotates: config.header && config.attach == Attach::Http,
            plugin,
            query: Cell::new(None),
        })
    }

    /// Counts an attempt of an exchange that no plugin judges.
    pub(crate) fn count_attempt(&self, hostcalls: &Hostcalls) {
        if !exchange::is_seen(hostcalls) {
            self.plugin.borrow_mut().count_attempt(hostcalls, cluster(hostcalls));
        }
    }

    /// Adds the provisional header to a response whose headers have arrived.
    pub(crate) fn annotate_response(&self, hostcalls: &Hostcalls, client: ClientInfo, started: Option<u64>) {
        exchange::annotate_response(hostcalls, &mut self.plugin.borrow_mut(), client, started);
    }

    /// Observes an exchange that has ended. `client` is the information read in the request phase.
    pub(crate) fn observe(&self, hostcalls: &Hostcalls, client: Option<ClientInfo>) {
        let query = self.query.get().unwrap_or_else(|| Query::prepare(hostcalls, self.mode));
        self.query.set(Some(query));
        exchange::observe(hostcalls, query, self.mode, &mut self.plugin.borrow_mut(), client);
    }
}
