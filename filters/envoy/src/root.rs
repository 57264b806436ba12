//! The root context of one plugin in one VM: its configuration, and the state it shares with its predecessor.

use crate::attributes::{Query, cluster};
use crate::client::ClientInfo;
use crate::config::PluginConfig;
use crate::exchange;
use crate::host::Hostcalls;
use crate::plugin::{Plugin, SharedPlugin};
use alloc::string::String;
use nearmiss::ConfigError;
use nearmiss_envoy_config::{Attach, Mode};

/// A plugin's root context.
pub(crate) struct Root {
    /// The id of the context.
    pub(crate) id: u32,
    /// Where the plugin is attached.
    pub(crate) attach: Attach,
    /// The set of data that it reads.
    pub(crate) mode: Mode,
    /// True if responses get the `near-miss` header.
    pub(crate) annotates: bool,
    /// `None` until the plugin is configured.
    plugin: Option<SharedPlugin>,
    /// Prepared by the first exchange: a VM that never sees traffic makes no hostcall for it.
    query: Option<Query>,
}

/// The interval between ticks, in milliseconds.
const TICK_PERIOD: u32 = 1_000;

impl Root {
    /// Creates the root context of a plugin that has not been configured.
    pub(crate) fn new(id: u32) -> Self {
        Self { id, attach: Attach::Http, mode: Mode::Full, annotates: false, plugin: None, query: None }
    }

    /// Applies a configuration. If one of the `siblings` has this identity, this is an update of it: what the sibling has
    /// learned and counted is kept under the new configuration.
    pub(crate) fn on_configure(
        &mut self,
        hostcalls: &Hostcalls,
        text: &[u8],
        identity: String,
        siblings: &[SharedPlugin],
    ) -> Result<(), ConfigError> {
        let text = core::str::from_utf8(text)
            .map_err(|_| ConfigError::Syntax(String::from("the configuration is not UTF-8")))?;
        let config = PluginConfig::parse(text)?;
        self.attach = config.envoy.attach;
        self.mode = config.envoy.mode;
        self.annotates = config.envoy.header && self.attach == Attach::Http;
        self.query = None;
        let same = |plugin: &&SharedPlugin| plugin.borrow().matches(self.attach, &identity);
        let known = self.plugin.iter().chain(siblings).find(same).cloned();
        match known {
            Some(plugin) => {
                plugin.borrow_mut().reconfigure(hostcalls, config);
                self.plugin = Some(plugin);
            }
            None => self.plugin = Some(Plugin::new_shared(identity, config)),
        }
        if self.attach != Attach::Upstream {
            // A VM without traffic ticks as well, because it can lead.
            let _ = hostcalls.set_tick_period(TICK_PERIOD);
        }
        Ok(())
    }

    /// Returns the plugin's state; `None` until the plugin is configured.
    pub(crate) fn plugin(&self) -> Option<SharedPlugin> {
        self.plugin.clone()
    }

    /// Counts an attempt of an exchange that no plugin judges.
    pub(crate) fn count_attempt(&self, hostcalls: &Hostcalls) {
        if let Some(plugin) = self.plugin.as_ref().filter(|_| !exchange::is_seen(hostcalls)) {
            plugin.borrow_mut().count_attempt(hostcalls, cluster(hostcalls));
        }
    }

    /// Adds the provisional header to a response whose headers have arrived.
    pub(crate) fn annotate_response(&self, hostcalls: &Hostcalls, client: ClientInfo, started: Option<u64>) {
        if let Some(plugin) = &self.plugin {
            exchange::annotate_response(hostcalls, &mut plugin.borrow_mut(), client, started);
        }
    }

    /// Observes an exchange that has ended. `client` is the information read in the request phase.
    pub(crate) fn observe(&mut self, hostcalls: &Hostcalls, client: Option<ClientInfo>) {
        let mode = self.mode;
        let query = *self.query.get_or_insert_with(|| Query::prepare(hostcalls, mode));
        if let Some(plugin) = &self.plugin {
            exchange::observe(hostcalls, query, mode, &mut plugin.borrow_mut(), client);
        }
    }

    /// Observes an exchange as an access logger, unless an HTTP filter has done so.
    pub(crate) fn on_log(&mut self, hostcalls: &Hostcalls) {
        if self.attach != Attach::Upstream && !exchange::is_seen(hostcalls) {
            self.observe(hostcalls, None);
        }
    }

    /// Removes the plugin. The last root context of an identity finishes the shared state.
    pub(crate) fn on_done(self, hostcalls: &Hostcalls) {
        if let Some(plugin) = self.plugin.and_then(alloc::rc::Rc::into_inner) {
            plugin.into_inner().finish(hostcalls);
        }
    }
}
