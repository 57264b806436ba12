//! Finds the artifacts that `make wasm` built. Panics with the command to run if one is missing or stale.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Modules, with what builds them and what makes them stale; make and its scripts read it too.
const MODULES: &str = "filters/modules.tsv";
const ENVOY: &str = "dist/nearmiss-envoy.wasm";
const FLUENT_BIT: &str = "dist/nearmiss-fluent-bit.wasm";
const EDGE: &str = "dist/edge/package.json";
const NATIVE: &str = "dist/libnearmiss_envoy.so";

/// Returns the root folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("host-tests/artifact lies in the workspace").to_path_buf()
}

/// Returns the path of the Envoy module as it ships.
///
/// # Panics
///
/// If the module is missing or older than one of its sources: a test of a stale module proves nothing.
pub fn envoy_module() -> PathBuf {
    require_fresh(ENVOY)
}

/// Returns the path of the Fluent Bit module as it ships.
///
/// # Panics
///
/// If the artifact is missing or older than one of its sources.
pub fn fluent_bit_module() -> PathBuf {
    require_fresh(FLUENT_BIT)
}

/// Returns the path of the Fluent Bit module before wasm-opt, which exports more than the host uses.
///
/// # Panics
///
/// If the module as it ships is missing or older than one of its sources.
pub fn unoptimised_fluent_bit_module() -> PathBuf {
    require_fresh(FLUENT_BIT);
    root().join("target/wasm32-wasip1/release/nearmiss_fluent_bit.wasm")
}

/// Returns the folder of the edge package as it ships.
///
/// # Panics
///
/// If the artifact is missing or older than one of its sources.
pub fn edge_package() -> PathBuf {
    require_fresh(EDGE).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Returns the path of Envoy's native module as it ships.
///
/// # Panics
///
/// If the module is missing or older than one of its sources.
pub fn native_module() -> PathBuf {
    require_fresh(NATIVE)
}

/// Returns the path of the native module that panics on purpose.
///
/// # Panics
///
/// If the module is missing or older than one of its sources.
pub fn panicking_module() -> PathBuf {
    require_fresh("target/panicking/libnearmiss_envoy.so")
}

/// Returns the path of the no-op filter, the baseline of the benches.
///
/// # Panics
///
/// If the artifact is missing or older than its source.
pub fn noop_module() -> PathBuf {
    require_fresh("target/noop-filter.wasm")
}

/// Returns the path of the core with its load generator, compiled to a module.
///
/// # Panics
///
/// If the artifact is missing or older than one of its sources.
pub fn core_load_module() -> PathBuf {
    require_fresh("target/wasm32-unknown-unknown/release/core_load.wasm")
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

fn require_fresh(artifact: &str) -> PathBuf {
    check_fresh(&root(), artifact).unwrap_or_else(|reason| panic!("{reason}; run `make {artifact}`"));
    root().join(artifact)
}

/// Returns an error if an artifact is missing, or older than one of its sources in filters/modules.tsv.
fn check_fresh(root: &Path, artifact: &str) -> Result<(), String> {
    let built = modified(&root.join(artifact)).ok_or(format!("{artifact} is missing"))?;
    let newest = sources(root, artifact)?.iter().filter_map(|source| newest_below(&root.join(source))).max();
    let Some((changed, source)) = newest.filter(|(changed, _)| *changed > built) else { return Ok(()) };
    let lag = changed.duration_since(built).unwrap_or_default().as_secs();
    let source = source.strip_prefix(root).unwrap_or(&source).display();
    Err(format!("{artifact} is stale: {source} changed {lag} s after it was built"))
}

/// Returns the sources of an artifact: those of its row, and those of the row of all modules.
fn sources(root: &Path, artifact: &str) -> Result<Vec<String>, String> {
    let table = fs::read_to_string(root.join(MODULES)).map_err(|error| format!("{MODULES}: {error}"))?;
    let cells = |name: &str| {
        let row = table
            .lines()
            .map(|line| line.split('\t'))
            .find_map(|mut row| (row.next()? == name).then_some(row));
        row.and_then(|mut row| row.next_back()).ok_or(format!("{MODULES} does not list {name}"))
    };
    let (shared, own) = (cells("*")?, cells(artifact)?);
    Ok(shared.split(' ').chain(own.split(' ')).map(str::to_owned).collect())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    /// Sources of every module that ships.
    const SHARED: &[&str] = &[
        "Cargo.lock",
        "Cargo.toml",
        "filters/binaryen.sh",
        "filters/modules.tsv",
        "filters/wasm-rt/Cargo.toml",
        "filters/wasm-rt/src/lib.rs",
        "package-lock.json",
        "rust-toolchain.toml",
        "src/lib.rs",
        "src/config/mod.rs",
    ];

    const OWN: [(&str, &str, &[&str]); 4] = [
        (
            ENVOY,
            "filters/envoy",
            &[
                "filters/envoy/Cargo.toml",
                "filters/envoy/config/src/lib.rs",
                "filters/envoy/src/lib.rs",
                "filters/envoy-exchange/Cargo.toml",
                "filters/envoy-exchange/src/lib.rs",
                "filters/optimise.sh",
            ],
        ),
        (
            NATIVE,
            "filters/envoy-native",
            &[
                "filters/envoy/config/src/lib.rs",
                "filters/envoy-exchange/Cargo.toml",
                "filters/envoy-exchange/src/lib.rs",
                "filters/envoy-native/Cargo.toml",
                "filters/envoy-native/build.rs",
                "filters/envoy-native/src/lib.rs",
            ],
        ),
        (
            FLUENT_BIT,
            "filters/fluent-bit",
            &[
                "filters/fluent-bit/Cargo.toml",
                "filters/fluent-bit/config/src/lib.rs",
                "filters/fluent-bit/src/lib.rs",
                "filters/formats/Cargo.toml",
                "filters/formats/src/lib.rs",
                "filters/optimise.sh",
            ],
        ),
        (
            EDGE,
            "filters/edge",
            &[
                "LICENSE",
                "filters/edge/Cargo.toml",
                "filters/edge/config/src/lib.rs",
                "filters/edge/assemble.sh",
                "filters/edge/bundle.mjs",
                "filters/edge/bindgen/Cargo.toml",
                "filters/edge/bindgen/src/main.rs",
                "filters/edge/package/package.json",
                "filters/edge/package/src/metrics.js",
                "filters/edge/src/lib.rs",
            ],
        ),
    ];

    fn touch(path: &Path, second: u64) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let file = File::options().create(true).append(true).open(path).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).expect("a time");
    }

    #[test]
    fn a_newer_source_makes_a_module_stale() {
        let folder = root().join(format!("target/staleness-{}", std::process::id()));
        for (artifact, _, own) in OWN {
            let files = || SHARED.iter().chain(own);
            files().for_each(|file| touch(&folder.join(file), 1));
            fs::copy(root().join(MODULES), folder.join(MODULES)).expect("the table");
            touch(&folder.join(MODULES), 1);
            touch(&folder.join(artifact), 2);
            assert_eq!(check_fresh(&folder, artifact), Ok(()));
            for file in files() {
                touch(&folder.join(file), 5);
                let stale = format!("{artifact} is stale: {file} changed 3 s after it was built");
                assert_eq!(check_fresh(&folder, artifact), Err(stale));
                touch(&folder.join(file), 1);
            }
        }
        fs::remove_dir_all(folder).expect("a folder");
    }

    /// Adds the folder of a crate and of every crate of the workspace that it depends on by path.
    fn add_crates(folder: &Path, crates: &mut BTreeSet<PathBuf>) {
        let folder = folder.canonicalize().expect("the folder of a crate");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        crates.insert(folder.clone());
        for dependency in manifest.lines().filter_map(|line| line.split_once("path = \"")) {
            let (path, _) = dependency.1.split_once('"').expect("a path");
            if dependency.0.contains('{') {
                add_crates(&folder.join(path), crates);
            }
        }
    }

    #[test]
    fn every_crate_of_a_module_is_among_its_sources() {
        for (artifact, folder, _) in OWN {
            let mut crates = BTreeSet::new();
            add_crates(&root().join(folder), &mut crates);
            let sources = sources(&root(), artifact).expect("a row");
            for folder in crates {
                let folder = folder.strip_prefix(root().canonicalize().expect("a root")).expect("a path");
                for source in [folder.join("Cargo.toml"), folder.join("src")] {
                    assert!(
                        sources.iter().any(|listed| source.starts_with(listed)),
                        "{artifact}: {source:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_source_exists() {
        for (artifact, ..) in OWN {
            for source in sources(&root(), artifact).expect("a row") {
                assert!(root().join(&source).exists(), "{artifact}: {source}");
            }
        }
    }
}
