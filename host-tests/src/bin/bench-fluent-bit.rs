//! Measures the cost of a record in the Fluent Bit that `FLUENT_BIT` names: `bench-fluent-bit [ROW …]`.
//!
//! CPU time of tail → filter → null, in alternating rounds: no filter, a Lua filter that adds a key and increments a
//! counter, a wasm filter that returns records unchanged, and the module, interpreted and compiled ahead of time by the
//! compiler that `WAMRC` names.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use host_tests::artifact;
use host_tests::bench::{Row, Selection, cpu_time_of_children, interleaved};
use host_tests::real::TempDir;

const LUA: &str = r#"
local count = 0
function near_miss(tag, timestamp, record)
    count = count + 1
    record["near_miss"] = "clean"
    return 2, timestamp, record
end
"#;

const PASS_THROUGH: &str = r#"(module
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 65536))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.and (i32.add (i32.add (global.get $heap) (local.get $size)) (i32.const 15)) (i32.const -8))))
  (func (export "free") (param i32) (global.set $heap (i32.const 65536)))
  (func (export "near_miss") (param i32 i32 i32 i32) (param $record i32) (param i32) (result i32) (local.get $record)))"#;

const COMPILED: &str = "fluent-bit/nearmiss-aot";
const RECORDS: usize = 100_000;
const ROUNDS: usize = 9;

/// A pipeline with one filter, or none.
struct Pipeline {
    name: &'static str,
    what: &'static str,
    filter: String,
}

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    let cases = cases();
    let program = std::env::var_os("FLUENT_BIT").map(PathBuf::from).filter(|path| path.is_file());
    let Some(program) = program else {
        let why = "no Fluent Bit was given (make bench FLUENT_BIT=/path/to/fluent-bit)";
        return cases.iter().for_each(|case| Row::missing(case.name, case.what, why).print());
    };
    measure(&program, cases, &selection);
}

/// Returns all pipelines. Lua comes first: the others are compared with it.
fn cases() -> Vec<Pipeline> {
    let case = |name, what, filter| Pipeline { name, what, filter };
    let wasm = |file: &str| {
        format!(
            "{{name: wasm, match: '*', wasm_path: {file}, function_name: near_miss, wasm_stack_size: 1M}}"
        )
    };
    vec![
        case(
            "fluent-bit/lua",
            "a record through Lua that adds a key and increments a counter",
            "{name: lua, match: '*', script: filter.lua, call: near_miss}".to_owned(),
        ),
        case("fluent-bit/none", "a record without a filter", String::new()),
        case("fluent-bit/wasm", "a record through wasm that returns it unchanged", wasm("pass.wasm")),
        case("fluent-bit/nearmiss", "a record through nearmiss", wasm("nearmiss.wasm")),
        case(COMPILED, "a record through nearmiss, compiled ahead of time", wasm("nearmiss.aot")),
    ]
}

fn measure(program: &Path, mut cases: Vec<Pipeline>, selection: &Selection) {
    cases.retain(|case| case.name == "fluent-bit/lua" || selection.wants(case.name));
    let folder = TempDir::new("bench");
    folder.write("in.log", log(RECORDS));
    folder.write("filter.lua", LUA);
    folder.write("pass.wasm", wat::parse_str(PASS_THROUGH).expect("a module"));
    folder.write("nearmiss.wasm", fs::read(artifact::fluent_bit_module()).expect("the module"));
    if let Some(index) = cases.iter().position(|case| case.name == COMPILED)
        && !compile(folder.path())
    {
        let Pipeline { name, what, .. } = cases.remove(index);
        Row::missing(name, what, "no compiler was given (WAMRC=/path/to/flb-wamrc)").print();
    }
    let samples = interleaved(ROUNDS, &mut cases, |case| {
        let configuration = folder.write("bench.yaml", pipeline(&case.filter));
        cpu_seconds(program, folder.path(), &configuration) * 1e6 / RECORDS as f64
    });
    for (case, micros) in cases.iter().zip(&samples) {
        let row = Row::of(case.name, case.what, "µs", micros.spread());
        match case.name {
            "fluent-bit/lua" => row,
            "fluent-bit/nearmiss" | COMPILED => {
                row.with_ratio("Lua", micros.ratio_to(&samples[0])).aim("1.6 ×")
            }
            _ => row.with_ratio("Lua", micros.ratio_to(&samples[0])),
        }
        .print();
    }
}

/// Compiles the module for this machine; returns false without a compiler.
fn compile(folder: &Path) -> bool {
    let Some(compiler) = std::env::var_os("WAMRC").map(PathBuf::from).filter(|path| path.is_file()) else {
        return false;
    };
    let compiled = Command::new(compiler)
        .args(["--bounds-checks=1", "-o", "nearmiss.aot", "nearmiss.wasm"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .expect("the compiler starts");
    assert!(compiled.success(), "{compiled}");
    true
}

fn log(records: usize) -> String {
    let mut log = String::with_capacity(records * 440);
    for number in 0..records {
        let (second, milli) = (number / 1_000, number % 1_000);
        writeln!(
            log,
            r#"{{"start_time":"2026-11-23T{:02}:{:02}:{:02}.{milli:03}Z","method":"GET","path":"/api/v1/carts/7a1fd3/items","protocol":"HTTP/2","response_code":200,"response_flags":"-","bytes_received":0,"bytes_sent":{},"duration":{},"x_forwarded_for":"10.0.35.28","user_agent":"curl/8.5.0","request_id":"cc21d9b0-cf5c-432b-8c7e-{number:012}","authority":"shop.example.com","upstream_host":"10.0.2.{}:8080","upstream_cluster":"cart{}","route_name":"carts"}}"#,
            8 + second / 3_600,
            second / 60 % 60,
            second % 60,
            1_000 + number % 999,
            20 + number % 37,
            number % 9,
            number % 5,
        )
        .expect("writing to a string succeeds");
    }
    log
}

fn pipeline(filter: &str) -> String {
    let filters = if filter.is_empty() { String::new() } else { format!("  filters:\n    - {filter}\n") };
    format!(
        "service: {{flush: 0.2, grace: 1, log_level: error}}\nparsers:\n  - {{name: json, format: json}}\npipeline:\n  inputs:\n    - {{name: tail, path: in.log, read_from_head: true, tag: access, parser: json, exit_on_eof: true, buffer_chunk_size: 1M, buffer_max_size: 1M}}\n{filters}  outputs:\n    - {{name: 'null', match: '*'}}\n"
    )
}

/// Returns the user and system time of a run.
fn cpu_seconds(program: &Path, folder: &Path, configuration: &Path) -> f64 {
    let before = cpu_time_of_children();
    let status = Command::new(program)
        .arg("-c")
        .arg(configuration)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("Fluent Bit starts");
    assert!(status.success(), "{status}");
    (cpu_time_of_children() - before).as_secs_f64()
}
