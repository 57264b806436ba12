//! What an exchange costs an Envoy with more workers, and whether each is counted once.

use super::in_envoy::site;
use super::load::{SENT, micros_an_exchange};
use super::{Row, Selection, in_turns};
use crate::real::{Ledger, Origin, Start, eventually, wasm_filter};

const ROUNDS: usize = 5;
const WORKERS: [u32; 4] = [1, 2, 3, 4];

/// Measures what is wanted; each with the filter and without it.
pub fn run(selection: &Selection) {
    let name = |workers: u32| format!("growth/workers/{workers}");
    let wanted = WORKERS.into_iter().filter(|workers| selection.wants(&name(*workers)));
    let mut cases: Vec<_> = wanted.flat_map(|workers| [(workers, true), (workers, false)]).collect();
    if cases.is_empty() {
        return;
    }
    let origin = Origin::with(Ledger::forgetful());
    let samples = in_turns(ROUNDS, &mut cases, |(workers, with)| measure(origin.port, *workers, *with));
    for (pair, case) in samples.chunks_exact(2).zip(cases.chunks_exact(2)) {
        let [(workers, _), _] = case else { continue };
        let what = format!("an exchange, all of them counted, workers: {workers}");
        Row::of(&name(*workers), &what, "µs", pair[0].spread())
            .beside("no filter, as many workers", pair[0].over(&pair[1]))
            .tell();
    }
}

fn measure(port: u16, workers: u32, with_filter: bool) -> f64 {
    let site = site(port, false);
    let site = if with_filter { site.filter(wasm_filter("{}")) } else { site };
    let envoy = Start::new().workers(workers).run(&site);
    let micros = micros_an_exchange(&envoy);
    if with_filter {
        let counted = eventually("the count of all exchanges", || {
            Some(envoy.near_misses().exchanges()).filter(|counted| *counted >= SENT as u64)
        });
        assert_eq!(counted, SENT as u64, "each exchange counts once, {workers} workers");
    }
    micros
}
