//! The Fluent Bit module in the simulated Fluent Bit: cases that a real one cannot be made to produce on request.

mod annotation;
mod cardinality;
mod config;
mod harness;
mod host_failures;
mod instruction_budget;
mod malformed_records;
mod memcmp;
mod merge_mode;
mod settings;
mod surface;
mod unread;
