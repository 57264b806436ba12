//! Benchmarks: each program under `src/bin/bench-*` measures some rows; `bench` runs all of them and prints one table.

mod child_cpu_time;
#[cfg(feature = "lines")]
pub mod cli_throughput;
#[cfg(feature = "sizes")]
mod code_sizes;
#[cfg(feature = "load")]
pub mod core_native;
#[cfg(feature = "sim")]
pub mod core_wasmtime;
pub mod envoy_cpu_time;
#[cfg(feature = "sim")]
pub mod envoy_instructions;
mod envoy_load;
pub mod envoy_workers;
#[cfg(feature = "lines")]
mod fixture_logs;
#[cfg(feature = "sim")]
pub mod leader_election;
mod lua_filter;
#[cfg(feature = "load")]
pub mod merge;
#[cfg(feature = "sizes")]
pub mod module_sizes;
#[cfg(feature = "sim")]
pub mod module_wasmtime;
mod program;
mod row;
#[cfg(feature = "lines")]
mod sample_logs;
mod samples;
mod selection;
mod spread;
mod table;
#[cfg(feature = "sim")]
mod zipf_streams;

pub use child_cpu_time::cpu_time_of_children;
pub use program::{BenchProgram, PROGRAMS};
pub use row::{Figure, Measurement, Ratio, Row};
pub use samples::{Samples, interleaved};
pub use selection::Selection;
pub use spread::{Spread, count};
pub use table::ResultsTable;
