//! The root context of a plugin: its configuration, its timer, and its exchanges if it is attached as an access logger.
//!
//! A VM outlives updates of its plugins: an updated plugin has another root context, and finds its state by its identity.

use crate::attachment::Attachment;
use crate::host::Envoy;
use crate::http::HttpFilter;
use crate::identity;
use crate::plugin::{Plugin, TICK_PERIOD};
use crate::plugins;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::traits::{Context, HttpContext, RootContext};
use crate::proxy_wasm::types::{BufferType, ContextType, LogLevel};
use crate::upstream::UpstreamFilter;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use core::time::Duration;
use nearmiss::{ConfigError, Micros};
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::config::PluginConfig;
use nearmiss_envoy_exchange::exchange;

/// A plugin's root context.
pub(crate) struct PluginRoot {
    context_id: u32,
    /// `None` until the plugin is configured.
    attachment: Option<Rc<Attachment>>,
    /// The period of its ticks; 0 until there are any.
    tick_period: Micros,
}

impl PluginRoot {
    /// Creates the root context of a plugin that has not been configured.
    pub(crate) const fn new(context_id: u32) -> Self {
        Self { context_id, attachment: None, tick_period: Micros::new(0) }
    }

    /// Applies a configuration. A plugin that this VM knows keeps what it has learned and counted.
    fn configure(&mut self, hostcalls: &Hostcalls, text: &[u8]) -> Result<(), ConfigError> {
        let text = core::str::from_utf8(text)
            .map_err(|_| ConfigError::Syntax(String::from("the configuration is not UTF-8")))?;
        let config = PluginConfig::parse(text)?;
        let (config, identity) = (Rc::new(config), identity::plugin(hostcalls));
        let plugin = match plugins::find(config.envoy.attach, &identity) {
            Some(plugin) => {
                plugin.borrow_mut().reconfigure(hostcalls, Rc::clone(&config));
                plugin
            }
            None => Plugin::new_shared(identity, Rc::clone(&config)),
        };
        plugins::insert(self.context_id, Rc::clone(&plugin));
        let attach = config.envoy.attach;
        self.attachment = Some(Attachment::new(config, plugin));
        if attach != Attach::Upstream {
            // A VM without traffic ticks as well, because it can lead.
            self.set_tick_period(hostcalls, TICK_PERIOD);
        }
        Ok(())
    }

    fn set_tick_period(&mut self, hostcalls: &Hostcalls, period: Micros) {
        if period != self.tick_period
            && hostcalls.set_tick_period(Duration::from_micros(period.get())).is_ok()
        {
            self.tick_period = period;
        }
    }
}

impl Context for PluginRoot {
    fn on_http_call_response(
        &mut self,
        token_id: u32,
        _num_headers: usize,
        body_size: usize,
        _num_trailers: usize,
    ) {
        if let Some(attachment) = &self.attachment {
            attachment.plugin.borrow_mut().on_http_call_response(&Hostcalls::begin(), token_id, body_size);
        }
    }

    /// The last root context of a plugin finishes its state.
    fn on_done(&mut self) -> bool {
        if let Some(plugin) = plugins::remove(self.context_id) {
            plugin.borrow_mut().finish(&Hostcalls::begin());
        }
        true
    }
}

impl RootContext for PluginRoot {
    fn on_configure(&mut self, plugin_configuration_size: usize) -> bool {
        let hostcalls = Hostcalls::begin();
        let text = hostcalls.get_buffer(BufferType::PluginConfiguration, 0, plugin_configuration_size);
        match self.configure(&hostcalls, text.unwrap_or_default()) {
            Ok(()) => true,
            Err(error) => {
                let _ = hostcalls.log(LogLevel::Error, shortened(&alloc::format!("nearmiss: {error}")));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(attachment) = &self.attachment {
            let hostcalls = Hostcalls::begin();
            let period = attachment.plugin.borrow_mut().on_tick(&hostcalls);
            self.set_tick_period(&hostcalls, period);
        }
    }

    /// Observes an exchange as an access logger, unless an HTTP filter has done so.
    fn on_log(&mut self) {
        let hostcalls = Hostcalls::begin();
        if let Some(attachment) = &self.attachment
            && attachment.config.envoy.attach != Attach::Upstream
            && !exchange::is_seen(&Envoy::new(&hostcalls))
        {
            attachment.observe(&hostcalls, None);
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        let attachment = Rc::clone(self.attachment.as_ref()?);
        Some(match attachment.config.envoy.attach {
            Attach::Upstream => Box::new(UpstreamFilter::new(attachment)),
            Attach::Http | Attach::Log => Box::new(HttpFilter::new(attachment)),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Shortens an error message to one readable log line: a field of the configuration may have any length.
fn shortened(line: &str) -> &str {
    const MAX: usize = 500;
    line.get(..line.floor_char_boundary(MAX)).unwrap_or(line)
}
