//! Cost of an exchange in an Envoy with more workers, with a check that each exchange is counted once.

use super::envoy_cpu_time::bootstrap;
use super::envoy_load::{SENT, micros_per_exchange};
use super::{Row, Selection, interleaved};
use real::{ArrivalLog, EnvoyCommand, Origin, eventually, wasm_filter};

const ROUNDS: usize = 5;
const WORKERS: [u32; 4] = [1, 2, 3, 4];

/// Measures the selected rows, each with and without the filter.
pub fn run(selection: &Selection) {
    let name = |workers: u32| format!("growth/workers/{workers}");
    let wanted = WORKERS.into_iter().filter(|workers| selection.wants(&name(*workers)));
    let mut cases: Vec<_> = wanted.flat_map(|workers| [(workers, true), (workers, false)]).collect();
    if cases.is_empty() {
        return;
    }
    let origin = Origin::with_log(ArrivalLog::counting_only());
    let samples = interleaved(ROUNDS, &mut cases, |(workers, with)| measure(origin.port, *workers, *with));
    for (pair, case) in samples.chunks_exact(2).zip(cases.chunks_exact(2)) {
        let [(workers, _), _] = case else { continue };
        let what = format!("an exchange with the filter, workers: {workers}");
        Row::of(&name(*workers), &what, "µs", pair[0].spread())
            .with_ratio("no filter, same number of workers", pair[0].ratio_to(&pair[1]))
            .print();
    }
}

fn measure(port: u16, workers: u32, with_filter: bool) -> f64 {
    let bootstrap = bootstrap(port, false);
    let bootstrap = if with_filter { bootstrap.filter(wasm_filter("{}")) } else { bootstrap };
    let envoy = EnvoyCommand::new().workers(workers).run(&bootstrap);
    let micros = micros_per_exchange(&envoy);
    if with_filter {
        let counted = eventually("the count of all exchanges", || {
            Some(envoy.nearmiss_stats().exchanges()).filter(|counted| *counted >= SENT as u64)
        });
        assert_eq!(counted, SENT as u64, "each exchange counts once, {workers} workers");
    }
    micros
}
