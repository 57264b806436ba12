//! The Envoy module in the simulated Envoy: cases that a real Envoy cannot be made to produce on request.

mod attempts;
mod bad_input;
mod cardinality;
mod clock;
mod collector;
mod config;
mod counters;
mod harness;
mod hostcall_budget;
mod hostcall_failures;
mod hosts_key;
mod leader_election;
mod lifecycle;
mod memory_limits;
mod report_slices;
mod surface;
