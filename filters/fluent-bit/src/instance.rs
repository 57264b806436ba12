//! The module's single filter and its configuration.

use crate::filter::{Filter, InvalidConfig};
use crate::host;
use alloc::format;
use alloc::string::{String, ToString};
use core::cell::RefCell;
use nearmiss::{Config, Timestamp};
use nearmiss_fluent_bit_config::{FluentBitConfig, SECTION};
use nearmiss_wasm_rt::{local, refill_reserve};

/// The configuration file, looked up in the directories that the host opens for the module.
const CONFIG_FILE: &str = "nearmiss.json";

local! {
    static FILTER: RefCell<Option<Filter>> = RefCell::new(None);
}

/// Allocates the memory reserve and reads the configuration, before the first record.
pub(crate) fn start() {
    refill_reserve();
    with_filter((), |_| ());
}

/// Returns the output for one record, NUL-terminated; `None` returns the record unchanged.
pub(crate) fn process(seconds: u32, nanoseconds: u32, record: &[u8]) -> Option<*const u8> {
    let micros = u64::from(seconds) * 1_000_000 + u64::from(nanoseconds) / 1_000;
    let default_time = (micros > 0).then(|| Timestamp::from_micros(micros));
    let output = |filter: &mut Filter| match refill_reserve() {
        true => filter.process(default_time, record).map(<[u8]>::as_ptr),
        false => filter.pass_through(record).map(<[u8]>::as_ptr),
    };
    with_filter(None, output)
}

/// Returns the output for a record of `size` bytes that did not fit into memory.
pub(crate) fn out_of_memory(size: usize) -> *const u8 {
    with_filter(c"{}".as_ptr().cast(), |filter| filter.out_of_memory(size).as_ptr())
}

/// Ends the input and returns all waiting records.
pub(crate) fn finish() -> *const u8 {
    with_filter(c"".as_ptr().cast(), |filter| filter.finish().as_ptr())
}

fn with_filter<R>(if_borrowed: R, body: impl FnOnce(&mut Filter) -> R) -> R {
    FILTER.with(|filter| match filter.try_borrow_mut() {
        Ok(mut filter) => body(filter.get_or_insert_with(configured_filter)),
        Err(_) => if_borrowed,
    })
}

fn configured_filter() -> Filter {
    let random = host::random_bytes().map_or(0, u32::from_le_bytes);
    let run_id = format!("{random:x}/{}", host::now_micros() / 1_000_000);
    read_config().and_then(|(config, section)| Filter::new(config, &section, &run_id)).unwrap_or_else(
        |error| {
            let reason = format!("{CONFIG_FILE}: {}", error.0);
            host::write_stderr(&format!(
                "nearmiss: {reason}; defaults are used, and every record carries a note"
            ));
            Filter::with_defaults(&run_id, &reason)
        },
    )
}

fn read_config() -> Result<(Config, FluentBitConfig), InvalidConfig> {
    let bytes = host::read_file(CONFIG_FILE, Config::MAX_BYTES + 1)
        .map_err(|errno| InvalidConfig(format!("the file cannot be read (WASI error {})", errno.0)))?;
    let text = String::from_utf8(bytes.unwrap_or_default())
        .map_err(|_| InvalidConfig("the configuration is not UTF-8".to_string()))?;
    let mut section = FluentBitConfig::default();
    Config::parse_with_sections(&text, &mut [(SECTION, &mut section)])
        .map(|config| (config, section))
        .map_err(|error| InvalidConfig(error.to_string()))
}
