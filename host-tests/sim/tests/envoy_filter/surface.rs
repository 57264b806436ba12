//! The surface of the module: imports, exports and size; no path of the build machine is inside.

use std::collections::BTreeSet;
use std::fs;

use wasmtime::{Engine, Module};

/// The expected imports and exports; this file is changed only by hand.
const GOLDEN: &str = include_str!("surface.txt");
/// Maximum size, a third above the target of 180 KiB.
const MOST_BYTES: usize = 243 * 1024;

#[test]
fn imports_and_exports_are_those_on_the_list() {
    let bytes = fs::read(artifact::envoy_module()).unwrap();
    let module = Module::new(&Engine::default(), bytes).unwrap();
    let imports = module.imports().map(|import| format!("import {}.{}", import.module(), import.name()));
    let exports = module.exports().map(|export| format!("export {}", export.name()));
    let shown: BTreeSet<_> = imports.chain(exports).collect();
    let listed: BTreeSet<_> = GOLDEN.lines().map(str::to_owned).collect();
    let more: Vec<_> = shown.difference(&listed).collect();
    let less: Vec<_> = listed.difference(&shown).collect();
    assert!(more.is_empty() && less.is_empty(), "not on the list: {more:?}; only on the list: {less:?}");
}

#[test]
fn the_module_is_small_enough() {
    let bytes = fs::read(artifact::envoy_module()).unwrap();
    assert!(bytes.len() <= MOST_BYTES, "{} bytes", bytes.len());
}

#[test]
fn the_module_contains_no_path_of_the_build_machine() {
    let bytes = fs::read(artifact::envoy_module()).unwrap();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let root = artifact::root().display().to_string();
    for needle in [home.as_str(), root.as_str(), "/home/", ".cargo", "/registry/src", "/rustc/", ".rs\0"] {
        let found = bytes.windows(needle.len()).position(|window| window == needle.as_bytes());
        assert_eq!(found, None, "`{needle}` is inside the module");
    }
}
