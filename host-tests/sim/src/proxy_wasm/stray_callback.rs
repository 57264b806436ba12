//! Callbacks that Envoy never makes.

use super::{Failure, RootId, Vm};

impl Vm {
    /// Creates a plugin's root context a second time, without a new configuration.
    pub fn create_root_again(&mut self, root: RootId) -> Result<(), Failure> {
        self.call::<_, ()>(root.0, "proxy_on_context_create", (root.0, 0_u32)).map(drop)
    }

    /// Makes every callback for a context that was never created, and creates a stream of it. Envoy does neither.
    pub fn call_back_unknown_context(&mut self, root: RootId) -> Result<(), Failure> {
        const UNKNOWN: u32 = 1_000_000;
        self.call::<_, ()>(root.0, "proxy_on_context_create", (UNKNOWN, UNKNOWN + 1))?;
        for callback in ["proxy_on_tick", "proxy_on_log"] {
            self.call::<_, ()>(root.0, callback, UNKNOWN)?;
        }
        for callback in ["proxy_on_request_headers", "proxy_on_response_headers"] {
            if self.call::<_, u32>(root.0, callback, (UNKNOWN, 0_u32, 1_u32))? == Some(1) {
                return Err(Failure::Paused(callback));
            }
        }
        let response = (UNKNOWN, UNKNOWN, 0_u32, 0_u32, 0_u32);
        self.call::<_, ()>(root.0, "proxy_on_http_call_response", response)?;
        self.call::<_, u32>(root.0, "proxy_on_done", UNKNOWN)?;
        self.call::<_, ()>(root.0, "proxy_on_delete", UNKNOWN)?;
        if self.call::<_, u32>(root.0, "proxy_on_configure", (UNKNOWN, 0_u32))? == Some(1) {
            return Err(Failure::Trap("a context that does not exist accepts a configuration".to_owned()));
        }
        Ok(())
    }
}
