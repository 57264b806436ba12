//! Benchmarks: each program under `src/bin/bench-*` measures some rows; `bench` runs all of them and prints one table.
//! The crate `bench-wasmtime` holds those that need wasmtime, so that nothing else waits for it to be optimised.

mod child_cpu_time;
pub mod cli_throughput;
mod code_sizes;
pub mod core_native;
pub mod envoy_cpu_time;
pub mod envoy_instructions;
mod envoy_load;
pub mod envoy_workers;
mod fixture_logs;
mod lua_filter;
pub mod merge;
pub mod module_sizes;
mod program;
mod row;
mod sample_logs;
mod samples;
mod selection;
mod spread;
mod table;

pub use child_cpu_time::cpu_time_of_children;
pub use program::{BenchProgram, PROGRAMS};
pub use row::{Figure, Measurement, Ratio, Row};
pub use samples::{Samples, interleaved};
pub use selection::Selection;
pub use spread::{Spread, count};
pub use table::ResultsTable;
