//! The surface of the module: imports, exports and size; no path of the build machine is inside.

use std::collections::BTreeSet;
use std::fs;

use wasmtime::{Engine, ImportType, Module, ValType};

/// The imports, by name and parameters; each returns an error number.
const IMPORTS: [&str; 8] = [
    "clock_time_get(i32, i64, i32)",
    "fd_close(i32)",
    "fd_prestat_dir_name(i32, i32, i32)",
    "fd_prestat_get(i32, i32)",
    "fd_read(i32, i32, i32, i32)",
    "fd_write(i32, i32, i32, i32)",
    "path_open(i32, i32, i32, i32, i32, i64, i64, i32, i32)",
    "random_get(i32, i32)",
];
const EXPORTS: [&str; 6] = ["_initialize", "free", "malloc", "memory", "near_miss", "nearmiss_finish"];
/// Maximum size. The target is 180 KiB, which the core alone nearly uses; readers of fourteen formats and merging come on top.
const MOST_BYTES: usize = 431 << 10;

#[test]
fn imports_and_exports_are_those_on_the_list() {
    let bytes = fs::read(artifact::fluent_bit_module()).unwrap();
    let module = Module::new(&Engine::default(), bytes).unwrap();
    let imports: BTreeSet<_> = module.imports().map(|import| signature(&import)).collect();
    let exports: BTreeSet<_> = module.exports().map(|export| export.name().to_owned()).collect();
    assert!(module.imports().all(|import| import.module() == "wasi_snapshot_preview1"));
    assert_eq!(imports, IMPORTS.map(|import| format!("{import} -> i32")).into());
    assert_eq!(exports, EXPORTS.map(str::to_owned).into());
}

fn signature(import: &ImportType<'_>) -> String {
    let ty = import.ty();
    let function = ty.func().expect("a function");
    let types = |types: &mut dyn Iterator<Item = ValType>| {
        types.map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ")
    };
    format!("{}({}) -> {}", import.name(), types(&mut function.params()), types(&mut function.results()))
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
