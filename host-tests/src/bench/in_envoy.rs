//! Processor time an exchange costs in a real Envoy, which is pinned to a core of its own.
//!
//! Rounds alternate: in each, every variant runs once in a fresh Envoy, and what it costs more than the Envoy
//! without any filter *of the same round* is what counts. So a machine that slows down slows all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use super::Middle;
use crate::artifact;
use crate::real::{
    Client, Ledger, Origin, Request, Site, Start, cluster, route, tick_length, wasm_filter, wasm_filter_of,
    wasm_logger, wasm_upstream_filter,
};

/// Connections that send at the same time.
const CLIENTS: usize = 8;
/// Not measured: code is compiled as it is used, caches are cold.
const WARM_UP: usize = 6_000;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Alternating rounds.
    pub rounds: usize,
    /// Exchanges a round and variant.
    pub exchanges: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rounds: 12, exchanges: 8_000 }
    }
}

/// What is put into Envoy.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Variant {
    None,
    Noop,
    Full,
    FullWithHeader,
    FullWithUpstream,
    Lean,
    Log,
    LeanLog,
    Lua,
}

impl Variant {
    pub(super) const ALL: [Self; 9] = [
        Self::None,
        Self::Noop,
        Self::Full,
        Self::FullWithHeader,
        Self::FullWithUpstream,
        Self::Lean,
        Self::Log,
        Self::LeanLog,
        Self::Lua,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Noop => "do-nothing SDK filter",
            Self::Full => "nearmiss http, full",
            Self::FullWithHeader => "nearmiss http, full, header",
            Self::FullWithUpstream => "nearmiss http, full, and upstream",
            Self::Lean => "nearmiss http, lean",
            Self::Log => "nearmiss log, full",
            Self::LeanLog => "nearmiss log, lean",
            Self::Lua => "Lua filter",
        }
    }

    pub(super) fn put_into(self, site: Site, noop: &Path) -> Site {
        match self {
            Self::None => site,
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

/// Measures, and prints a table.
pub fn run(plan: Plan) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores > 1 {
        stay_on(1);
    }
    let noop = artifact::noop_module();
    let origin = Origin::with(Ledger::forgetful());
    let site = Site::new().without_access_log().cluster(cluster("cart", &[origin.port])).route(route(
        "/",
        "cart",
        &json!({"timeout": "15s", "retry_policy": {"retry_on": "5xx", "num_retries": 2}}),
    ));
    let mut spent: BTreeMap<Variant, Vec<f64>> = BTreeMap::new();
    for round in 0..plan.rounds {
        // Each round begins with another variant, so that none is always first.
        for place in 0..Variant::ALL.len() {
            let variant = Variant::ALL[(place + round) % Variant::ALL.len()];
            let micros = measure(&variant.put_into(site.clone(), &noop), plan.exchanges);
            spent.entry(variant).or_default().push(micros);
        }
        eprintln!("round {} of {}", round + 1, plan.rounds);
    }
    print(plan, &spent);
}

/// Microseconds of processor time an exchange, in an Envoy of its own.
fn measure(site: &Site, exchanges: usize) -> f64 {
    let envoy = Start::new().on_core(0).run(site);
    send(envoy.port, WARM_UP);
    let before = envoy.cpu_ticks();
    send(envoy.port, exchanges);
    let ticks = envoy.cpu_ticks() - before;
    ticks as f64 * tick_length().as_secs_f64() * 1e6 / exchanges as f64
}

fn send(port: u16, exchanges: usize) {
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(move || {
                let mut client = Client::new(port);
                let request = request();
                for _ in 0..exchanges / CLIENTS {
                    client.send(&request);
                }
            });
        }
    });
}

/// What a browser or a service sends, about.
pub(super) fn request() -> Request {
    Request::get("/api/v1/carts/4711")
        .header("user-agent", "bench/1.0")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, br")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .respond("content-type: application/json")
        .respond("cache-control: max-age=60")
        .respond("date: Mon, 23 Nov 2026 08:00:00 GMT")
}

fn print(plan: Plan, spent: &BTreeMap<Variant, Vec<f64>>) {
    let none = &spent[&Variant::None];
    let over = |variant: Variant| -> Vec<f64> {
        spent[&variant].iter().zip(none).map(|(with, without)| with - without).collect()
    };
    let yardstick = Middle::of(over(Variant::Noop)).median;
    println!(
        "{} alternating rounds of {} exchanges, one worker on a core of its own",
        plan.rounds, plan.exchanges
    );
    println!("{:<28} {:>12} {:>22} {:>16}", "", "µs/exchange", "more than no filter", "of do-nothing's");
    for variant in Variant::ALL {
        let (all, more) = (Middle::of(spent[&variant].clone()), Middle::of(over(variant)));
        let between = format!("{:.1} ({:.1} to {:.1})", more.median, more.low, more.high);
        println!(
            "{:<28} {:>12.1} {:>22} {:>16.2}",
            variant.name(),
            all.median,
            between,
            more.median / yardstick
        );
    }
}

/// What a Lua filter can see of the same: no attempt count, no response flags, no metrics of its own.
fn lua_filter() -> Value {
    json!({
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": LUA},
        },
    })
}

const LUA: &str = r#"
local seen = {}
function envoy_on_request(handle)
  local headers = handle:headers()
  local again = headers:get("grpc-previous-rpc-attempts") or headers:get("amz-sdk-request")
    or headers:get("x-stainless-retry-count") or headers:get("x-envoy-attempt-count")
  if again then
    handle:streamInfo():dynamicMetadata():set("nearmiss", "client_attempt", again)
  end
end
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  local stale = headers:get("cache-status") or headers:get("warning")
  local masked = headers:get("proxy-status")
  local quota = headers:get("ratelimit") or headers:get("x-ratelimit-remaining")
  local grpc = headers:get("content-type") == "application/grpc" and headers:get("grpc-status")
  local service_time = headers:get("x-envoy-upstream-service-time")
  local fate = "clean"
  if status >= "500" or status == "429" then fate = "failed"
  elseif masked then fate = "partial"
  elseif stale then fate = "stale"
  elseif quota or grpc then fate = "tight" end
  local info = handle:streamInfo()
  local key = info:routeName() .. fate
  seen[key] = (seen[key] or 0) + 1
  if fate ~= "clean" then info:dynamicMetadata():set("nearmiss", "fate", fate) end
end
"#;

/// The load stays off Envoy's core.
fn stay_on(core: usize) {
    // SAFETY: sched_setaffinity reads a set that lives on this stack.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}
