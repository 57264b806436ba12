//! Processor time an exchange costs in a real Envoy, which is pinned to a core of its own.
//!
//! Rounds alternate: in each, every variant runs once in a fresh Envoy, and what it costs more than the Envoy
//! without any filter *of the same round* is what counts. So a machine that slows down slows all of them.

use std::path::Path;
use std::thread;

use serde_json::json;

use super::load::micros_an_exchange;
use super::lua::lua_filter;
use super::{Row, Samples, Selection, in_turns};
use crate::artifact;
use crate::real::{
    Ledger, Origin, Site, Start, cluster, route, wasm_filter, wasm_filter_of, wasm_logger,
    wasm_upstream_filter,
};

const ROUNDS: usize = 13;

/// What is put into Envoy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Variant {
    None,
    Noop,
    Statistics,
    Full,
    FullWithHeader,
    FullWithUpstream,
    Lean,
    Log,
    LeanLog,
    Lua,
}

/// What the others are held against; they stand first.
const COMPARED: [Variant; 2] = [Variant::None, Variant::Noop];

impl Variant {
    pub(super) const ALL: [Self; 10] = [
        Self::None,
        Self::Noop,
        Self::Statistics,
        Self::Full,
        Self::FullWithHeader,
        Self::FullWithUpstream,
        Self::Lean,
        Self::Log,
        Self::LeanLog,
        Self::Lua,
    ];

    /// Its row's name.
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
            Self::Lua => "envoy/lua",
        }
    }

    /// For the reader.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::None => "an exchange without any filter",
            Self::Noop => "more: do-nothing filter of the SDK",
            Self::Statistics => "more: no filter, Envoy's own statistics by route and of timeout budgets",
            Self::Full => "more: `http`, full",
            Self::FullWithHeader => "more: `http`, full, with header",
            Self::FullWithUpstream => "more: `http`, full, and `upstream`",
            Self::Lean => "more: `http`, lean",
            Self::Log => "more: `log`, full",
            Self::LeanLog => "more: `log`, lean",
            Self::Lua => "more: Lua, reading the same headers",
        }
    }

    /// How many times the do-nothing filter's was aimed at.
    fn aim(self) -> Option<&'static str> {
        match self {
            Self::Full => Some("1.6 ×"),
            Self::Lean => Some("1.1 ×"),
            Self::Log | Self::LeanLog => Some("0.8 ×"),
            _ => None,
        }
    }

    /// The site with it.
    pub(super) fn site(self, port: u16, noop: &Path) -> Site {
        let site = site(port, self == Self::Statistics);
        match self {
            Self::None | Self::Statistics => site,
            Self::Noop => site.filter(wasm_filter_of(noop, "")),
            Self::Full => site.filter(wasm_filter("{}")),
            Self::FullWithHeader => site.filter(wasm_filter(r#"{"envoy":{"header":true}}"#)),
            Self::FullWithUpstream => site.filter(wasm_filter("{}")).upstream_filter(wasm_upstream_filter()),
            Self::Lean => site.filter(wasm_filter(r#"{"envoy":{"mode":"lean"}}"#)),
            Self::Log => site.logger(wasm_logger(r#"{"envoy":{"attach":"log"}}"#)),
            Self::LeanLog => site.logger(wasm_logger(r#"{"envoy":{"attach":"log","mode":"lean"}}"#)),
            Self::Lua => site.filter(lua_filter()),
        }
    }
}

/// Measures what is wanted, and what that is held against.
pub fn run(selection: &Selection) {
    if !selection.wants("envoy") {
        return;
    }
    let wanted = |variant: &Variant| COMPARED.contains(variant) || selection.wants(variant.row());
    let mut variants: Vec<_> = Variant::ALL.into_iter().filter(wanted).collect();
    let samples = alternate(&mut variants);
    let (none, noop) = (&samples[0], samples[1].beyond(&samples[0]));
    for (variant, spent) in variants.iter().zip(&samples) {
        row(*variant, spent, none, &noop).tell();
    }
}

fn row(variant: Variant, spent: &Samples, none: &Samples, noop: &Samples) -> Row {
    if variant == Variant::None {
        return Row::of(variant.row(), variant.what(), "µs", spent.spread());
    }
    let more = spent.beyond(none);
    let row = Row::of(variant.row(), variant.what(), "µs", more.spread());
    if variant == Variant::Noop {
        return row;
    }
    let row = row.beside("the do-nothing filter's", more.over(noop));
    variant.aim().into_iter().fold(row, Row::aim)
}

fn alternate(variants: &mut [Variant]) -> Vec<Samples> {
    if thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        stay_on(1);
    }
    let noop = artifact::noop_module();
    let origin = Origin::with(Ledger::forgetful());
    in_turns(ROUNDS, variants, |variant| {
        let envoy = Start::new().on_core(0).run(&variant.site(origin.port, &noop));
        micros_an_exchange(&envoy)
    })
}

/// One upstream with retries; of its statistics what Envoy keeps anyway, or all that it can.
pub(super) fn site(port: u16, statistics: bool) -> Site {
    let mut upstream = cluster("cart", &[port]);
    let retries = json!({"timeout": "15s", "retry_policy": {"retry_on": "5xx", "num_retries": 2}});
    let mut all = route("/", "cart", &retries);
    if statistics {
        upstream["track_cluster_stats"] = json!({"timeout_budgets": true, "request_response_sizes": true});
        all["stat_prefix"] = json!("cart");
    }
    Site::new().without_access_log().cluster(upstream).route(all)
}

/// The load stays off Envoy's core.
fn stay_on(core: usize) {
    // SAFETY: sched_setaffinity reads a set that lives on this stack.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}
