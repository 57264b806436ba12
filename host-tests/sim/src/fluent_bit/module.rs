//! A filter module, compiled once; instances are started from it.

use std::path::Path;
use std::sync::LazyLock;

use wasmtime::{Config, Engine, Linker, Module};

use super::wasi::{self, WasiEnv};
use super::{FilterInstance, instance};

/// Bytes of stack for the module's frames. Fluent Bit's default is 8 KiB of operands; compiled frames have about the same
/// size.
const STACK: usize = 64 << 10;

/// A compiled filter module.
pub struct FilterModule {
    engine: Engine,
    module: Module,
}

impl FilterModule {
    /// Returns the Fluent Bit module as it ships, which each program compiles once.
    ///
    /// # Panics
    ///
    /// If the module is missing or stale, or Fluent Bit would not load it.
    pub fn shipped() -> &'static Self {
        static COMPILED: LazyLock<FilterModule> =
            LazyLock::new(|| FilterModule::load(&artifact::fluent_bit_module()));
        &COMPILED
    }

    /// Loads a module and checks its imports.
    ///
    /// # Panics
    ///
    /// If Fluent Bit would not load it.
    pub fn load(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::from_bytes(&bytes)
    }

    /// Loads a module from bytes or from WebAssembly text.
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
            let known = import.module() == wasi::MODULE && wasi::SUPPORTED.contains(&import.name());
            assert!(known, "the host offers no `{}.{}`", import.module(), import.name());
        }
        Self { engine, module }
    }

    /// Starts an instance without a configuration.
    pub fn start(&self) -> FilterInstance {
        self.start_with(WasiEnv::default())
    }

    /// Starts an instance with `configuration` as the `nearmiss.json` of its only folder.
    pub fn configured(&self, configuration: &str) -> FilterInstance {
        self.start_with(WasiEnv::with_file("nearmiss.json", configuration.as_bytes()))
    }

    /// Starts an instance with its own WASI environment.
    ///
    /// # Panics
    ///
    /// If the instance does not start.
    pub fn start_with(&self, wasi_env: WasiEnv) -> FilterInstance {
        let mut linker = Linker::new(&self.engine);
        wasi::link(&mut linker).expect("no name is defined twice");
        instance::start(&self.engine, &linker, &self.module, wasi_env)
    }
}
