//! Sizes of the modules and of their parts, from two builds: as they ship, and with function names.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::code_sizes::CodeSizes;
use super::{Row, Selection, Spread};

/// Smallest share of a module, in percent, for which a part gets a row of its own.
const SMALL: usize = 2;

/// A module that ships.
struct ShippedModule {
    name: &'static str,
    shipped: &'static str,
    named: &'static str,
    /// Targets, raw and gzipped.
    aims: (&'static str, &'static str),
}

const MODULES: [ShippedModule; 3] = [
    ShippedModule {
        name: "envoy",
        shipped: "dist/nearmiss-envoy.wasm",
        named: "target/sizes/nearmiss-envoy.wasm",
        aims: ("180 KiB", "70 KiB"),
    },
    ShippedModule {
        name: "edge",
        shipped: "dist/edge/nearmiss.wasm",
        named: "target/sizes/edge/nearmiss.wasm",
        aims: ("110 KiB", "48 KiB"),
    },
    ShippedModule {
        name: "fluent-bit",
        shipped: "dist/nearmiss-fluent-bit.wasm",
        named: "target/sizes/nearmiss-fluent-bit.wasm",
        aims: ("180 KiB", "–"),
    },
];

/// Measures the selected rows.
pub fn run(selection: &Selection) {
    if selection.wants("sizes") {
        MODULES.iter().flat_map(ShippedModule::rows).for_each(|row| row.print());
    }
}

impl ShippedModule {
    fn rows(&self) -> Vec<Row> {
        let bytes = read(self.shipped);
        let (raw, gzipped) = (bytes.len(), gzipped(&bytes));
        let row = |name: &str, what: &str, size: usize| {
            let (name, what) = (format!("sizes/{}/{name}", self.name), format!("{}: {what}", self.name));
            Row::of(&name, &what, "KiB", Spread::exact((size as f64 / 102.4).round() / 10.0))
        };
        let share = |size: usize| Spread::exact(size as f64 / raw as f64);
        let code_sizes =
            CodeSizes::of(&read(self.named)).unwrap_or_else(|error| panic!("{}: {error}", self.named));
        let mut parts: Vec<_> = code_sizes.code.into_iter().collect();
        parts.push(("strings and tables".to_owned(), code_sizes.data));
        parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let small = parts.partition_point(|(_, size)| size * 100 >= raw * SMALL);
        let rest: usize = parts.split_off(small).iter().map(|(_, size)| size).sum();
        parts.push(("smaller parts".to_owned(), rest));
        let of_parts = parts.iter().map(|(part, size)| {
            row(&format!("of/{}", part.replace(' ', "-")), part, *size).with_ratio("the module", share(*size))
        });
        [row("raw", "raw", raw).aim(self.aims.0), row("gzipped", "gzipped", gzipped).aim(self.aims.1)]
            .into_iter()
            .chain(of_parts)
            .collect()
    }
}

fn read(path: &str) -> Vec<u8> {
    fs::read(artifact::root().join(Path::new(path)))
        .unwrap_or_else(|error| panic!("{path}: {error}; `make sizes` builds it"))
}

/// Returns the gzipped size, as a registry transfers it.
fn gzipped(bytes: &[u8]) -> usize {
    let mut gzip = Command::new("gzip")
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip starts");
    let mut input = gzip.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).expect("gzip reads"));
        gzip.wait_with_output().expect("gzip ends").stdout.len()
    })
}
