//! Cost of an exchange in the whole module in wasmtime: instructions and hostcalls, compared with the SDK's no-op
//! filter; memory over a day.

use std::path::Path;

use wasmtime::{Config, Engine, Module};

use super::zipf_streams::ZipfStreams;
use bench::{Row, Selection, Spread};
use sim::proxy_wasm::{CallCounts, Proxy, RootId, Vm};

/// Exchanges per measurement.
const EXCHANGES: u32 = 20_000;
/// Exchanges per second of the simulated day.
const PACE: u64 = 2;

/// Measures the selected rows.
pub(crate) fn run(selection: &Selection) {
    let module = artifact::envoy_module();
    if selection.wants("wasmtime/instructions") || selection.wants("wasmtime/calls") {
        exchanges(&module);
    }
    if selection.wants("growth/day/module") {
        day(&module);
    }
}

/// One VM under load.
struct LoadedVm {
    proxy: Proxy,
    vm: Vm,
    root: RootId,
    streams: ZipfStreams,
}

impl LoadedVm {
    fn start(proxy: Proxy, configuration: &str) -> Self {
        let mut vm = proxy.worker();
        let root = vm.configure(configuration).unwrap_or_else(|failure| panic!("{failure}"));
        Self { proxy, vm, root, streams: ZipfStreams::new() }
    }

    /// Moves the clock forward and runs one exchange.
    fn exchange_after(&mut self, later_us: u64) {
        self.proxy.set_clock_us(self.proxy.clock_us() + later_us);
        self.vm.exchange(self.root, self.streams.next());
    }

    /// Runs exchanges at ten thousand per second.
    fn run(&mut self) {
        (0..EXCHANGES).for_each(|_| self.exchange_after(100));
        self.proxy.take_log();
    }
}

/// Measures the modules as they ship; hostcalls copy every byte, as in a real host.
fn exchanges(module: &Path) {
    let mut noop = None;
    for (name, module, configuration) in [
        ("noop", artifact::noop_module().as_path(), ""),
        ("full", module, "{}"),
        ("lean", module, r#"{"envoy":{"mode":"lean"}}"#),
    ] {
        let mut case = LoadedVm::start(counting(module), configuration);
        case.run();
        case.vm.take_calls();
        let before = case.vm.fuel();
        case.run();
        let each = (case.vm.fuel() - before) as f64 / f64::from(EXCHANGES);
        let what = format!("instructions per exchange, {}", describe(name));
        let rows = [
            Row::of(&format!("wasmtime/instructions/{name}"), &what, "", Spread::exact(each.round()))
                .with_ratio("the no-op filter", Spread::exact(each / *noop.get_or_insert(each))),
            data_calls(name, &case.vm.take_calls()),
        ];
        rows.iter().for_each(Row::print);
    }
}

/// Loads the module into an engine that counts instructions.
fn counting(path: &Path) -> Proxy {
    let engine = Engine::new(Config::new().consume_fuel(true)).expect("an engine that counts");
    let module = Module::from_file(&engine, path).unwrap_or_else(|error| panic!("{error:?}"));
    Proxy::from_module(engine, module)
}

fn data_calls(name: &str, calls: &CallCounts) -> Row {
    let each = calls.returned_data as f64 / f64::from(EXCHANGES);
    let what = format!("calls that return data, {}", describe(name));
    let row = Row::of(&format!("wasmtime/calls/{name}"), &what, "per exchange", Spread::exact(each));
    match name {
        "full" => row.aim("7"),
        "lean" => row.aim("4"),
        _ => row,
    }
}

fn describe(name: &str) -> &str {
    if name == "noop" { "no-op filter" } else { name }
}

/// Measures memory over 24 hours at a modest load, with one tick per second.
fn day(module: &Path) {
    let mut worker = LoadedVm::start(Proxy::load(module), "{}");
    let mut first = None;
    for hours in (4..=24).step_by(4) {
        for _ in 0..4 * 3_600 {
            (0..PACE).for_each(|_| worker.exchange_after(1_000_000 / PACE));
            worker.vm.tick(worker.root).unwrap_or_else(|failure| panic!("{failure}"));
            worker.proxy.take_log();
        }
        let held = worker.vm.memory_bytes() as f64 / 1_024.0;
        let what = format!("memory of the module after {hours} h");
        Row::of(&format!("growth/day/module/{hours}"), &what, "KiB", Spread::exact(held))
            .with_ratio("the value after 4 h", Spread::exact(held / *first.get_or_insert(held)))
            .print();
    }
}
