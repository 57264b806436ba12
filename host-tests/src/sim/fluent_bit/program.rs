//! A module, compiled once, from which instances are made.

use std::path::Path;

use wasmtime::{Config, Engine, Linker, Module};

use super::wasi::{self, World};
use super::{Instance, instance};

/// Bytes of stack for the module's own frames: Fluent Bit's default is 8 KiB of operands, and compiled frames are of
/// that order.
const STACK: usize = 64 << 10;

/// A compiled module.
pub struct Program {
    engine: Engine,
    module: Module,
}

impl Program {
    /// Loads a module and checks its imports.
    ///
    /// # Panics
    ///
    /// If Fluent Bit would not load it.
    pub fn load(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::from_bytes(&bytes)
    }

    /// The same from bytes, or from WebAssembly text.
    ///
    /// # Panics
    ///
    /// If Fluent Bit would not load it.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut config = Config::new();
        config.consume_fuel(true).max_wasm_stack(STACK);
        config.wasm_simd(false).wasm_relaxed_simd(false);
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::new(&engine, bytes).unwrap_or_else(|error| panic!("no module: {error:?}"));
        for import in module.imports() {
            let known = import.module() == wasi::MODULE && wasi::OFFERED.contains(&import.name());
            assert!(known, "the host offers no `{}.{}`", import.module(), import.name());
        }
        Self { engine, module }
    }

    /// Starts an instance without a configuration.
    pub fn start(&self) -> Instance {
        self.start_in(World::default())
    }

    /// Starts an instance with `configuration` as the `nearmiss.json` of its only folder.
    pub fn configured(&self, configuration: &str) -> Instance {
        self.start_in(World::with_file("nearmiss.json", configuration.as_bytes()))
    }

    /// Starts an instance in a world of its own.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_in(&self, world: World) -> Instance {
        let mut linker = Linker::new(&self.engine);
        wasi::link(&mut linker).expect("no name is defined twice");
        instance::start(&self.engine, &linker, &self.module, world)
    }
}
