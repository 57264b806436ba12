//! The examples for Istio and Envoy Gateway: their fields are those of the published schemas, and what they hand to Envoy does
//! in a real one what they say.
//!
//! Neither control plane runs here. What it makes of an example is done by hand, step by step, in each host's module.

mod envoy_gateway;
mod fields;
mod istio;
mod stage;
