//! Finds the artifacts that `make wasm` built. Panics with the command to run if one is missing or stale.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Returns the root folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("host-tests lies in the workspace").to_path_buf()
}

/// Returns the path of the Envoy module as it ships.
///
/// # Panics
///
/// If the module is missing or older than one of its sources: a test of a stale module proves nothing.
pub fn envoy_module() -> PathBuf {
    let sources =
        ["src", "filters/wasm-rt/src", "filters/envoy/src", "Cargo.lock", "filters/envoy/Cargo.toml"];
    require_fresh(&root().join("dist/nearmiss-envoy.wasm"), &sources, "make wasm")
}

/// Returns the path of the Fluent Bit module as it ships.
///
/// # Panics
///
/// If the artifact is missing or older than one of its sources.
pub fn fluent_bit_module() -> PathBuf {
    let sources = [
        "src",
        "filters/wasm-rt/src",
        "filters/fluent-bit/src",
        "filters/formats/src",
        "Cargo.lock",
        "filters/fluent-bit/Cargo.toml",
    ];
    require_fresh(&root().join("dist/nearmiss-fluent-bit.wasm"), &sources, "make wasm")
}

/// Returns the folder of the edge package as it ships.
///
/// # Panics
///
/// If the artifact is missing or older than one of its sources.
pub fn edge_package() -> PathBuf {
    let sources = [
        "src",
        "filters/wasm-rt/src",
        "filters/edge/src",
        "filters/edge/package",
        "Cargo.lock",
        "filters/edge/Cargo.toml",
    ];
    let package = require_fresh(&root().join("dist/edge/package.json"), &sources, "make wasm");
    package.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Returns the path of the no-op filter, the baseline of the benches.
///
/// # Panics
///
/// If the artifact is missing or older than its source.
pub fn noop_module() -> PathBuf {
    require_fresh(&root().join("target/noop-filter.wasm"), &["host-tests/noop-filter"], "make noop-filter")
}

/// Returns the path of the core with its load generator, compiled to a module.
///
/// # Panics
///
/// If the artifact is missing or older than one of its sources.
pub fn core_load_module() -> PathBuf {
    let built = root().join("target/wasm32-unknown-unknown/release/core_load.wasm");
    require_fresh(&built, &["src", "host-tests/core-load/src"], "make core-load")
}

/// Returns the path of the clock library to preload, which cargo builds next to the program that depends on it.
///
/// # Panics
///
/// If the library does not exist.
pub fn swift_clock() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own path");
    let folder = program.parent().expect("a program lies in a folder");
    let found = [folder.to_path_buf(), folder.join("deps")]
        .map(|folder| folder.join("libswift_clock.so"))
        .into_iter()
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("libswift_clock.so is not next to {}; cargo builds it", program.display()))
}

fn require_fresh(artifact: &Path, sources: &[&str], command: &str) -> PathBuf {
    let name = artifact.strip_prefix(root()).unwrap_or(artifact).display();
    let built = modified(artifact).unwrap_or_else(|| panic!("{name} is missing; run `{command}`"));
    let newest = sources.iter().filter_map(|source| newest_below(&root().join(source))).max();
    if let Some((changed, source)) = newest.filter(|(changed, _)| *changed > built) {
        let lag = changed.duration_since(built).unwrap_or_default().as_secs();
        let source = source.strip_prefix(root()).unwrap_or(&source).display().to_string();
        panic!("{name} is stale: {source} changed {lag} s after it was built; run `{command}`");
    }
    artifact.to_path_buf()
}

fn newest_below(path: &Path) -> Option<(SystemTime, PathBuf)> {
    if path.is_dir() {
        let entries = fs::read_dir(path).ok()?;
        return entries.flatten().filter_map(|entry| newest_below(&entry.path())).max();
    }
    Some((modified(path)?, path.to_path_buf()))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}
