//! Measures the cost of a record in the Fluent Bit that `FLUENT_BIT` names: `bench-fluent-bit [ROW …]`.
//!
//! CPU time of tail → filter → null, in alternating rounds, for raw lines of nginx and for Envoy's JSON behind a parser: no filter, a
//! Lua filter that adds a key and increments a counter, a wasm filter that returns records unchanged, and the module. Both
//! wasm filters run interpreted and compiled ahead of time by the compiler that `WAMRC` names.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bench::{Row, Selection, cpu_time_of_children, interleaved};
use real::TempDir;

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

const RECORDS: usize = 100_000;
const ROUNDS: usize = 9;

/// The log that a pipeline reads.
struct Input {
    name: &'static str,
    what: &'static str,
    /// Further settings of the tail input.
    settings: &'static str,
    log: fn(&mut String, usize),
}

const INPUTS: [Input; 2] = [
    Input { name: "raw", what: "a raw line", settings: "", log: nginx_line },
    Input { name: "parsed", what: "a parsed record", settings: ", parser: json", log: envoy_record },
];

/// A filter, or none.
struct Case {
    name: &'static str,
    what: &'static str,
    filter: &'static str,
}

macro_rules! wasm {
    ($file:literal) => {
        concat!(
            "{name: wasm, match: '*', wasm_path: ",
            $file,
            ", function_name: near_miss, wasm_stack_size: 1M}"
        )
    };
}

/// All filters. Lua comes first: the others are compared with it.
const CASES: [Case; 6] = [
    Case {
        name: "lua",
        what: "through Lua that adds a key and increments a counter",
        filter: "{name: lua, match: '*', script: filter.lua, call: near_miss}",
    },
    Case { name: "none", what: "without a filter", filter: "" },
    Case { name: "wasm", what: "through wasm that returns it unchanged", filter: wasm!("pass.wasm") },
    Case {
        name: "wasm-aot",
        what: "through wasm that returns it unchanged, compiled ahead of time",
        filter: wasm!("pass.aot"),
    },
    Case { name: "nearmiss", what: "through nearmiss", filter: wasm!("nearmiss.wasm") },
    Case {
        name: "nearmiss-aot",
        what: "through nearmiss, compiled ahead of time",
        filter: wasm!("nearmiss.aot"),
    },
];

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    let file = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
    let (program, compiler) = (file("FLUENT_BIT"), file("WAMRC"));
    let folder = TempDir::new("bench");
    folder.write("filter.lua", LUA);
    folder.write("pass.wasm", wat::parse_str(PASS_THROUGH).expect("a module"));
    folder.write("nearmiss.wasm", fs::read(artifact::fluent_bit_module()).expect("the module"));
    if let Some(compiler) = &compiler {
        ["pass", "nearmiss"].iter().for_each(|module| compile(compiler, folder.path(), module));
    }
    for input in INPUTS {
        let (runs, missing): (Vec<&Case>, Vec<&Case>) = CASES
            .iter()
            .filter(|case| case.name == "lua" || selection.wants(&row_name(&input, case)))
            .partition(|case| program.is_some() && (compiler.is_some() || !case.filter.contains(".aot")));
        for case in missing {
            let why = match program {
                None => "no Fluent Bit was given (make bench FLUENT_BIT=/path/to/fluent-bit)",
                Some(_) => "no compiler was given (WAMRC=/path/to/flb-wamrc)",
            };
            Row::missing(&row_name(&input, case), &row_text(&input, case), why).print();
        }
        if let Some(program) = &program
            && runs.iter().any(|case| selection.wants(&row_name(&input, case)))
        {
            measure(program, &folder, &input, runs);
        }
    }
}

fn row_name(input: &Input, case: &Case) -> String {
    format!("fluent-bit/{}/{}", input.name, case.name)
}

fn row_text(input: &Input, case: &Case) -> String {
    format!("{} {}", input.what, case.what)
}

fn measure(program: &Path, folder: &TempDir, input: &Input, mut cases: Vec<&Case>) {
    let mut log = String::new();
    (0..RECORDS).for_each(|number| (input.log)(&mut log, number));
    folder.write("in.log", log);
    let samples = interleaved(ROUNDS, &mut cases, |case| {
        let configuration = folder.write("bench.yaml", pipeline(input, case.filter));
        cpu_seconds(program, folder.path(), &configuration) * 1e6 / RECORDS as f64
    });
    for (case, micros) in cases.iter().zip(&samples) {
        let row = Row::of(&row_name(input, case), &row_text(input, case), "µs", micros.spread());
        let row = if case.name == "lua" { row } else { row.with_ratio("Lua", micros.ratio_to(&samples[0])) };
        if case.name.starts_with("nearmiss") { row.aim("1.6 ×") } else { row }.print();
    }
}

/// Compiles a module for every processor of this architecture, as `make aot` does.
fn compile(compiler: &Path, folder: &Path, module: &str) {
    let target: &[&str] = match std::env::consts::ARCH {
        "aarch64" => &["--target=aarch64", "--cpu=generic"],
        _ => &["--target=x86_64", "--cpu=x86-64-v2"],
    };
    let compiled = Command::new(compiler)
        .arg("--bounds-checks=1")
        .args(target)
        .args(["-o", &format!("{module}.aot"), &format!("{module}.wasm")])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .expect("the compiler starts");
    assert!(compiled.success(), "{compiled}");
}

/// Writes a line of nginx of 190 bytes.
fn nginx_line(log: &mut String, number: usize) {
    let second = number / 1_000;
    writeln!(
        log,
        r#"10.0.35.28 - - [23/Nov/2026:{:02}:{:02}:{:02} +0000] "GET /api/v1/carts/7a1fd3/items HTTP/1.1" 200 {} "-" "curl/8.5.0" rt=0.{:03} urt="0.{:03}" ua="10.0.2.{}:8080" us="200" upstream="cart{}""#,
        8 + second / 3_600,
        second / 60 % 60,
        second % 60,
        1_000 + number % 999,
        20 + number % 37,
        20 + number % 37,
        number % 9,
        number % 5,
    )
    .expect("writing to a string succeeds");
}

/// Writes a line of Envoy's JSON of 420 bytes.
fn envoy_record(log: &mut String, number: usize) {
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

fn pipeline(input: &Input, filter: &str) -> String {
    let filters = if filter.is_empty() { String::new() } else { format!("  filters:\n    - {filter}\n") };
    format!(
        "service: {{flush: 0.2, grace: 1, log_level: error}}\nparsers:\n  - {{name: json, format: json}}\npipeline:\n  inputs:\n    - {{name: tail, path: in.log, read_from_head: true, tag: access{}, exit_on_eof: true, buffer_chunk_size: 1M, buffer_max_size: 1M}}\n{filters}  outputs:\n    - {{name: 'null', match: '*'}}\n",
        input.settings
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
