//! A simulated Envoy that loads a native module and runs scenarios in it: `native-sim MODULE http|log [EXCHANGES]`.
//!
//! A program of its own, because a native module finds Envoy's functions among the symbols of its process. For each scenario it prints `#` and
//! the name, and then the records. Time stands still, except that between two steps each second comes, and the module's thread
//! reports. With a number, workers handle that number of exchanges each, all at once and while the module's thread reports; then it prints
//! the records.

mod callbacks;
mod clock;
mod exchange;
mod module;
mod workers;

use std::path::Path;

use sim::proxy_wasm::Stream;
use sim::scenario::{ExchangeLine, Scenario, ScenarioEvent, ScenarioHost, proxy_wasm};

use callbacks::{COMMITTED, take_records};
use exchange::Exchange;
use module::{Attached, Module};

const SECOND_US: u64 = 1_000_000;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (module, attach, exchanges) = match arguments.as_slice() {
        [module, attach] => (module, attach, None),
        [module, attach, exchanges] => (module, attach, Some(exchanges.parse().expect("a number"))),
        _ => panic!("native-sim MODULE http|log [EXCHANGES]"),
    };
    let (module, as_logger) = (Module::load(Path::new(module)), attach == "log");
    if let Some(exchanges) = exchanges {
        return workers::run(&module, as_logger, exchanges);
    }
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        println!("# {}", scenario.name);
        run(&scenario, &module, as_logger);
    }
}

fn run(scenario: &Scenario, module: &Module, as_logger: bool) {
    let events = scenario.events();
    let time = |event: &ScenarioEvent<'_>| match event {
        ScenarioEvent::Exchange(at, _) | ScenarioEvent::Wake(at) => Some(*at),
        ScenarioEvent::Finish => None,
    };
    clock::set_us(events.iter().find_map(time).expect("a scenario has exchanges"));
    let attached = module.attach(&scenario.name, &scenario.config.to_string(), as_logger);
    let worker = attached.worker();
    for (number, event) in (0..).zip(events) {
        time(&event).into_iter().for_each(|at| advance_to(at, &attached));
        match event {
            ScenarioEvent::Exchange(at, line) => worker.run(&mut Exchange::new(stream(line), at, number)),
            ScenarioEvent::Wake(_) => tick(&attached),
            ScenarioEvent::Finish => break,
        }
        print_records();
    }
    drop(worker);
    drop(attached);
    print_records();
}

/// Returns what Envoy has on the exchange of a line.
fn stream(line: &str) -> Stream {
    proxy_wasm::render(&ExchangeLine::read(line)).unwrap_or_else(|field| panic!("no `{field}`: {line}"))
}

fn print_records() {
    take_records().iter().for_each(|record| println!("{record}"));
}

/// Lets each second come until `to`.
fn advance_to(to: u64, attached: &Attached<'_>) {
    let mut now = clock::now_us();
    while now + SECOND_US <= to {
        now += SECOND_US;
        clock::set_us(now);
        tick(attached);
    }
    clock::set_us(to);
}

/// Lets the module's thread report once, and hands its events over on this thread, which is Envoy's main thread.
fn tick(attached: &Attached<'_>) {
    clock::wake_sleepers();
    if COMMITTED.swap(false, std::sync::atomic::Ordering::Relaxed) {
        attached.on_scheduled();
    }
}
