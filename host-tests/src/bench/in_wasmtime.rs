//! What an exchange costs the whole module in wasmtime: instructions and hostcalls, beside the do-nothing filter of the SDK; and whether a
//! day of it takes more memory than its first hours.

use std::path::Path;

use wasmtime::{Config, Engine, Module};

use super::zipf::Zipf;
use super::{Row, Selection, Spread};
use crate::artifact;
use crate::sim::proxy_wasm::{BudgetedCalls, Proxy, Root, Vm};

/// Exchanges whose instructions are counted.
const EXCHANGES: u32 = 20_000;
/// The simulated day: exchanges a second.
const PACE: u64 = 2;

/// Measures what is wanted.
pub fn run(selection: &Selection) {
    let module = artifact::envoy_module();
    if selection.wants("wasmtime/instructions") || selection.wants("wasmtime/calls") {
        exchanges(&module);
    }
    if selection.wants("growth/day/module") {
        day(&module);
    }
}

/// One VM under load.
struct Loaded {
    proxy: Proxy,
    vm: Vm,
    root: Root,
    load: Zipf,
}

impl Loaded {
    fn start(proxy: Proxy, configuration: &str) -> Self {
        let mut vm = proxy.worker();
        let root = vm.configure(configuration).unwrap_or_else(|failure| panic!("{failure}"));
        Self { proxy, vm, root, load: Zipf::new() }
    }

    /// Lets one pass, so much later than the one before.
    fn pass(&mut self, later_us: u64) {
        self.proxy.set_clock_us(self.proxy.clock_us() + later_us);
        self.vm.exchange(self.root, self.load.next());
    }

    /// Ten thousand exchanges a second.
    fn run(&mut self) {
        (0..EXCHANGES).for_each(|_| self.pass(100));
        self.proxy.take_log();
    }
}

/// The modules as they ship; every call and every byte is copied as by a real host.
fn exchanges(module: &Path) {
    let mut noop = None;
    for (name, module, configuration) in [
        ("noop", artifact::noop_module().as_path(), ""),
        ("full", module, "{}"),
        ("lean", module, r#"{"envoy":{"mode":"lean"}}"#),
    ] {
        let mut case = Loaded::start(counting(module), configuration);
        case.run();
        case.vm.take_calls();
        let before = case.vm.fuel();
        case.run();
        let each = (case.vm.fuel() - before) as f64 / f64::from(EXCHANGES);
        let what = format!("instructions an exchange, {}", title(name));
        let rows = [
            Row::of(&format!("wasmtime/instructions/{name}"), &what, "", Spread::exact(each.round()))
                .beside("the do-nothing filter's", Spread::exact(each / *noop.get_or_insert(each))),
            answers(name, &case.vm.take_calls()),
        ];
        rows.iter().for_each(Row::tell);
    }
}

/// The module in an engine that counts instructions.
fn counting(path: &Path) -> Proxy {
    let engine = Engine::new(Config::new().consume_fuel(true)).expect("an engine that counts");
    let module = Module::from_file(&engine, path).unwrap_or_else(|error| panic!("{error:?}"));
    Proxy::of(engine, module)
}

fn answers(name: &str, calls: &BudgetedCalls) -> Row {
    let each = calls.answers as f64 / f64::from(EXCHANGES);
    let what = format!("calls that return data, {}", title(name));
    let row = Row::of(&format!("wasmtime/calls/{name}"), &what, "an exchange", Spread::exact(each));
    match name {
        "full" => row.aim("7"),
        "lean" => row.aim("4"),
        _ => row,
    }
}

fn title(name: &str) -> &str {
    if name == "noop" { "the do-nothing filter" } else { name }
}

/// A modest load for 24 hours, with the ticks of a second.
fn day(module: &Path) {
    let mut worker = Loaded::start(Proxy::load(module), "{}");
    let mut first = None;
    for hours in (4..=24).step_by(4) {
        for _ in 0..4 * 3_600 {
            (0..PACE).for_each(|_| worker.pass(1_000_000 / PACE));
            worker.vm.tick(worker.root).unwrap_or_else(|failure| panic!("{failure}"));
            worker.proxy.take_log();
        }
        let held = worker.vm.memory_bytes() as f64 / 1_024.0;
        let what = format!("memory of the module after {hours} h");
        Row::of(&format!("growth/day/module/{hours}"), &what, "KiB", Spread::exact(held))
            .beside("that after 4 h", Spread::exact(held / *first.get_or_insert(held)))
            .tell();
    }
}
