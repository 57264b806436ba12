//! The module: its hooks, called as Envoy calls them.

use std::ffi::{CString, c_void};
use std::mem::transmute_copy;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::callbacks::{Buffer, Pointer, take_log};
use super::exchange::{Exchange, Phase};

/// A loaded module.
pub(crate) struct Module(Pointer);

// SAFETY: the handle of a library is the same for every thread.
unsafe impl Sync for Module {}

/// A configuration of the module.
pub(crate) struct Attached<'m> {
    module: &'m Module,
    config: Pointer,
    as_logger: bool,
}

// SAFETY: a configuration serves all workers, as in Envoy.
unsafe impl Sync for Attached<'_> {}

/// A worker thread of Envoy that has the configuration.
pub(crate) struct Worker<'a> {
    attached: &'a Attached<'a>,
    /// The object of the thread, if this is a logger.
    logger: Option<Pointer>,
}

impl Module {
    /// Loads the module.
    pub(crate) fn load(path: &Path) -> Self {
        let name = CString::new(path.as_os_str().as_bytes()).expect("a path");
        // SAFETY: the name ends with NUL; the module's constructors are those of the Rust runtime.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "{} cannot be loaded", path.display());
        Self(handle)
    }

    /// Returns a hook, whose type the caller knows.
    fn hook<F: Copy>(&self, name: &str) -> F {
        let symbol = CString::new(format!("envoy_dynamic_module_on_{name}")).expect("a name");
        // SAFETY: the name ends with NUL.
        let address = unsafe { libc::dlsym(self.0, symbol.as_ptr()) };
        assert!(!address.is_null(), "the module has no hook {name}");
        // SAFETY: every F here is the type of a function, of the size of a pointer, and that of the hook of this name.
        unsafe { transmute_copy::<*mut c_void, F>(&address) }
    }

    /// Attaches the module as an HTTP filter or an access logger.
    pub(crate) fn attach(&self, name: &str, config: &str, as_logger: bool) -> Attached<'_> {
        let kind = if as_logger { "access_logger" } else { "http_filter" };
        let new =
            self.hook::<extern "C" fn(Pointer, Buffer, Buffer) -> Pointer>(&format!("{kind}_config_new"));
        let config = new(std::ptr::null_mut(), Buffer::of(name.as_bytes()), Buffer::of(config.as_bytes()));
        assert!(!config.is_null(), "{name} is refused: {:?}", take_log());
        Attached { module: self, config, as_logger }
    }
}

impl Attached<'_> {
    /// Returns a worker, for one thread.
    pub(crate) fn worker(&self) -> Worker<'_> {
        let new = || self.module.hook::<extern "C" fn(Pointer, Pointer) -> Pointer>("access_logger_new");
        let logger = self.as_logger.then(|| new()(self.config, std::ptr::null_mut()));
        Worker { attached: self, logger }
    }

    /// Calls the configuration back on the main thread.
    pub(crate) fn on_scheduled(&self) {
        let scheduled =
            self.module.hook::<extern "C" fn(Pointer, Pointer, u64)>("http_filter_config_scheduled");
        scheduled(std::ptr::null_mut(), self.config, 0);
    }
}

impl Drop for Attached<'_> {
    /// Ends the configuration.
    fn drop(&mut self) {
        let kind = if self.as_logger { "access_logger" } else { "http_filter" };
        self.module.hook::<extern "C" fn(Pointer)>(&format!("{kind}_config_destroy"))(self.config);
    }
}

impl Worker<'_> {
    /// Runs an exchange.
    pub(crate) fn run(&self, exchange: &mut Exchange) {
        let envoy: Pointer = std::ptr::from_mut(exchange).cast();
        match self.logger {
            Some(logger) => {
                const DOWNSTREAM_END: u32 = 6;
                // SAFETY: the exchange is alive and only used through this pointer.
                unsafe { set_phase(envoy, Phase::Ended) };
                let log =
                    self.attached.module.hook::<extern "C" fn(Pointer, Pointer, u32)>("access_logger_log");
                log(envoy, logger, DOWNSTREAM_END);
            }
            None => self.filter(envoy),
        }
    }

    fn filter(&self, envoy: Pointer) {
        type OnHeaders = extern "C" fn(Pointer, Pointer, bool) -> u32;
        let hook = |name: &str| format!("http_filter_{name}");
        let Attached { module, config, .. } = self.attached;
        let new = module.hook::<extern "C" fn(Pointer, Pointer) -> Pointer>(&hook("new"));
        let filter = new(*config, envoy);
        module.hook::<OnHeaders>(&hook("request_headers"))(envoy, filter, true);
        // SAFETY: the exchange is alive and only used through this pointer.
        let (has_response, has_trailers) = unsafe {
            set_phase(envoy, Phase::Response);
            let stream = &(*envoy.cast::<Exchange>()).stream;
            (stream.response_headers.is_some(), stream.response_trailers.is_some())
        };
        if has_response {
            module.hook::<OnHeaders>(&hook("response_headers"))(envoy, filter, !has_trailers);
        }
        if has_trailers {
            let trailers = module.hook::<extern "C" fn(Pointer, Pointer) -> u32>(&hook("response_trailers"));
            trailers(envoy, filter);
        }
        // SAFETY: as above.
        unsafe { set_phase(envoy, Phase::Ended) };
        module.hook::<extern "C" fn(Pointer, Pointer)>(&hook("stream_complete"))(envoy, filter);
        module.hook::<extern "C" fn(Pointer)>(&hook("destroy"))(filter);
    }
}

impl Drop for Worker<'_> {
    /// Ends the logger of the thread.
    fn drop(&mut self) {
        if let Some(logger) = self.logger {
            self.attached.module.hook::<extern "C" fn(Pointer)>("access_logger_destroy")(logger);
        }
    }
}

/// Moves an exchange on.
///
/// # Safety
///
/// The pointer must be that of an exchange that is alive.
unsafe fn set_phase(envoy: Pointer, phase: Phase) {
    // SAFETY: the caller's promise.
    unsafe { (*envoy.cast::<Exchange>()).phase = phase };
}
