//! The module's single filter and its configuration.

use crate::filter::{Filter, InvalidConfig};
use crate::host;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
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
    read_config().and_then(|bytes| configured(bytes, &run_id)).unwrap_or_else(|error| {
        let reason = format!("{CONFIG_FILE}: {}", error.0);
        host::write_stderr(&format!(
            "nearmiss: {reason}; defaults are used, and every record carries a note"
        ));
        Filter::with_defaults(&run_id, &reason)
    })
}

/// Returns the filter of a configuration, or one with defaults, which says so in its first record, if there is no file.
fn configured(bytes: Option<Vec<u8>>, run_id: &str) -> Result<Filter, InvalidConfig> {
    let Some(bytes) = bytes else {
        let mut filter = Filter::new(Config::default(), &FluentBitConfig::default(), run_id)?;
        let directories = host::directories();
        if !directories.is_empty() {
            let note = format!(
                "there is no {CONFIG_FILE} in {} (`accessible_paths`; relative paths begin at the working directory \
                 of Fluent Bit), so defaults are used",
                directories.join(", ")
            );
            host::write_stderr(&format!("nearmiss: {note}"));
            filter.note_once(note);
        }
        return Ok(filter);
    };
    let (config, section) = parse(bytes)?;
    Filter::new(config, &section, run_id)
}

fn read_config() -> Result<Option<Vec<u8>>, InvalidConfig> {
    host::read_file(CONFIG_FILE, Config::MAX_BYTES + 1)
        .map_err(|errno| InvalidConfig(format!("the file cannot be read (WASI error {errno})")))
}

fn parse(bytes: Vec<u8>) -> Result<(Config, FluentBitConfig), InvalidConfig> {
    let text =
        String::from_utf8(bytes).map_err(|_| InvalidConfig("the configuration is not UTF-8".to_string()))?;
    let mut section = FluentBitConfig::default();
    Config::parse_with_sections(&text, &mut [(SECTION, &mut section)])
        .map(|config| (config, section))
        .map_err(|error| InvalidConfig(error.to_string()))
}
