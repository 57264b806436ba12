//! What the core costs as a wasm module, `host-tests/core-load`, which also runs natively; beside counting by hand in the same VM.

use std::time::Instant;

use wasmtime::{Config, Engine, Instance, Module, OptLevel, Store, TypedFunc};

use super::{Row, Selection, Spread, count, in_turns};
use crate::artifact;

/// Exchanges between two looks at the clock.
const EXCHANGES: u32 = 500_000;
const ROUNDS: usize = 9;
/// What a big gateway has.
const UPSTREAMS: u32 = 1_000;
/// Ten thousand exchanges a second.
const STEP_US: u32 = 100;

/// Measures what is wanted.
pub fn run(selection: &Selection) {
    let sizes =
        [1, 100, UPSTREAMS, 10_000].map(|upstreams| (upstreams, format!("wasmtime/core/{upstreams}")));
    let rows = sizes.iter().map(|(_, name)| name.as_str()).chain(["wasmtime/bytes", "wasmtime/allocations"]);
    if !rows.into_iter().any(|name| selection.wants(name)) {
        return;
    }
    let engine = Engine::new(Config::new().cranelift_opt_level(OptLevel::Speed)).expect("an engine");
    let path = artifact::core_load_module();
    let module = Module::from_file(&engine, path).unwrap_or_else(|error| panic!("{error:?}"));
    for (upstreams, name) in sizes.iter().filter(|(_, name)| selection.wants(name)) {
        observe(&module, *upstreams, name);
    }
    if selection.wants("wasmtime/bytes") {
        weight(&module);
    }
    if selection.wants("wasmtime/allocations") {
        allocated(&module);
    }
}

/// The module with its load.
struct Load {
    store: Store<()>,
    instance: Instance,
}

impl Load {
    fn new(module: &Module, upstreams: u32) -> Self {
        let mut store = Store::new(module.engine(), ());
        let instance = Instance::new(&mut store, module, &[]).unwrap_or_else(|error| panic!("{error:?}"));
        let mut load = Self { store, instance };
        load.call::<_, ()>("load_new", (upstreams, STEP_US));
        load
    }

    fn call<Arguments: wasmtime::WasmParams, Results: wasmtime::WasmResults>(
        &mut self,
        name: &str,
        arguments: Arguments,
    ) -> Results {
        let function: TypedFunc<Arguments, Results> =
            self.instance.get_typed_func(&mut self.store, name).expect("an export of core-load");
        function.call(&mut self.store, arguments).unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    fn run(&mut self) {
        self.call::<_, u32>("load_run", EXCHANGES);
    }

    fn run_by_hand(&mut self) {
        self.call::<_, ()>("load_run_by_hand", EXCHANGES);
    }
}

fn observe(module: &Module, upstreams: u32, name: &str) {
    let mut cases =
        [Load::run, Load::run_by_hand].map(|run: fn(&mut Load)| (Load::new(module, upstreams), run));
    cases.iter_mut().for_each(|(load, run)| run(load));
    let samples = in_turns(ROUNDS, &mut cases, |(load, run)| {
        let start = Instant::now();
        run(load);
        start.elapsed().as_nanos() as f64 / f64::from(EXCHANGES)
    });
    let what = format!("an exchange in the core alone, upstreams: {}", count(upstreams));
    let row = Row::of(name, &what, "ns", samples[0].spread())
        .beside("counting by hand", samples[0].over(&samples[1]));
    if upstreams == UPSTREAMS { row.aim("150 ns") } else { row }.tell();
}

fn weight(module: &Module) {
    let mut load = Load::new(module, UPSTREAMS);
    let before: u64 = load.call("load_bytes", ());
    load.call::<_, ()>("load_fill", ());
    let filled = load.call::<_, u64>("load_bytes", ()) - before;
    let each = Spread::exact((filled / u64::from(UPSTREAMS)) as f64);
    Row::of("wasmtime/bytes", "a full upstream, wasm32", "bytes", each).aim("4 096").tell();
}

fn allocated(module: &Module) {
    let mut load = Load::new(module, UPSTREAMS);
    load.call::<_, ()>("load_fill", ());
    load.run();
    let before: u64 = load.call("load_allocations", ());
    load.run();
    let each = (load.call::<_, u64>("load_allocations", ()) - before) as f64 / f64::from(EXCHANGES);
    Row::of("wasmtime/allocations", "allocations an exchange once warm", "", Spread::exact(each))
        .aim("0")
        .tell();
}
