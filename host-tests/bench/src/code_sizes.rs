//! Bytes of code by crate and module, from the function names of a module.

use std::collections::BTreeMap;

use wasmparser::{BinaryReaderError, KnownCustom, Name, Parser, Payload, TypeRef};

/// Bytes of a module by part.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CodeSizes {
    /// Code bytes by crate and module.
    pub code: BTreeMap<String, usize>,
    /// Bytes of strings and tables.
    pub data: usize,
}

impl CodeSizes {
    /// Measures a module that has kept its names.
    ///
    /// # Errors
    ///
    /// If the bytes are not a module.
    pub fn of(module: &[u8]) -> Result<Self, BinaryReaderError> {
        let (mut sizes, mut names, mut imported, mut data) = (Vec::new(), BTreeMap::new(), 0, 0);
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => sizes.push(body.range().len()),
                Payload::DataSection(section) => data = section.range().len(),
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(section) = section.as_known() {
                        for subsection in section {
                            let Name::Function(functions) = subsection? else { continue };
                            for function in functions {
                                let function = function?;
                                names.insert(function.index, function.name);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        let mut code = BTreeMap::new();
        for (index, size) in (imported..).zip(sizes) {
            *code.entry(crate_and_module(names.get(&index).copied().unwrap_or_default())).or_insert(0) +=
                size;
        }
        Ok(Self { code, data })
    }
}

/// Returns the crate of a function; for our crates and the standard library, with the module.
fn crate_and_module(mangled: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(mangled));
    let head = name
        .trim_start_matches(['<', '&', '*', '[', '('])
        .trim_start_matches("mut ")
        .trim_start_matches("dyn ");
    let path =
        |text: &str| text.split(['<', '>', ' ', ',', ']', ')', '{']).next().unwrap_or_default().to_owned();
    let own = path(head);
    // `<f64 as a::Trait>::method` belongs to the trait's crate.
    let path = match head.split_once(" as ") {
        Some((_, of_trait)) if !own.contains("::") => path(of_trait),
        _ => own,
    };
    let mut words = path.split("::").filter(|word| !word.is_empty());
    let Some(first) = words.next().filter(|_| path.contains("::")) else {
        return "exports".to_owned();
    };
    let inside = first.starts_with("nearmiss") || ["alloc", "core", "std"].contains(&first);
    match words.next().filter(|word| inside && word.starts_with(char::is_lowercase)) {
        Some(second) => format!("{first}::{second}"),
        None => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::crate_and_module;

    #[test]
    fn a_function_belongs_to_its_type_or_to_the_trait_of_a_foreign_one() {
        for (name, expected) in [
            ("nearmiss::monitor::episodes::<impl nearmiss::monitor::Monitor>::seal_one", "nearmiss::monitor"),
            (
                "<&mut serde_json::de::Deserializer<R> as serde_core::de::Deserializer>::deserialize_any",
                "serde_json",
            ),
            ("<f64 as zmij::private::Sealed>::write", "zmij"),
            ("<alloc::string::String as core::fmt::Write>::write_str", "alloc::string"),
            ("proxy_on_tick", "exports"),
        ] {
            assert_eq!(crate_and_module(name), expected);
        }
    }
}
