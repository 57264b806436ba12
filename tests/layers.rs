//! Holds the structure that docs/architecture.md draws: no circle between the files of any crate, and the core's layers.
//!
//! Read are `use` items and paths of the sources, without what only tests compile. A re-export is transparent: who imports a name
//! depends on the file that defines it, so a façade and its parts are no circle.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod imports;

use imports::{Crate, Imports};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every crate root of the workspace, and of the host tests beside it.
fn crate_roots() -> Vec<PathBuf> {
    let mut roots = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if entry.is_dir() && !name.starts_with('.') && !["target", "node_modules", "dist"].contains(&name)
            {
                folders.push(entry);
            } else if ["lib.rs", "main.rs"].contains(&name) && folder.ends_with("src") {
                roots.push(entry);
            }
        }
    }
    roots.sort();
    roots
}

/// Returns the layer of every module of the core, as docs/architecture.md has it: `| 3 | \`tally\` | … |`.
fn documented_layers() -> BTreeMap<String, u32> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("docs/architecture.md");
    let mut layers = BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", layer, modules, _, ""] = cells[..]
            && let Ok(layer) = layer.parse()
        {
            for module in modules.split('`').skip(1).step_by(2) {
                assert!(layers.insert(module.to_owned(), layer).is_none(), "`{module}` stands in two layers");
            }
        }
    }
    layers
}

/// Returns the groups of files that reach each other.
fn circles(imports: &Imports) -> Vec<Vec<&str>> {
    let reach = |from: &str| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = next.pop() {
            for to in imports.get(&module).into_iter().flatten() {
                if reached.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        imports.keys().map(|module| (module.as_str(), reach(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, others) in reached.iter().filter(|(module, others)| others.contains(**module)) {
        let circle: Vec<&str> = reached
            .keys()
            .filter(|other| others.contains(**other) && reached[*other].contains(*module))
            .copied()
            .collect();
        circles.insert(circle);
    }
    circles.into_iter().collect()
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let roots = crate_roots();
    assert!(roots.len() >= 10, "only {} crates were found", roots.len());
    let mut found = Vec::new();
    for path in roots {
        let imports = Crate::read(&path).imports();
        let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        for circle in circles(&imports) {
            let edges: Vec<String> = circle
                .iter()
                .flat_map(|from| {
                    imports[*from]
                        .iter()
                        .filter(|to| circle.contains(&to.as_str()))
                        .map(move |to| format!("{from} → {to}"))
                })
                .collect();
            found.push(format!("{shown}: {}", edges.join(", ")));
        }
    }
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
}

#[test]
fn modules_of_the_core_import_only_from_layers_below_their_own() {
    let layers = documented_layers();
    let imports = Crate::read(&root().join("src/lib.rs")).imports();
    let top = |module: &str| module.split("::").nth(1).unwrap_or_default().to_owned();
    let modules: BTreeSet<String> =
        imports.keys().map(|module| top(module)).filter(|name| !name.is_empty()).collect();
    let documented: BTreeSet<String> = layers.keys().cloned().collect();
    assert_eq!(documented, modules, "docs/architecture.md lists the modules of src/");
    let mut wrong = Vec::new();
    for (from, to) in imports.iter().flat_map(|(from, tos)| tos.iter().map(move |to| (from, to))) {
        let (upper, lower) = (top(from), top(to));
        if !upper.is_empty() && upper != lower && layers.get(&upper) <= layers.get(&lower) {
            wrong.push(format!("{from} imports {to}"));
        }
    }
    assert!(wrong.is_empty(), "imports that do not lead down:\n{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")];
    let mut imports = Imports::new();
    for (from, to) in edges {
        imports.entry(from.into()).or_default().insert(to.into());
    }
    assert_eq!(circles(&imports), [["b", "c"]]);
}
