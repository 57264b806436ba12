//! Imports between the modules of a crate, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// Modules by their path (`crate::episode::bucket`), each with those that it imports from.
pub(crate) type Imports = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate.
pub(crate) struct Crate(BTreeMap<String, Module>);

/// One module.
#[derive(Default)]
struct Module {
    /// Paths of names that `use` brings in, by the name they get here.
    names: BTreeMap<String, Vec<String>>,
    /// Names that `pub use` passes on: no dependency of the module itself.
    reexports: BTreeSet<String>,
    /// Modules whose names `use …::*` brings in.
    globs: Vec<Vec<String>>,
    /// All paths of the module's code.
    paths: BTreeSet<Vec<String>>,
}

impl Crate {
    /// Reads the crate with this root file.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.read_file(root, root.parent().expect("a folder"), "crate");
        modules
    }

    fn read_file(&mut self, file: &Path, folder: &Path, path: &str) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_items(&parsed.items, folder, path);
    }

    fn read_items(&mut self, items: &[Item], folder: &Path, path: &str) {
        let mut module = Module::default();
        for item in items.iter().filter(|item| !is_for_tests(item)) {
            match item {
                Item::Mod(inner) => {
                    let (name, path) = (inner.ident.to_string(), format!("{path}::{}", inner.ident));
                    let below = folder.join(&name);
                    match &inner.content {
                        Some((_, items)) => self.read_items(items, &below, &path),
                        None => {
                            let file = folder.join(format!("{name}.rs"));
                            let file = if file.exists() { file } else { below.join("mod.rs") };
                            self.read_file(&file, &below, &path);
                        }
                    }
                }
                Item::Use(used) => {
                    let is_public = !matches!(used.vis, syn::Visibility::Inherited);
                    module.read_use(&used.tree, Vec::new(), is_public);
                }
                item => module.visit_item(item),
            }
        }
        self.0.insert(path.to_owned(), module);
    }

    /// Returns which modules each module imports from.
    pub(crate) fn imports(&self) -> Imports {
        let of = |path: &String, module: &Module| {
            let own_names = module.names.iter().filter(|(name, _)| !module.reexports.contains(*name));
            let paths = own_names.map(|(_, path)| path).chain(&module.paths).chain(&module.globs);
            paths.filter_map(|used| self.definer(path, used, 0)).filter(|found| found != path).collect()
        };
        self.0.iter().map(|(path, module)| (path.clone(), of(path, module))).collect()
    }

    /// Returns the module that defines what `used` names inside `at`; `None` for other crates and local names.
    fn definer(&self, at: &str, used: &[String], depth: u32) -> Option<String> {
        let (first, mut rest) = used.split_first()?;
        let mut module = match first.as_str() {
            "crate" => "crate".to_owned(),
            "self" => at.to_owned(),
            "super" => at.rsplit_once("::")?.0.to_owned(),
            name if self.0.contains_key(&format!("{at}::{name}")) => format!("{at}::{name}"),
            name => {
                let known = self.0.get(at)?.names.get(name).filter(|path| path[..] != *used && depth < 20)?;
                return self.definer(at, &[known, rest].concat(), depth + 1);
            }
        };
        while let Some((name, behind)) = rest.split_first() {
            let inner = format!("{module}::{name}");
            if name == "super" {
                module = module.rsplit_once("::")?.0.to_owned();
            } else if self.0.contains_key(&inner) {
                module = inner;
            } else {
                // An item: defined here, or brought in from elsewhere.
                let here = &self.0[&module];
                let named = here.names.get(name).filter(|_| depth < 20);
                let further = named.and_then(|path| self.definer(&module, path, depth + 1));
                return further.or(Some(module));
            }
            rest = behind;
        }
        Some(module)
    }
}

impl Module {
    fn read_use(&mut self, tree: &UseTree, mut path: Vec<String>, is_public: bool) {
        let mut add = |name: String, path: Vec<String>| {
            if is_public {
                self.reexports.insert(name.clone());
            }
            self.names.insert(name, path);
        };
        match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.read_use(&inner.tree, path, is_public);
            }
            UseTree::Name(name) if name.ident == "self" => {
                add(path.last().cloned().unwrap_or_default(), path)
            }
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                add(name.ident.to_string(), path);
            }
            UseTree::Rename(renamed) => {
                path.push(renamed.ident.to_string());
                add(renamed.rename.to_string(), path);
            }
            UseTree::Glob(_) if !is_public => self.globs.push(path),
            UseTree::Glob(_) => {}
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.read_use(tree, path.clone(), is_public));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.paths.insert(segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, used: &'ast syn::ItemUse) {
        self.read_use(&used.tree, Vec::new(), false);
    }
}

/// Returns true for items behind `#[cfg(test)]`.
fn is_for_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, syn::Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}
