//! Tests of the examples for Istio and Envoy Gateway: their fields are in the published schemas, and the Envoy
//! configuration that they produce works in a real Envoy.
//!
//! No control plane runs here. Each module translates its examples into Envoy's configuration step by step.

mod envoy_gateway;
mod fields;
mod harness;
mod istio;
