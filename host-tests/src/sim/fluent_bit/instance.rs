//! One instance: the filter for the life of a process.

use wasmtime::{Engine, Error, Linker, Memory, Module, Store, TypedFunc};

use super::Outcome;
use super::wasi::World;

/// Fuel for one call; more than any record may take.
const FUEL: u64 = 1 << 40;
/// What a module gets that does not give memory itself.
const HEAP: usize = 8 << 10;
const PAGE: usize = 64 << 10;

type Record = (u32, u32, u32, u32, u32, u32);

/// A running filter.
pub struct Instance {
    store: Store<World>,
    memory: Memory,
    filter: TypedFunc<Record, u32>,
    finish: Option<TypedFunc<(), u32>>,
    heap: Heap,
    fuel: u64,
}

/// Where records are put.
enum Heap {
    /// Where the module says.
    Module { malloc: TypedFunc<u32, u32>, free: TypedFunc<u32, ()> },
    /// In a little memory that the host has put behind the module's own.
    Host { start: usize, used: usize },
}

pub(super) fn start(engine: &Engine, linker: &Linker<World>, module: &Module, world: World) -> Instance {
    let mut store = Store::new(engine, world);
    store.limiter(|world| world);
    store.set_fuel(FUEL).expect("fuel is counted");
    let instance =
        linker.instantiate(&mut store, module).unwrap_or_else(|error| panic!("it does not start: {error:?}"));
    let memory = instance.get_memory(&mut store, "memory").expect("a memory that is exported");
    let malloc = instance.get_typed_func(&mut store, "malloc").ok();
    let free = instance.get_typed_func(&mut store, "free").ok();
    let heap = match malloc.zip(free) {
        Some((malloc, free)) => Heap::Module { malloc, free },
        None => {
            let before = memory.grow(&mut store, 1).expect("a page more");
            Heap::Host { start: before as usize * PAGE, used: 0 }
        }
    };
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
        initialize.call(&mut store, ()).unwrap_or_else(|error| panic!("_initialize: {error:?}"));
    }
    let filter = instance.get_typed_func(&mut store, "near_miss").expect("the function near_miss");
    let finish = instance.get_typed_func(&mut store, "nearmiss_finish").ok();
    Instance { store, memory, filter, finish, heap, fuel: 0 }
}

impl Instance {
    /// Hands one record over; the pipeline has no time for it.
    pub fn record(&mut self, record: impl AsRef<[u8]>) -> Outcome {
        self.record_at(0, record)
    }

    /// Hands over what a record is where `malloc` had no room: pointer 0, and its true length.
    pub fn missing(&mut self, size: u32) -> Outcome {
        self.call((0, 0, 0, 0, 0, size))
    }

    /// Hands one record over whose time for the pipeline is `at_us`.
    ///
    /// A disaster is for the test to look at; [`Outcome::kept`] is what most want.
    pub fn record_at(&mut self, at_us: u64, record: impl AsRef<[u8]>) -> Outcome {
        self.tagged(b"tag", at_us, record)
    }

    /// The same under a tag.
    pub fn tagged(&mut self, tag: &[u8], at_us: u64, record: impl AsRef<[u8]>) -> Outcome {
        let record = record.as_ref();
        // What comes behind a NUL the host itself never sees: the record is a C string on its side.
        let record = record.split(|byte| *byte == 0).next().unwrap_or_default();
        self.store.set_fuel(FUEL).expect("fuel is counted");
        let (tag, tag_len) = (self.put(tag), tag.len() as u32);
        let place = self.put(record);
        let (seconds, nanoseconds) = ((at_us / 1_000_000) as u32, (at_us % 1_000_000 * 1_000) as u32);
        let outcome = self.call((tag, tag_len, seconds, nanoseconds, place, record.len() as u32));
        self.take_back(tag);
        self.take_back(place);
        outcome
    }

    fn call(&mut self, record: Record) -> Outcome {
        self.store.set_fuel(FUEL).expect("fuel is counted");
        let called = self.filter.call(&mut self.store, record);
        self.fuel = FUEL - self.store.get_fuel().expect("fuel is counted");
        match called {
            Err(trap) => Outcome::Lost(format!("a trap: {trap:?}")),
            Ok(0) => Outcome::Lost("null".to_owned()),
            Ok(reply) => match self.text(reply) {
                Some(text) => Outcome::of(&text),
                None => Outcome::Disaster("a pointer to nowhere".to_owned()),
            },
        }
    }

    /// Instructions of the last record, without those that hand it over.
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// Bytes of memory that the module has.
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// The records that wait when there is nothing more to come, a line each.
    ///
    /// # Panics
    ///
    /// If the module has no such function, or traps.
    pub fn finish(&mut self) -> Vec<String> {
        self.store.set_fuel(FUEL).expect("fuel is counted");
        let finish = self.finish.as_ref().expect("the function nearmiss_finish");
        let reply =
            finish.call(&mut self.store, ()).unwrap_or_else(|trap| panic!("nearmiss_finish: {trap:?}"));
        let text = self.text(reply).expect("a pointer to a text");
        String::from_utf8(text).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// What the module sees of the world, to change or to look at.
    pub fn world(&mut self) -> &mut World {
        self.store.data_mut()
    }

    /// What it has said on standard error since the last time.
    pub fn take_said(&mut self) -> String {
        std::mem::take(&mut self.world().said)
    }

    /// Calls the module's `malloc` as the host does; 0 if it has none or no room.
    pub fn malloc(&mut self, size: usize) -> u32 {
        self.allocate(size).unwrap_or_else(|trap| panic!("malloc: {trap:?}"))
    }

    fn allocate(&mut self, size: usize) -> Result<u32, Error> {
        match &mut self.heap {
            Heap::Module { malloc, .. } => malloc.call(&mut self.store, size as u32),
            Heap::Host { used, .. } if *used + size > HEAP => Ok(0),
            Heap::Host { start, used } => {
                let place = *start + *used;
                *used += size;
                Ok(place as u32)
            }
        }
    }

    /// Puts bytes and a NUL into the module's memory; 0 where there is no room.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        let place = self.malloc(bytes.len() + 1);
        if place != 0 {
            let start = place as usize;
            self.memory.write(&mut self.store, start, bytes).expect("malloc gives memory");
            self.memory.write(&mut self.store, start + bytes.len(), &[0]).expect("malloc gives memory");
        }
        place
    }

    fn take_back(&mut self, place: u32) {
        match &mut self.heap {
            _ if place == 0 => {}
            Heap::Module { free, .. } => {
                free.call(&mut self.store, place).unwrap_or_else(|trap| panic!("free: {trap:?}"));
            }
            Heap::Host { used, .. } => *used = 0,
        }
    }

    /// The text at `place`, up to its NUL.
    fn text(&self, place: u32) -> Option<Vec<u8>> {
        let rest = self.memory.data(&self.store).get(place as usize..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest.get(..end).map(<[u8]>::to_vec)
    }
}
