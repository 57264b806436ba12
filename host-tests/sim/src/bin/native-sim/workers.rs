//! Workers that handle exchanges at once, while the module's thread reports: what a detector of data races has to see.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use sim::scenario::{Scenario, ScenarioEvent, ScenarioHost};

use super::exchange::Exchange;
use super::module::{Attached, Module};
use super::{SECOND_US, clock, print_records, stream, tick};

const WORKERS: usize = 4;
/// A second within the time of the scenarios.
const START_US: u64 = 1_795_423_550_000_000;

/// Runs the workers, each with this number of exchanges of the scenarios, and prints the records.
pub(crate) fn run(module: &Module, as_logger: bool, exchanges: usize) {
    clock::set_us(START_US);
    let attached = module.attach("workers", "{}", as_logger);
    let running = AtomicUsize::new(WORKERS);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                work(&attached, exchanges);
                running.fetch_sub(1, Relaxed);
            });
        }
        while running.load(Relaxed) > 0 {
            clock::set_us(clock::now_us() + SECOND_US);
            tick(&attached);
            print_records();
        }
    });
    drop(attached);
    print_records();
}

fn work(attached: &Attached<'_>, exchanges: usize) {
    let worker = attached.worker();
    let scenarios = Scenario::for_host(ScenarioHost::Envoy);
    let streams: Vec<_> = scenarios
        .iter()
        .flat_map(Scenario::events)
        .filter_map(|event| match event {
            ScenarioEvent::Exchange(_, line) => Some(stream(line)),
            ScenarioEvent::Wake(_) | ScenarioEvent::Finish => None,
        })
        .collect();
    for (number, stream) in (0..).zip(streams.iter().cycle().take(exchanges)) {
        worker.run(&mut Exchange::new(stream.clone(), clock::now_us(), number));
    }
}
