//! The Fluent Bit module in the simulated Fluent Bit: what a real one cannot be made to do on request.

mod annotation;
mod budget;
mod config;
mod faults;
mod hostile;
mod many;
mod memory;
mod merging;
mod stage;
mod surface;
