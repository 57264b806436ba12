//! Benchmarks: each program under `src/bin/bench-*` measures some rows; `bench` runs all of them and prints one table.

mod child_cpu_time;
pub mod cli_throughput;
mod code_sizes;
pub mod core_native;
pub mod core_wasmtime;
pub mod envoy_cpu_time;
pub mod envoy_instructions;
mod envoy_load;
pub mod envoy_workers;
mod fixture_logs;
pub mod leader_election;
mod lua_filter;
pub mod merge;
pub mod module_sizes;
pub mod module_wasmtime;
mod program;
mod row;
mod sample_logs;
mod samples;
mod selection;
mod spread;
mod table;
mod zipf_streams;

pub use child_cpu_time::cpu_time_of_children;
pub use program::{BenchProgram, PROGRAMS};
pub use row::{Figure, Measurement, Ratio, Row};
pub use samples::{Samples, interleaved};
pub use selection::Selection;
pub use spread::{Spread, count};
pub use table::ResultsTable;
