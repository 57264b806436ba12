//! The plugins of this VM, by root context: a plugin whose configuration is updated finds its state here.

use crate::plugin::SharedPlugin;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use nearmiss_envoy_config::Attach;
use nearmiss_wasm_rt::local;

local! {
    static PLUGINS: RefCell<Vec<(u32, SharedPlugin)>> = RefCell::new(Vec::new());
}

/// Returns the plugin of that identity, attached in the same way, if a root context of this VM has it.
pub(crate) fn find(attach: Attach, identity: &str) -> Option<SharedPlugin> {
    PLUGINS.with(|plugins| {
        let plugins = plugins.borrow();
        let mut shared = plugins.iter().map(|(_, plugin)| plugin);
        shared.find(|plugin| plugin.borrow().matches(attach, identity)).cloned()
    })
}

/// Returns true if a plugin of this VM judges exchanges.
pub(crate) fn any_judges() -> bool {
    PLUGINS.with(|plugins| plugins.borrow().iter().any(|(_, plugin)| plugin.borrow().judges()))
}

/// Sets the plugin of a root context.
pub(crate) fn insert(context_id: u32, plugin: SharedPlugin) {
    remove(context_id);
    PLUGINS.with(|plugins| plugins.borrow_mut().push((context_id, plugin)));
}

/// Removes the plugin of a root context, and returns it if no other root context has it.
pub(crate) fn remove(context_id: u32) -> Option<SharedPlugin> {
    PLUGINS.with(|plugins| {
        let mut plugins = plugins.borrow_mut();
        let index = plugins.iter().position(|(id, _)| *id == context_id)?;
        let (_, removed) = plugins.swap_remove(index);
        let is_shared = plugins.iter().any(|(_, plugin)| Rc::ptr_eq(plugin, &removed));
        (!is_shared).then_some(removed)
    })
}
