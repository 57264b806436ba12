//! A VM that ends: traffic goes on, what was counted stays, and where Envoy makes another VM the filter goes on as well.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use host_tests::artifact;
use host_tests::real::{Client, Request, Start, wasm_filter_of};
use serde_json::{Value, json};

use crate::stage::{Cast, Stage, counts};

/// A VM of ours that ends does so at this request.
const LAST: u64 = 20;
/// Far more requests than it takes for whatever is waited for.
const MOST: u64 = 1_000_000;

/// The module as it ships, but for one thing: in each VM the request of that number traps.
static MORTAL: LazyLock<PathBuf> = LazyLock::new(mortal);

fn mortal() -> PathBuf {
    let text = wasmprinter::print_file(artifact::envoy_module()).expect("a module that can be printed");
    let export = r#"(export "proxy_on_request_headers" (func "#;
    let (_, rest) = text.split_once(export).expect("the callback is exported");
    let (original, _) = rest.split_once(')').expect("a number");
    let trap = format!(
        "(global $requests (mut i32) (i32.const 0))
         (func $mortal (param i32 i32 i32) (result i32)
           (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
           (if (i32.eq (global.get $requests) (i32.const {LAST})) (then unreachable))
           (call {original} (local.get 0) (local.get 1) (local.get 2)))"
    );
    let body = text.trim_end().strip_suffix(')').expect("a module");
    let text =
        format!("{body}{trap})").replace(&format!("{export}{original})"), &format!("{export}$mortal)"));
    let folder = artifact::root().join("target/e2e");
    fs::create_dir_all(&folder).expect("a folder under target");
    let path = folder.join("mortal.wasm");
    fs::write(&path, wat::parse_str(text).expect("a module")).expect("a file under target");
    path
}

/// An Envoy with one worker and this policy, and what became of all requests, the last of which is sent when `is_over`.
fn play(policy: &Value, is_over: impl Fn(&Stage, u64) -> bool) -> (Stage, Vec<u16>) {
    let mut filter = wasm_filter_of(&MORTAL, "{}");
    let config = filter["typed_config"]["config"].as_object_mut().expect("a configuration");
    config.extend(policy.as_object().expect("fields").clone());
    let cast = Cast::gather();
    let site = cast.site().filter(filter);
    let stage = cast.on_stage(&Start::new(), &site);
    let mut client = Client::new(stage.envoy.port);
    let send = |number: u64| client.send(&Request::get("/plain").script(&number.to_string(), "200")).status;
    let statuses: Vec<_> = (0..MOST).take_while(|number| !is_over(&stage, *number)).map(send).collect();
    stage.envoy.wait_for_exchanges(statuses.len());
    (stage, statuses)
}

#[test]
fn a_vm_that_ends_costs_the_request_it_is_in_and_no_count() {
    let (stage, statuses) = play(&json!({"failure_policy": "FAIL_OPEN"}), |_, sent| sent == 200);
    let failed: Vec<_> = statuses.iter().enumerate().filter(|(_, status)| **status != 200).collect();
    assert_eq!(failed, [(LAST as usize - 1, &503)], "the others pass, from then on without the filter");
    assert_eq!(stage.fates("cart"), counts(&[("clean", LAST - 1)]), "metrics are the proxy's");
}

#[test]
fn where_a_new_vm_is_made_it_goes_on_counting() {
    let reload = json!({"backoff": {"base_interval": "0.01s"}});
    let reloads = |stage: &Stage, what: &str| {
        stage.envoy.stats("wasm.nearmiss").of(&format!("wasm.nearmiss.vm_reload_{what}"))
    };
    // How many are turned away before that depends on the machine: Envoy waits before it makes another.
    let (stage, statuses) =
        play(&json!({"failure_policy": "FAIL_RELOAD", "reload_config": reload}), |stage, sent| {
            sent % LAST == 0 && reloads(stage, "success") >= 2
        });
    let failed = statuses.iter().filter(|status| **status != 200).count() as u64;
    let passed = statuses.len() as u64 - failed;
    assert_eq!(stage.fates("cart"), counts(&[("clean", passed)]), "all that was let pass is counted");
    let (made, turned_away) = (reloads(&stage, "success"), reloads(&stage, "backoff"));
    // The one that is dead at the end is not made anew by anybody.
    let ended = failed - turned_away;
    assert!((made..=made + 1).contains(&ended), "{ended} VMs ended, {made} were made anew");
}
