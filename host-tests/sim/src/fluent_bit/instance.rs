//! A filter instance, which lives as long as the process.

use wasmtime::{Engine, Error, Linker, Memory, Module, Store, TypedFunc};

use super::RecordOutcome;
use super::wasi::WasiEnv;

/// Fuel for one call, more than any record may use.
const FUEL: u64 = 1 << 40;
/// Size in bytes of the heap that the host uses for a module that exports no allocator.
const HEAP: usize = 8 << 10;
const PAGE: usize = 64 << 10;

type FilterArguments = (u32, u32, u32, u32, u32, u32);

/// A running filter instance.
pub struct FilterInstance {
    store: Store<WasiEnv>,
    memory: Memory,
    filter: TypedFunc<FilterArguments, u32>,
    finish: Option<TypedFunc<(), u32>>,
    heap: Heap,
    fuel: u64,
}

/// The allocator of record buffers.
enum Heap {
    /// The module's own allocator.
    Module { malloc: TypedFunc<u32, u32>, free: TypedFunc<u32, ()> },
    /// A small heap that the host appends to the module's memory.
    Host { start: usize, used: usize },
}

pub(super) fn start(
    engine: &Engine,
    linker: &Linker<WasiEnv>,
    module: &Module,
    wasi_env: WasiEnv,
) -> FilterInstance {
    let mut store = Store::new(engine, wasi_env);
    store.limiter(|wasi_env| wasi_env);
    store.set_fuel(FUEL).expect("fuel is counted");
    let instance = linker
        .instantiate(&mut store, module)
        .unwrap_or_else(|error| panic!("the module does not start: {error:?}"));
    let memory = instance.get_memory(&mut store, "memory").expect("an exported memory");
    let malloc = instance.get_typed_func(&mut store, "malloc").ok();
    let free = instance.get_typed_func(&mut store, "free").ok();
    let heap = match malloc.zip(free) {
        Some((malloc, free)) => Heap::Module { malloc, free },
        None => {
            let before = memory.grow(&mut store, 1).expect("one more page");
            Heap::Host { start: before as usize * PAGE, used: 0 }
        }
    };
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
        initialize.call(&mut store, ()).unwrap_or_else(|error| panic!("_initialize: {error:?}"));
    }
    let filter = instance.get_typed_func(&mut store, "near_miss").expect("the function near_miss");
    let finish = instance.get_typed_func(&mut store, "nearmiss_finish").ok();
    FilterInstance { store, memory, filter, finish, heap, fuel: 0 }
}

impl FilterInstance {
    /// Filters one record with a pipeline time of 0.
    pub fn record(&mut self, record: impl AsRef<[u8]>) -> RecordOutcome {
        self.record_at(0, record)
    }

    /// Filters a record that `malloc` had no room for: pointer 0 with the true length.
    pub fn null_record(&mut self, size: u32) -> RecordOutcome {
        self.call((0, 0, 0, 0, 0, size))
    }

    /// Filters one record whose pipeline time is `at_us`.
    ///
    /// Most tests call [`RecordOutcome::kept`] on the result, which panics unless the record was kept.
    pub fn record_at(&mut self, at_us: u64, record: impl AsRef<[u8]>) -> RecordOutcome {
        self.record_tagged(b"tag", at_us, record)
    }

    /// Filters one record with a tag.
    pub fn record_tagged(&mut self, tag: &[u8], at_us: u64, record: impl AsRef<[u8]>) -> RecordOutcome {
        let record = record.as_ref();
        // The host never sees bytes after a NUL: the record is a C string on its side.
        let record = record.split(|byte| *byte == 0).next().unwrap_or_default();
        self.store.set_fuel(FUEL).expect("fuel is counted");
        let (tag, tag_len) = (self.write_c_string(tag), tag.len() as u32);
        let pointer = self.write_c_string(record);
        let (seconds, nanoseconds) = ((at_us / 1_000_000) as u32, (at_us % 1_000_000 * 1_000) as u32);
        let outcome = self.call((tag, tag_len, seconds, nanoseconds, pointer, record.len() as u32));
        self.free(tag);
        self.free(pointer);
        outcome
    }

    fn call(&mut self, arguments: FilterArguments) -> RecordOutcome {
        self.store.set_fuel(FUEL).expect("fuel is counted");
        let called = self.filter.call(&mut self.store, arguments);
        self.fuel = FUEL - self.store.get_fuel().expect("fuel is counted");
        match called {
            Err(trap) => RecordOutcome::Lost(format!("a trap: {trap:?}")),
            Ok(0) => RecordOutcome::Lost("null".to_owned()),
            Ok(pointer) => match self.text(pointer) {
                Some(text) => RecordOutcome::of(&text),
                None => RecordOutcome::ChunkLost("a pointer outside the module's memory".to_owned()),
            },
        }
    }

    /// Returns the instructions of the last call, without those that allocate its buffers.
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// Returns the size of the module's memory in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// Flushes the records that are still queued at the end of input, one per line.
    ///
    /// # Panics
    ///
    /// If the module does not export the function, or traps.
    pub fn finish(&mut self) -> Vec<String> {
        self.store.set_fuel(FUEL).expect("fuel is counted");
        let finish = self.finish.as_ref().expect("the function nearmiss_finish");
        let pointer =
            finish.call(&mut self.store, ()).unwrap_or_else(|trap| panic!("nearmiss_finish: {trap:?}"));
        let text = self.text(pointer).expect("a pointer to a text");
        String::from_utf8(text).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// Returns the WASI environment of the instance.
    pub fn wasi(&mut self) -> &mut WasiEnv {
        self.store.data_mut()
    }

    /// Returns the text written to standard error since the last call.
    pub fn take_stderr(&mut self) -> String {
        std::mem::take(&mut self.wasi().stderr)
    }

    /// Calls the module's `malloc` as the host does; 0 if there is no room.
    pub fn malloc(&mut self, size: usize) -> u32 {
        self.allocate(size).unwrap_or_else(|trap| panic!("malloc: {trap:?}"))
    }

    fn allocate(&mut self, size: usize) -> Result<u32, Error> {
        match &mut self.heap {
            Heap::Module { malloc, .. } => malloc.call(&mut self.store, size as u32),
            Heap::Host { used, .. } if *used + size > HEAP => Ok(0),
            Heap::Host { start, used } => {
                let pointer = *start + *used;
                *used += size;
                Ok(pointer as u32)
            }
        }
    }

    /// Copies bytes and a NUL into the module's memory; 0 if there is no room.
    fn write_c_string(&mut self, bytes: &[u8]) -> u32 {
        let pointer = self.malloc(bytes.len() + 1);
        if pointer != 0 {
            let start = pointer as usize;
            self.memory.write(&mut self.store, start, bytes).expect("malloc gives memory");
            self.memory.write(&mut self.store, start + bytes.len(), &[0]).expect("malloc gives memory");
        }
        pointer
    }

    fn free(&mut self, pointer: u32) {
        match &mut self.heap {
            _ if pointer == 0 => {}
            Heap::Module { free, .. } => {
                free.call(&mut self.store, pointer).unwrap_or_else(|trap| panic!("free: {trap:?}"));
            }
            Heap::Host { used, .. } => *used = 0,
        }
    }

    /// Returns the text at `pointer`, up to its NUL.
    fn text(&self, pointer: u32) -> Option<Vec<u8>> {
        let rest = self.memory.data(&self.store).get(pointer as usize..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest.get(..end).map(<[u8]>::to_vec)
    }
}
