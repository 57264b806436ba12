//! End-to-end tests of Envoy's native module in a real Envoy.
//!
//! Files of the wasm module's suite run with the native form of the filter; what differs is in files of this suite.

#[path = "../e2e_envoy/attempt_log.rs"]
mod attempt_log;
#[path = "../e2e_envoy/clocks.rs"]
mod clocks;
mod collector;
mod counted_once;
#[path = "../e2e_envoy/exact.rs"]
mod exact;
mod examples;
#[path = "../e2e_envoy/fates.rs"]
mod fates;
mod form;
#[path = "../e2e_envoy/harness.rs"]
#[allow(dead_code, reason = "the wasm module's suite needs more of it")]
mod harness;
mod lifecycle;
mod load;
mod panics;
