//! The surface of the module: imports, exports and size; no path of the build machine is inside.

use std::collections::BTreeSet;
use std::fs;

use host_tests::artifact;
use wasmtime::{Engine, Module};

const IMPORTS: [&str; 7] =
    ["clock_time_get", "fd_close", "fd_prestat_get", "fd_read", "fd_write", "path_open", "random_get"];
const EXPORTS: [&str; 6] = ["_initialize", "free", "malloc", "memory", "near_miss", "nearmiss_finish"];
/// Maximum size. The target is 180 KiB, which the core alone nearly uses; readers of fourteen formats and merging come on top.
const MOST_BYTES: usize = 396 << 10;

#[test]
fn imports_and_exports_are_those_on_the_list() {
    let bytes = fs::read(artifact::fluent_bit_module()).unwrap();
    let module = Module::new(&Engine::default(), bytes).unwrap();
    let imports: BTreeSet<_> = module.imports().map(|import| import.name().to_owned()).collect();
    let exports: BTreeSet<_> = module.exports().map(|export| export.name().to_owned()).collect();
    assert!(module.imports().all(|import| import.module() == "wasi_snapshot_preview1"));
    assert_eq!(imports, IMPORTS.map(str::to_owned).into());
    assert_eq!(exports, EXPORTS.map(str::to_owned).into());
}

#[test]
fn the_module_is_small_enough() {
    let bytes = fs::read(artifact::fluent_bit_module()).unwrap();
    assert!(bytes.len() <= MOST_BYTES, "{} bytes", bytes.len());
}

#[test]
fn the_module_contains_no_path_of_the_build_machine() {
    let bytes = fs::read(artifact::fluent_bit_module()).unwrap();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let root = artifact::root().display().to_string();
    for needle in [home.as_str(), root.as_str(), "/home/", ".cargo", "/registry/src", "/rustc/", ".rs\0"] {
        let found = bytes.windows(needle.len()).position(|window| window == needle.as_bytes());
        assert_eq!(found, None, "`{needle}` is inside the module");
    }
}
