//! Compiler versions: the oldest supported one, and the pinned one that builds the modules.

use std::fs;

/// Returns the quoted value of a line that starts with `key = `.
fn value(file: &str, key: &str) -> String {
    let text =
        fs::read_to_string(artifact::root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
    let (value, _) = line.and_then(|rest| rest.split_once('"')).unwrap_or_else(|| panic!("{file}: no {key}"));
    value.to_owned()
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or_else(|_| panic!("not a version: {version}")))
        .collect()
}

#[test]
fn the_readme_names_the_oldest_supported_compiler() {
    let oldest = value("Cargo.toml", "rust-version");
    let readme = fs::read_to_string(artifact::root().join("README.md")).expect("a README");
    assert!(readme.contains(&format!("Rust {oldest} ")), "README.md does not say \"Rust {oldest}\"");
}

#[test]
fn the_pinned_compiler_is_supported() {
    let (pinned, oldest) = (value("rust-toolchain.toml", "channel"), value("Cargo.toml", "rust-version"));
    assert!(numbers(&pinned) >= numbers(&oldest), "{pinned} is older than {oldest}");
}
