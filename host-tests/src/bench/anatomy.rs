//! What a module is made of: bytes of code by crate and module, from its names.

use std::collections::BTreeMap;

use wasmparser::{BinaryReaderError, KnownCustom, Name, Parser, Payload, TypeRef};

/// Bytes of a module by what they are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Anatomy {
    /// Of functions, by the part of the program that they belong to.
    pub code: BTreeMap<String, usize>,
    /// Of texts and tables.
    pub data: usize,
}

impl Anatomy {
    /// Of a module that has kept its names.
    ///
    /// # Errors
    ///
    /// Where it is no module.
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
            *code.entry(part(names.get(&index).copied().unwrap_or_default())).or_insert(0) += size;
        }
        Ok(Self { code, data })
    }
}

/// The crate that a function belongs to; of ours and of the standard library with the module inside.
fn part(mangled: &str) -> String {
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
        return "what the host calls".to_owned();
    };
    let inside = first.starts_with("nearmiss") || ["alloc", "core", "std"].contains(&first);
    match words.next().filter(|word| inside && word.starts_with(char::is_lowercase)) {
        Some(second) => format!("{first}::{second}"),
        None => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_function_belongs_to_its_type_or_to_the_trait_of_a_foreign_one() {
        for (name, crate_and_module) in [
            ("nearmiss::monitor::episodes::<impl nearmiss::monitor::Monitor>::seal_one", "nearmiss::monitor"),
            (
                "<&mut serde_json::de::Deserializer<R> as serde_core::de::Deserializer>::deserialize_any",
                "serde_json",
            ),
            ("<f64 as zmij::private::Sealed>::write", "zmij"),
            ("<alloc::string::String as core::fmt::Write>::write_str", "alloc::string"),
            ("proxy_on_tick", "what the host calls"),
        ] {
            assert_eq!(part(name), crate_and_module);
        }
    }
}
