//! The module as Fluent Bit runs it: interpreted, one instance, records handed over in memory that it gives.

use super::wasi::{self, World};
use core::fmt;
use std::path::Path;
use wasmi::{Engine, Error, Instance as Running, Linker, Memory, Module, Store, TypedFunc};

/// A running module.
pub(super) struct Instance {
    store: Store<World>,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
    filter: TypedFunc<(u32, u32, u32, u32, u32, u32), u32>,
    finish: TypedFunc<(), u32>,
}

/// What is wrong with a module.
pub(super) struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl Instance {
    /// Starts the module in `path` with a configuration.
    pub(super) fn start(path: &Path, config: Vec<u8>) -> Result<Self, Broken> {
        let bytes = std::fs::read(path).map_err(|error| Broken(error.to_string()))?;
        let engine = Engine::default();
        let module = Module::new(&engine, &bytes)?;
        let mut store = Store::new(&engine, World::new(config));
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker)?;
        let running = linker.instantiate_and_start(&mut store, &module)?;
        let memory = running.get_memory(&store, "memory");
        let instance = Self {
            memory: memory.ok_or_else(|| Broken("it exports no memory".into()))?,
            malloc: function(&running, &store, "malloc")?,
            free: function(&running, &store, "free")?,
            filter: function(&running, &store, "near_miss")?,
            finish: function(&running, &store, "nearmiss_finish")?,
            store,
        };
        let initialize: TypedFunc<(), ()> = function(&running, &instance.store, "_initialize")?;
        let mut instance = instance;
        initialize.call(&mut instance.store, ())?;
        Ok(instance)
    }

    /// The reply to one record; `None` where it is dropped.
    pub(super) fn record(&mut self, record: &[u8]) -> Result<Option<String>, Broken> {
        let place = self.put(record)?;
        let reply = self.filter.call(&mut self.store, (0, 0, 0, 0, place, record.len() as u32))?;
        let text = self.text(reply)?;
        self.free.call(&mut self.store, place)?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// The records that still wait, a line each.
    pub(super) fn finish(&mut self) -> Result<String, Broken> {
        let reply = self.finish.call(&mut self.store, ())?;
        self.text(reply)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<u32, Broken> {
        let place = self.malloc.call(&mut self.store, bytes.len() as u32 + 1)?;
        let wrong = |_| Broken("its malloc gave no memory".into());
        self.memory.write(&mut self.store, place as usize, bytes).map_err(wrong)?;
        self.memory.write(&mut self.store, place as usize + bytes.len(), &[0]).map_err(wrong)?;
        Ok(place)
    }

    /// The text at `place`, up to its NUL.
    fn text(&self, place: u32) -> Result<String, Broken> {
        let rest = self.memory.data(&self.store).get(place as usize..).unwrap_or_default();
        let end = memchr::memchr(0, rest).ok_or_else(|| Broken("a reply has no end".into()))?;
        let text = rest.get(..end).unwrap_or_default().to_vec();
        String::from_utf8(text).map_err(|_| Broken("a reply is not UTF-8".into()))
    }
}

fn function<P: wasmi::WasmParams, R: wasmi::WasmResults>(
    running: &Running,
    store: &Store<World>,
    name: &str,
) -> Result<TypedFunc<P, R>, Broken> {
    let wrong =
        |_| Broken(format!("it is no filter of nearmiss for Fluent Bit: it has no function `{name}`"));
    running.get_typed_func(store, name).map_err(wrong)
}
