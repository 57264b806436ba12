//! CPU time of an exchange in a real Envoy, which is pinned to a core of its own.
//!
//! In each round, every setup runs in a new Envoy, and all of them take turns. The cost of a setup is the difference to
//! the Envoy without any filter *of the same round*, so that a machine that slows down slows all of them.

use std::path::Path;
use std::thread;

use serde_json::json;

use super::envoy_load::{micros_per_exchange_of, warm_up};
use super::lua_filter::lua_filter;
use super::{Row, Samples, Selection, interleaved};
use real::{
    ArrivalLog, Bootstrap, EnvoyCommand, Origin, cluster, native_filter, native_logger,
    native_upstream_filter, route, wasm_filter, wasm_filter_of, wasm_logger, wasm_upstream_filter,
};

const ROUNDS: usize = 9;
/// Turns of each Envoy in a round, of which the median counts.
const TURNS: usize = 9;
/// Exchanges of a turn.
const TURN: usize = 1_000;

/// The filter that Envoy runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FilterSetup {
    None,
    Noop,
    Statistics,
    Full,
    FullWithHeader,
    FullWithUpstream,
    Lean,
    Log,
    LeanLog,
    Native,
    NativeWithUpstream,
    NativeLog,
    Lua,
}

/// The setups that others are compared with; they come first.
const BASELINES: [FilterSetup; 2] = [FilterSetup::None, FilterSetup::Noop];

impl FilterSetup {
    pub(super) const ALL: [Self; 13] = [
        Self::None,
        Self::Noop,
        Self::Statistics,
        Self::Full,
        Self::FullWithHeader,
        Self::FullWithUpstream,
        Self::Lean,
        Self::Log,
        Self::LeanLog,
        Self::Native,
        Self::NativeWithUpstream,
        Self::NativeLog,
        Self::Lua,
    ];

    /// Returns the name of the row.
    pub(super) fn row(self) -> &'static str {
        match self {
            Self::None => "envoy/none",
            Self::Noop => "envoy/noop",
            Self::Statistics => "envoy/statistics",
            Self::Full => "envoy/http",
            Self::FullWithHeader => "envoy/http-header",
            Self::FullWithUpstream => "envoy/http-upstream",
            Self::Lean => "envoy/http-lean",
            Self::Log => "envoy/log",
            Self::LeanLog => "envoy/log-lean",
            Self::Native => "envoy/native-http",
            Self::NativeWithUpstream => "envoy/native-http-upstream",
            Self::NativeLog => "envoy/native-log",
            Self::Lua => "envoy/lua",
        }
    }

    /// Returns the description of the row.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::None => "an exchange without any filter",
            Self::Noop => "overhead: the SDK's no-op filter",
            Self::Statistics => "overhead: no filter, Envoy's own statistics by route and of timeout budgets",
            Self::Full => "overhead: `http`, full",
            Self::FullWithHeader => "overhead: `http`, full, with header",
            Self::FullWithUpstream => "overhead: `http`, full, and `upstream`",
            Self::Lean => "overhead: `http`, lean",
            Self::Log => "overhead: `log`, full",
            Self::LeanLog => "overhead: `log`, lean",
            Self::Native => "overhead: native `http`, full",
            Self::NativeWithUpstream => "overhead: native `http`, full, and `upstream`",
            Self::NativeLog => "overhead: native `log`, full",
            Self::Lua => "overhead: Lua, reading the same headers",
        }
    }

    /// Returns the target, as a multiple of the no-op filter.
    fn aim(self) -> Option<&'static str> {
        match self {
            Self::Full => Some("1.6 ×"),
            Self::Lean => Some("1.1 ×"),
            Self::Log | Self::LeanLog => Some("0.8 ×"),
            _ => None,
        }
    }

    /// Returns the bootstrap with this filter.
    pub(super) fn bootstrap(self, port: u16, noop: &Path) -> Bootstrap {
        let bootstrap = bootstrap(port, self == Self::Statistics);
        match self {
            Self::None | Self::Statistics => bootstrap,
            Self::Noop => bootstrap.filter(wasm_filter_of(noop, "")),
            Self::Full => bootstrap.filter(wasm_filter("{}")),
            Self::FullWithHeader => bootstrap.filter(wasm_filter(r#"{"envoy":{"header":true}}"#)),
            Self::FullWithUpstream => {
                bootstrap.filter(wasm_filter("{}")).upstream_filter(wasm_upstream_filter())
            }
            Self::Lean => bootstrap.filter(wasm_filter(r#"{"envoy":{"mode":"lean"}}"#)),
            Self::Log => bootstrap.logger(wasm_logger(r#"{"envoy":{"attach":"log"}}"#)),
            Self::LeanLog => bootstrap.logger(wasm_logger(r#"{"envoy":{"attach":"log","mode":"lean"}}"#)),
            Self::Native => bootstrap.filter(native_filter("{}")),
            Self::NativeWithUpstream => {
                bootstrap.filter(native_filter("{}")).upstream_filter(native_upstream_filter())
            }
            Self::NativeLog => bootstrap.logger(native_logger("{}")),
            Self::Lua => bootstrap.filter(lua_filter()),
        }
    }
}

/// Measures the selected rows and their baselines.
pub fn run(selection: &Selection) {
    if !selection.wants("envoy") {
        return;
    }
    let wanted = |setup: &FilterSetup| BASELINES.contains(setup) || selection.wants(setup.row());
    let setups: Vec<_> = FilterSetup::ALL.into_iter().filter(wanted).collect();
    let samples = alternate(&setups);
    let (none, noop) = (&samples[0], samples[1].minus(&samples[0]));
    for (setup, cpu_time) in setups.iter().zip(&samples) {
        row(*setup, cpu_time, none, &noop).print();
    }
}

fn row(setup: FilterSetup, cpu_time: &Samples, none: &Samples, noop: &Samples) -> Row {
    if setup == FilterSetup::None {
        return Row::of(setup.row(), setup.what(), "µs", cpu_time.spread());
    }
    let overhead = cpu_time.minus(none);
    let row = Row::of(setup.row(), setup.what(), "µs", overhead.spread());
    if setup == FilterSetup::Noop {
        return row;
    }
    let row = row.with_ratio("the no-op filter", overhead.ratio_to(noop));
    setup.aim().into_iter().fold(row, Row::aim)
}

fn alternate(setups: &[FilterSetup]) -> Vec<Samples> {
    if thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        pin_to_core(1);
    }
    let noop = artifact::noop_module();
    let origin = Origin::with_log(ArrivalLog::counting_only());
    let rounds: Vec<Vec<f64>> = (0..ROUNDS)
        .map(|_| {
            let start = |setup: &FilterSetup| {
                let envoy = EnvoyCommand::new().on_core(0).run(&setup.bootstrap(origin.port, &noop));
                warm_up(&envoy);
                envoy
            };
            let mut envoys: Vec<_> = setups.iter().map(start).collect();
            let turns = interleaved(TURNS, &mut envoys, |envoy| micros_per_exchange_of(envoy, TURN));
            turns.iter().map(|turns| turns.spread().median).collect()
        })
        .collect();
    (0..setups.len()).map(|index| Samples::of(rounds.iter().map(|round| round[index]))).collect()
}

/// Returns a configuration with one upstream with retries, with Envoy's default statistics or with all of them.
pub(super) fn bootstrap(port: u16, statistics: bool) -> Bootstrap {
    let mut upstream = cluster("cart", &[port]);
    let retries = json!({"timeout": "15s", "retry_policy": {"retry_on": "5xx", "num_retries": 2}});
    let mut all = route("/", "cart", &retries);
    if statistics {
        upstream["track_cluster_stats"] = json!({"timeout_budgets": true, "request_response_sizes": true});
        all["stat_prefix"] = json!("cart");
    }
    Bootstrap::new().without_access_log().cluster(upstream).route(all)
}

/// Pins the load generator to another core than Envoy.
fn pin_to_core(core: usize) {
    // SAFETY: sched_setaffinity reads a set that lives on this stack.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}
