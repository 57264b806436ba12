//! Runs the module as Fluent Bit does: one interpreted instance, and records passed in memory that the module
//! allocates.

use super::wasi::{self, WasiState};
use core::fmt;
use std::path::Path;
use wasmi::{Engine, Error, Instance as WasmInstance, Linker, Memory, Module, Store, TypedFunc};

/// An instance of the module.
pub(super) struct FluentBitModule {
    store: Store<WasiState>,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
    filter: TypedFunc<(u32, u32, u32, u32, u32, u32), u32>,
    finish: TypedFunc<(), u32>,
}

/// Error of a module: it cannot be loaded, or a call failed.
pub(super) struct ModuleError(String);

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for ModuleError {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl FluentBitModule {
    /// Instantiates the module in `path` with a configuration.
    pub(super) fn start(path: &Path, config: Vec<u8>) -> Result<Self, ModuleError> {
        let bytes = std::fs::read(path).map_err(|error| ModuleError(error.to_string()))?;
        let engine = Engine::default();
        let module = Module::new(&engine, &bytes)?;
        let mut store = Store::new(&engine, WasiState::new(config));
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker)?;
        let wasm = linker.instantiate_and_start(&mut store, &module)?;
        let memory = wasm.get_memory(&store, "memory");
        let instance = Self {
            memory: memory.ok_or_else(|| ModuleError("it exports no memory".into()))?,
            malloc: function(&wasm, &store, "malloc")?,
            free: function(&wasm, &store, "free")?,
            filter: function(&wasm, &store, "near_miss")?,
            finish: function(&wasm, &store, "nearmiss_finish")?,
            store,
        };
        let initialize: TypedFunc<(), ()> = function(&wasm, &instance.store, "_initialize")?;
        let mut instance = instance;
        initialize.call(&mut instance.store, ())?;
        Ok(instance)
    }

    /// Filters one record; returns `None` if the module drops it.
    pub(super) fn record(&mut self, record: &[u8]) -> Result<Option<String>, ModuleError> {
        let address = self.write(record)?;
        let reply = self.filter.call(&mut self.store, (0, 0, 0, 0, address, record.len() as u32))?;
        let text = self.text(reply)?;
        self.free.call(&mut self.store, address)?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// Returns the pending records, one a line.
    pub(super) fn finish(&mut self) -> Result<String, ModuleError> {
        let reply = self.finish.call(&mut self.store, ())?;
        self.text(reply)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<u32, ModuleError> {
        let address = self.malloc.call(&mut self.store, bytes.len() as u32 + 1)?;
        let wrong = |_| ModuleError("its malloc gave no memory".into());
        self.memory.write(&mut self.store, address as usize, bytes).map_err(wrong)?;
        self.memory.write(&mut self.store, address as usize + bytes.len(), &[0]).map_err(wrong)?;
        Ok(address)
    }

    /// Reads the text at `address`, up to its NUL.
    fn text(&self, address: u32) -> Result<String, ModuleError> {
        let rest = self.memory.data(&self.store).get(address as usize..).unwrap_or_default();
        let end = memchr::memchr(0, rest).ok_or_else(|| ModuleError("a reply has no end".into()))?;
        let text = rest.get(..end).unwrap_or_default().to_vec();
        String::from_utf8(text).map_err(|_| ModuleError("a reply is not UTF-8".into()))
    }
}

fn function<P: wasmi::WasmParams, R: wasmi::WasmResults>(
    wasm: &WasmInstance,
    store: &Store<WasiState>,
    name: &str,
) -> Result<TypedFunc<P, R>, ModuleError> {
    let wrong =
        |_| ModuleError(format!("it is no filter of nearmiss for Fluent Bit: it has no function `{name}`"));
    wasm.get_typed_func(store, name).map_err(wrong)
}
