//! A simulated Envoy that loads a native module and runs scenarios in it: `native-sim MODULE http|log`.
//!
//! A program of its own, because a native module finds Envoy's functions among the symbols of its process. For each scenario it prints `#` and
//! the name, and then the records. Time stands still, except that between two steps each second comes, and the module's thread
//! reports.

mod callbacks;
mod clock;
mod exchange;
mod module;

use std::path::Path;

use sim::scenario::{ExchangeLine, Scenario, ScenarioEvent, ScenarioHost, proxy_wasm};

use callbacks::{COMMITTED, take_records};
use exchange::Exchange;
use module::{Attached, Module};

const SECOND_US: u64 = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(module), Some(attach)) = (arguments.next(), arguments.next()) else {
        panic!("native-sim MODULE http|log");
    };
    let module = Module::load(Path::new(&module));
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        println!("# {}", scenario.name);
        run(&scenario, &module, attach == "log");
    }
}

fn run(scenario: &Scenario, module: &Module, as_logger: bool) {
    let mut attached = None;
    for (number, event) in (0..).zip(scenario.events()) {
        if let ScenarioEvent::Exchange(at, _) | ScenarioEvent::Wake(at) = event {
            if attached.is_none() {
                clock::set_us(at);
                attached = Some(module.attach(&scenario.name, &scenario.config.to_string(), as_logger));
            }
            advance_to(at, attached.as_ref());
        }
        match (event, attached.as_ref()) {
            (ScenarioEvent::Exchange(at, line), Some(attached)) => {
                let stream = proxy_wasm::render(&ExchangeLine::read(line));
                let stream = stream.unwrap_or_else(|field| panic!("{}: no `{field}`", scenario.name));
                attached.run(&mut Exchange::new(stream, at, number));
            }
            (ScenarioEvent::Wake(_), attached) => tick(attached),
            _ => attached = None,
        }
        take_records().iter().for_each(|record| println!("{record}"));
    }
}

/// Lets each second come until `to`.
fn advance_to(to: u64, attached: Option<&Attached<'_>>) {
    let mut now = clock::now_us();
    while now + SECOND_US <= to {
        now += SECOND_US;
        clock::set_us(now);
        tick(attached);
    }
    clock::set_us(to);
}

/// Lets the module's thread report once, and hands its events over on this thread, which is Envoy's main thread.
fn tick(attached: Option<&Attached<'_>>) {
    clock::wake_sleepers();
    if COMMITTED.swap(false, std::sync::atomic::Ordering::Relaxed) {
        attached.iter().for_each(|attached| attached.on_scheduled());
    }
}
