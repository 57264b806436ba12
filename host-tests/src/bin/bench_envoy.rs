//! What an exchange costs in a real Envoy: `bench_envoy [ROUNDS [EXCHANGES]]`.

use host_tests::bench::in_envoy::{Plan, run};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let usual = Plan::default();
    run(Plan {
        rounds: numbers.next().unwrap_or(usual.rounds),
        exchanges: numbers.next().unwrap_or(usual.exchanges),
    });
}
