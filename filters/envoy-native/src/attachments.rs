//! All attachments of this process. A plugin whose listener is updated finds its state here, by its name.

use crate::abi::{FilterConfig, LoggerConfig, now};
use crate::attachment::Attachment;
use crate::lock::lock;
use crate::plugin::Plugin;
use nearmiss::ConfigError;
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::config::PluginConfig;
use std::sync::{Arc, Mutex};

static ATTACHMENTS: Mutex<Vec<Arc<Attachment>>> = Mutex::new(Vec::new());

/// Attaches an HTTP or upstream filter as configured.
pub(crate) fn attach_filter(
    name: &str,
    config: PluginConfig,
    workers: usize,
    envoy: FilterConfig,
) -> Arc<Attachment> {
    attach(name, config, workers, |config, plugin| Attachment::filter(config, plugin, envoy))
}

/// Attaches an access logger as configured.
pub(crate) fn attach_logger(
    name: &str,
    mut config: PluginConfig,
    workers: usize,
    envoy: LoggerConfig,
) -> Arc<Attachment> {
    config.envoy.attach = Attach::Log;
    attach(name, config, workers, |config, plugin| Attachment::logger(config, plugin, envoy))
}

fn attach(
    name: &str,
    config: PluginConfig,
    workers: usize,
    attachment: impl FnOnce(Arc<PluginConfig>, Arc<Plugin>) -> Attachment,
) -> Arc<Attachment> {
    let (config, mut attachments) = (Arc::new(config), lock(&ATTACHMENTS));
    let known = attachments.iter().map(|attachment| &attachment.plugin);
    let known = known.into_iter().find(|plugin| plugin.matches(config.envoy.attach, name)).map(Arc::clone);
    let plugin = match known {
        Some(plugin) => {
            plugin.reconfigure(&config);
            plugin
        }
        None => Arc::new(Plugin::new(name.into(), Arc::clone(&config), workers)),
    };
    let attachment = Arc::new(attachment(config, plugin));
    attachments.push(Arc::clone(&attachment));
    attachment
}

/// Ends an attachment; the last one of a plugin ends the plugin, which reports what is left.
pub(crate) fn detach(attachment: &Arc<Attachment>) {
    attachment.detach();
    let mut attachments = lock(&ATTACHMENTS);
    attachments.retain(|other| !Arc::ptr_eq(other, attachment));
    let is_last = attachments.iter().all(|other| !Arc::ptr_eq(&other.plugin, &attachment.plugin));
    drop(attachments);
    if is_last {
        attachment.plugin.finish(now());
    }
}

/// Reports for all plugins, and asks Envoy to take the counts of all attachments.
pub(crate) fn on_tick() {
    let attachments = lock(&ATTACHMENTS).clone();
    for (index, attachment) in attachments.iter().enumerate() {
        let mut before = attachments.iter().take(index);
        if before.all(|other| !Arc::ptr_eq(&other.plugin, &attachment.plugin)) {
            attachment.plugin.report(now());
        }
    }
    attachments.iter().for_each(|attachment| attachment.request_hand_over());
}

/// Parses a configuration.
pub(crate) fn parse(text: &[u8]) -> Result<PluginConfig, ConfigError> {
    let text = core::str::from_utf8(text)
        .map_err(|_| ConfigError::Syntax(String::from("the configuration is not UTF-8")))?;
    PluginConfig::parse(text)
}
