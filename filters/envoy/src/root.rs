//! One plugin in one VM: its configuration, and what it shares with the plugin it takes over from.

use crate::attributes::{Query, name};
use crate::exchange;
use crate::host::Call;
use crate::upstream;
use crate::watch::{Shared, Watch};
use alloc::string::String;
use nearmiss::config::{Attach, Mode};
use nearmiss::{Config, ConfigError};

/// A plugin's root context.
pub(crate) struct Root {
    /// The host's name for it.
    pub(crate) id: u32,
    /// What the plugin is attached as.
    pub(crate) attach: Attach,
    /// How much it reads.
    pub(crate) mode: Mode,
    /// Whether responses get the `near-miss` header.
    pub(crate) annotates: bool,
    watch: Option<Shared>,
    /// Prepared by the first exchange: a VM that never sees traffic leaves no trace.
    query: Option<Query>,
}

/// How often a plugin is woken, in milliseconds.
const TICK: u32 = 1_000;

/// What a plugin is called: its successor after an update goes by the same name.
pub(crate) fn identity(call: &Call) -> String {
    let part = |path| name(call.property(path)).unwrap_or_default();
    alloc::format!("{}/{}", part("plugin_name"), part("plugin_root_id"))
}

impl Root {
    /// A plugin that has not been configured.
    pub(crate) fn new(id: u32) -> Self {
        Self { id, attach: Attach::Http, mode: Mode::Full, annotates: false, watch: None, query: None }
    }

    /// Takes a configuration. If one of the `siblings` has this identity, this is an update of it: what was learned and
    /// counted stays, under the new configuration.
    pub(crate) fn configure(
        &mut self,
        call: &Call,
        text: &[u8],
        identity: String,
        siblings: &[Shared],
    ) -> Result<(), ConfigError> {
        let text = core::str::from_utf8(text)
            .map_err(|_| ConfigError::Syntax(String::from("the configuration is not UTF-8")))?;
        let config = Config::parse(text)?;
        self.attach = config.envoy.attach;
        self.mode = config.envoy.mode;
        self.annotates = config.envoy.header && self.attach == Attach::Http;
        self.query = None;
        let same = |watch: &&Shared| watch.borrow().is(self.attach, &identity);
        let known = self.watch.iter().chain(siblings).find(same).cloned();
        match known {
            Some(watch) => {
                watch.borrow_mut().reconfigure(config);
                self.watch = Some(watch);
            }
            None => self.watch = Some(Watch::shared(identity, config)),
        }
        if self.attach != Attach::Upstream {
            // Also in a VM that never sees traffic: it can speak for those that do.
            let _ = call.tick_every(TICK);
        }
        Ok(())
    }

    /// What it watches with; nothing before it is configured.
    pub(crate) fn watch(&self) -> Option<Shared> {
        self.watch.clone()
    }

    /// How attributes are asked for in this plugin.
    pub(crate) fn query(&mut self, call: &Call) -> Query {
        let mode = self.mode;
        *self.query.get_or_insert_with(|| Query::prepare(call, mode))
    }

    /// Counts an attempt of an exchange that nobody judges.
    pub(crate) fn count_attempt(&self, call: &Call) {
        if let Some(watch) = self.watch.as_ref().filter(|_| !exchange::is_seen(call)) {
            watch.borrow_mut().count_attempt(call, upstream::cluster(call));
        }
    }

    /// An access logger is told that an exchange is over.
    pub(crate) fn log(&mut self, call: &Call) {
        if self.attach != Attach::Upstream && !exchange::is_seen(call) {
            exchange::take(call, self, None);
        }
    }

    /// The plugin goes, and with the last of its name what it has watched.
    pub(crate) fn finish(self, call: &Call) {
        if let Some(watch) = self.watch.and_then(alloc::rc::Rc::into_inner) {
            watch.into_inner().finish(call);
        }
    }
}
