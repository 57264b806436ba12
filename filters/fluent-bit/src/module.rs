//! The one instance in this module, and its configuration.

use crate::filter::{Filter, Misconfigured};
use crate::host;
use alloc::format;
use alloc::string::{String, ToString};
use core::cell::RefCell;
use nearmiss::{Config, Timestamp};
use nearmiss_wasm_rt::{local, refill_reserve};

/// The file that is looked for in the folders that the host opens for the module.
const CONFIGURATION: &str = "nearmiss.json";

local! {
    static FILTER: RefCell<Option<Filter>> = RefCell::new(None);
}

/// Reads the configuration, before the first record, and puts memory by.
pub(crate) fn start() {
    refill_reserve();
    with((), |_| ());
}

/// The reply to one record, ending with a NUL; `None` takes the record back as it came.
pub(crate) fn judge(seconds: u32, nanoseconds: u32, record: &[u8]) -> Option<*const u8> {
    let micros = u64::from(seconds) * 1_000_000 + u64::from(nanoseconds) / 1_000;
    let arrived = (micros > 0).then(|| Timestamp::from_micros(micros));
    let reply = |filter: &mut Filter| match refill_reserve() {
        true => filter.take(arrived, record).map(<[u8]>::as_ptr),
        false => filter.pass(record).map(<[u8]>::as_ptr),
    };
    with(None, reply)
}

/// The reply to a record that found no room: of `size` bytes, nothing else is known.
pub(crate) fn missing(size: usize) -> *const u8 {
    with(c"{}".as_ptr().cast(), |filter| filter.missing(size).as_ptr())
}

/// Everything that still waits.
pub(crate) fn finish() -> *const u8 {
    with(c"".as_ptr().cast(), |filter| filter.finish().as_ptr())
}

fn with<R>(otherwise: R, body: impl FnOnce(&mut Filter) -> R) -> R {
    FILTER.with(|filter| match filter.try_borrow_mut() {
        Ok(mut filter) => body(filter.get_or_insert_with(configured)),
        Err(_) => otherwise,
    })
}

fn configured() -> Filter {
    let run = format!("{:x}/{}", host::random(), host::now() / 1_000_000);
    configuration().and_then(|config| Filter::new(config, &run)).unwrap_or_else(|wrong| {
        let what = format!("{CONFIGURATION}: {}", wrong.0);
        host::complain(&format!("nearmiss: {what}; records pass under the defaults, and each says so"));
        Filter::on_defaults(&run, &what)
    })
}

fn configuration() -> Result<Config, Misconfigured> {
    let bytes = host::read_file(CONFIGURATION, Config::MAX_BYTES + 1)
        .map_err(|refused| Misconfigured(format!("it cannot be read (WASI error {})", refused.0)))?;
    let text = String::from_utf8(bytes.unwrap_or_default())
        .map_err(|_| Misconfigured("the configuration is not UTF-8".to_string()))?;
    Config::parse(&text).map_err(|error| Misconfigured(error.to_string()))
}
