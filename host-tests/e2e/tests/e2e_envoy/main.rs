//! End-to-end tests of the filter in a real Envoy.
//!
//! Each test starts its own Envoy and sends requests with a fault script, which says what the origins do at each attempt. An
//! exchange is complete when its entry is in Envoy's access log: the filter has processed it by then.

mod attach;
mod attempt_log;
mod attempts_without_filter;
mod clocks;
mod config;
mod counted_once;
mod exact;
mod examples;
mod fates;
mod form;
mod harness;
mod privacy;
mod reload;
mod sidecar;
mod substitutes;
