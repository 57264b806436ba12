//! The programs that measure, and how each is built and run.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{Row, Selection};

/// A program that takes names of rows and prints rows.
#[derive(Clone, Copy, Debug)]
pub struct BenchProgram {
    /// Sections of its rows.
    pub sections: &'static [&'static str],
    /// Command, run from the workspace root; the names of rows are appended.
    pub command: &'static str,
    /// True if the program is so slow that it runs only when its rows are named.
    pub is_slow: bool,
}

/// All programs, in the order in which they run. The core and the command line run with the optimisations they ship
/// with. Programs that contain wasmtime are built without link-time optimisation, which does not change the speed of a
/// module.
pub const PROGRAMS: [BenchProgram; 8] = [
    BenchProgram {
        sections: &["core", "growth", "merge"],
        command: "cargo run -q --locked --profile native -p bench --bin bench-core --",
        is_slow: false,
    },
    BenchProgram {
        sections: &["wasmtime", "leader-election", "growth"],
        command: "cargo run -q --locked -p bench-wasmtime --",
        is_slow: false,
    },
    BenchProgram {
        sections: &["sizes"],
        command: "cargo run -q --locked -p bench --bin bench-sizes --",
        is_slow: false,
    },
    BenchProgram {
        sections: &["envoy", "growth"],
        command: "cargo run -q --locked --profile hosts -p bench --bin bench-envoy --",
        is_slow: false,
    },
    BenchProgram {
        sections: &["lines"],
        command: "cargo run -q --locked --profile native -p bench --bin bench-lines --",
        is_slow: false,
    },
    BenchProgram { sections: &["edge"], command: "node host-tests/edge/bench/observe.mjs", is_slow: false },
    BenchProgram {
        sections: &["fluent-bit"],
        command: "cargo run -q --locked -p bench --bin bench-fluent-bit --",
        is_slow: false,
    },
    BenchProgram {
        sections: &["instructions"],
        command: "cargo run -q --locked -p bench --bin bench-instructions --",
        is_slow: true,
    },
];

impl BenchProgram {
    /// Returns true if a row of this program may be selected.
    pub fn is_wanted(&self, selection: &Selection) -> bool {
        let is_named = !selection.names().is_empty();
        (is_named || !self.is_slow) && self.sections.iter().any(|section| selection.wants(section))
    }

    /// Runs the program and passes on each selected row; baselines may be among them.
    pub fn run(&self, selection: &Selection, mut on_row: impl FnMut(Row)) -> Result<(), String> {
        let mut words = self.command.split(' ');
        let failed = |error: &dyn std::fmt::Display| format!("`{}`: {error}", self.command);
        let mut child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .args(selection.names())
            .current_dir(artifact::root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok) {
            let row: Row =
                serde_json::from_str(&line).map_err(|error| failed(&format!("{error} in {line}")))?;
            if selection.wants(&row.name) {
                on_row(row);
            }
        }
        let status = child.wait().map_err(|error| failed(&error))?;
        if status.success() { Ok(()) } else { Err(failed(&status)) }
    }
}
