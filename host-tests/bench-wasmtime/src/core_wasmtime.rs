//! Cost of the core as a wasm module, built from `host-tests/core-load`, which also runs natively; compared with a
//! hand-written counter in the same VM.

use std::time::Instant;

use wasmtime::{Config, Engine, Instance, Module, OptLevel, Store, TypedFunc};

use bench::{Row, Selection, Spread, count, interleaved};

/// Exchanges per measurement.
const EXCHANGES: u32 = 500_000;
const ROUNDS: usize = 9;
/// Upstreams of a large gateway.
const UPSTREAMS: u32 = 1_000;
/// Time between exchanges: ten thousand per second.
const STEP_US: u32 = 100;

/// Measures the selected rows.
pub(crate) fn run(selection: &Selection) {
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
        bytes_per_upstream(&module);
    }
    if selection.wants("wasmtime/allocations") {
        allocations_per_exchange(&module);
    }
}

/// An instance of the module with its load generator.
struct WasmLoad {
    store: Store<()>,
    instance: Instance,
}

impl WasmLoad {
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
    let mut cases = [WasmLoad::run, WasmLoad::run_by_hand]
        .map(|run: fn(&mut WasmLoad)| (WasmLoad::new(module, upstreams), run));
    cases.iter_mut().for_each(|(load, run)| run(load));
    let samples = interleaved(ROUNDS, &mut cases, |(load, run)| {
        let start = Instant::now();
        run(load);
        start.elapsed().as_nanos() as f64 / f64::from(EXCHANGES)
    });
    let what = format!("an exchange in the core alone, upstreams: {}", count(upstreams));
    let row = Row::of(name, &what, "ns", samples[0].spread())
        .with_ratio("a hand-written counter", samples[0].ratio_to(&samples[1]));
    if upstreams == UPSTREAMS { row.aim("150 ns") } else { row }.print();
}

fn bytes_per_upstream(module: &Module) {
    let mut load = WasmLoad::new(module, UPSTREAMS);
    let before: u64 = load.call("load_bytes", ());
    load.call::<_, ()>("load_fill", ());
    let filled = load.call::<_, u64>("load_bytes", ()) - before;
    let each = Spread::exact((filled / u64::from(UPSTREAMS)) as f64);
    Row::of("wasmtime/bytes", "a full upstream, wasm32", "bytes", each).aim("4 608").print();
}

fn allocations_per_exchange(module: &Module) {
    let mut load = WasmLoad::new(module, UPSTREAMS);
    load.call::<_, ()>("load_fill", ());
    load.run();
    let before: u64 = load.call("load_allocations", ());
    load.run();
    let each = (load.call::<_, u64>("load_allocations", ()) - before) as f64 / f64::from(EXCHANGES);
    Row::of("wasmtime/allocations", "allocations per exchange once warm", "", Spread::exact(each))
        .aim("0")
        .print();
}
