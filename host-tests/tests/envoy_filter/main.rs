//! The Envoy module in the simulated Envoy: what a real one cannot be made to do on request.

mod bad_input;
mod budget;
mod clock;
mod collector;
mod config;
mod faults;
mod life;
mod many;
mod memory;
mod stage;
mod surface;
mod voice;
