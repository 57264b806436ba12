//! Pipelines that read a file to its end.

use std::fs;
use std::path::PathBuf;

use real::{FluentBit, TempDir};
use serde_json::Value;

use crate::harness::{module, records};

/// A line of a real or documented log, with the fate that it must get.
pub struct FixtureLine {
    pub fate: String,
    pub text: String,
}

/// Returns the lines of a file in `filters/formats/fixtures`.
pub fn fixture(name: &str) -> Vec<FixtureLine> {
    let path = artifact::root().join("filters/formats/fixtures").join(name);
    let text = fs::read_to_string(path).expect("a fixture");
    let line = |row: &str| {
        let mut cells = row.splitn(4, '\t').skip(1);
        let (fate, _, text) = (cells.next()?.to_owned(), cells.next()?, cells.next()?.to_owned());
        Some(FixtureLine { fate, text })
    };
    text.lines().filter(|row| !row.starts_with('#')).filter_map(line).collect()
}

/// A pipeline with one `tail` input.
pub struct Pipeline {
    pub folder: TempDir,
    /// Parsers, as items of a YAML list.
    pub parsers: &'static str,
    /// Further settings of the input.
    pub input: &'static str,
    /// Filters, as items of a YAML list; `MODULE` stands for the path of the module.
    pub filters: String,
}

/// The filter alone, on all records, with the configuration in the folder of the pipeline.
pub const NEARMISS: &str = "    - {name: wasm, match: '*', wasm_path: MODULE, function_name: near_miss, accessible_paths: FOLDER, wasm_stack_size: 1M}\n";

impl Pipeline {
    /// Creates a pipeline without parsers.
    pub fn new(name: &str, filters: &str) -> Self {
        Self { folder: TempDir::new(name), parsers: "", input: "", filters: filters.to_owned() }
    }

    /// Writes nearmiss.json.
    pub fn configured(self, configuration: &str) -> Self {
        self.folder.write("nearmiss.json", configuration);
        self
    }

    /// Runs the pipeline over `lines` and returns its output, all lines of it, once `count` records are printed.
    pub fn run(&self, lines: &[&str], count: usize) -> Vec<String> {
        let mut log = lines.join("\n");
        log.push('\n');
        let log = self.folder.write("in.log", log);
        let input = format!(
            "    - {{name: tail, tag: access, path: {}, read_from_head: true, buffer_max_size: 2M{}}}\n",
            log.display(),
            self.input
        );
        let configuration = self.start_at(&input);
        let mut fluent_bit = FluentBit::start(self.folder.path(), &configuration);
        fluent_bit.wait_until(&format!("{count} records"), |printed| {
            printed.iter().filter(|line| line.starts_with('{')).count() >= count
        });
        fluent_bit.stop()
    }

    /// Writes the configuration with these inputs and returns its path.
    pub fn start_at(&self, inputs: &str) -> PathBuf {
        let parsers =
            if self.parsers.is_empty() { String::new() } else { format!("parsers:\n{}", self.parsers) };
        let filters = self
            .filters
            .replace("MODULE", &module().display().to_string())
            .replace("FOLDER", &self.folder.path().display().to_string());
        self.folder.write(
            "pipeline.yaml",
            format!(
                "service: {{flush: 0.2, grace: 1, log_level: info}}\n{parsers}pipeline:\n  inputs:\n{inputs}  filters:\n{filters}  outputs:\n    - {{name: stdout, match: '*', format: json_lines}}\n"
            ),
        )
    }
}

/// Returns the fate in a record; `unread` without one.
pub fn fate(record: &Value) -> String {
    let fate = match &record["near_miss"] {
        Value::String(text) => text.split(';').next(),
        verdict => verdict["fate"].as_str(),
    };
    fate.unwrap_or("unread").to_owned()
}

/// Asserts that every line of a fixture, which `line` puts into the log, gets its verdict.
pub fn assert_judged(pipeline: &Pipeline, lines: &[FixtureLine], line: impl Fn(&str) -> String) {
    let log: Vec<String> = lines.iter().map(|fixture| line(&fixture.text)).collect();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let printed = pipeline.run(&log, log.len());
    let records = records(&printed);
    let found: Vec<String> = records.iter().map(fate).collect();
    let expected: Vec<&str> = lines.iter().map(|line| line.fate.as_str()).collect();
    assert_eq!(found, expected, "{printed:#?}");
}
