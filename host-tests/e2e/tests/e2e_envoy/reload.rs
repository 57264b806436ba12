//! A VM that traps: traffic continues, counts are kept, and the filter continues where Envoy reloads the VM.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use real::{Client, EnvoyCommand, Request, wasm_filter_of};
use serde_json::{Value, json};

use crate::harness::{Harness, Origins, counts};

/// Number of the request at which a VM traps.
const TRAPS_AT: u64 = 20;
/// Upper bound of the requests in a test.
const MAX_REQUESTS: u64 = 1_000_000;

/// The module, patched to trap at request `TRAPS_AT` in each VM.
static TRAPPING_MODULE: LazyLock<PathBuf> = LazyLock::new(trapping_module);

fn trapping_module() -> PathBuf {
    let text = wasmprinter::print_file(artifact::envoy_module()).expect("a module that can be printed");
    let export = r#"(export "proxy_on_request_headers" (func "#;
    let (_, rest) = text.split_once(export).expect("the callback is exported");
    let (original, _) = rest.split_once(')').expect("a number");
    let trap = format!(
        "(global $requests (mut i32) (i32.const 0))
         (func $trapping (param i32 i32 i32) (result i32)
           (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
           (if (i32.eq (global.get $requests) (i32.const {TRAPS_AT})) (then unreachable))
           (call {original} (local.get 0) (local.get 1) (local.get 2)))"
    );
    let body = text.trim_end().strip_suffix(')').expect("a module");
    let text =
        format!("{body}{trap})").replace(&format!("{export}{original})"), &format!("{export}$trapping)"));
    let folder = artifact::root().join("target/e2e");
    fs::create_dir_all(&folder).expect("a folder under target");
    let path = folder.join("trapping.wasm");
    fs::write(&path, wat::parse_str(text).expect("a module")).expect("a file under target");
    path
}

/// Starts Envoy with one worker and a failure policy, and sends requests until `is_over`; returns their statuses.
fn run(policy: &Value, is_over: impl Fn(&Harness, u64) -> bool) -> (Harness, Vec<u16>) {
    let mut filter = wasm_filter_of(&TRAPPING_MODULE, "{}");
    let config = filter["typed_config"]["config"].as_object_mut().expect("a configuration");
    config.extend(policy.as_object().expect("fields").clone());
    let origins = Origins::start();
    let bootstrap = origins.bootstrap().filter(filter);
    let harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    let mut client = Client::new(harness.envoy.port);
    let send = |number: u64| client.send(&Request::get("/plain").script(&number.to_string(), "200")).status;
    let statuses: Vec<_> =
        (0..MAX_REQUESTS).take_while(|number| !is_over(&harness, *number)).map(send).collect();
    harness.envoy.wait_for_exchanges(statuses.len());
    (harness, statuses)
}

#[test]
fn a_vm_that_traps_fails_its_request_and_loses_no_counts() {
    let (harness, statuses) = run(&json!({"failure_policy": "FAIL_OPEN"}), |_, sent| sent == 200);
    let failed: Vec<_> = statuses.iter().enumerate().filter(|(_, status)| **status != 200).collect();
    assert_eq!(
        failed,
        [(TRAPS_AT as usize - 1, &503)],
        "the other requests pass, afterwards without the filter"
    );
    assert_eq!(harness.fates("cart"), counts(&[("clean", TRAPS_AT - 1)]), "metrics belong to the proxy");
}

#[test]
fn a_reloaded_vm_continues_to_count() {
    let reload = json!({"backoff": {"base_interval": "0.01s"}});
    let reloads = |harness: &Harness, what: &str| {
        harness.envoy.stats("wasm.nearmiss").value(&format!("wasm.nearmiss.vm_reload_{what}"))
    };
    // The number of rejected requests before that depends on the machine: Envoy waits before it reloads the VM.
    let (harness, statuses) =
        run(&json!({"failure_policy": "FAIL_RELOAD", "reload_config": reload}), |harness, sent| {
            sent % TRAPS_AT == 0 && reloads(harness, "success") >= 2
        });
    let failed = statuses.iter().filter(|status| **status != 200).count() as u64;
    let passed = statuses.len() as u64 - failed;
    assert_eq!(harness.fates("cart"), counts(&[("clean", passed)]), "every request that passed is counted");
    let (reloaded, rejected) = (reloads(&harness, "success"), reloads(&harness, "backoff"));
    // The last VM to trap may not have been reloaded.
    let trapped = failed - rejected;
    assert!((reloaded..=reloaded + 1).contains(&trapped), "{trapped} VMs trapped, {reloaded} were reloaded");
}
