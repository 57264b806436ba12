//! The programs that measure, and how each is built and run.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{Row, Selection};
use crate::artifact;

/// One of them: it takes names of rows and writes rows.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Where its rows stand.
    pub sections: &'static [&'static str],
    /// From the workspace's root; the names of the rows come behind.
    pub command: &'static str,
    /// Takes so long that it runs only where its rows are named.
    pub is_slow: bool,
}

/// All of them, in the order in which they run. What reads lines and what judges them runs as fast as it ships; what carries
/// wasmtime along is built without link-time optimisation, which a module in it does not feel.
pub const PROGRAMS: [Program; 8] = [
    Program {
        sections: &["core", "growth", "merge"],
        command: "cargo run -q --locked --profile native -p host-tests --no-default-features --features load --bin bench-core --",
        is_slow: false,
    },
    Program {
        sections: &["wasmtime", "voice", "growth"],
        command: "cargo run -q --locked -p host-tests --bin bench-wasmtime --",
        is_slow: false,
    },
    Program {
        sections: &["sizes"],
        command: "cargo run -q --locked -p host-tests --no-default-features --features sizes --bin bench-sizes --",
        is_slow: false,
    },
    Program {
        sections: &["envoy", "growth"],
        command: "cargo run -q --locked --profile hosts -p host-tests --no-default-features --bin bench-envoy --",
        is_slow: false,
    },
    Program {
        sections: &["lines"],
        command: "cargo run -q --locked --profile native -p host-tests --no-default-features --features lines --bin bench-lines --",
        is_slow: false,
    },
    Program { sections: &["edge"], command: "node host-tests/edge/bench/observe.mjs", is_slow: false },
    Program {
        sections: &["fluent-bit"],
        command: "cargo run -q --locked -p host-tests --bin bench-fluent-bit --",
        is_slow: false,
    },
    Program {
        sections: &["instructions"],
        command: "cargo run -q --locked -p host-tests --bin bench-instructions --",
        is_slow: true,
    },
];

impl Program {
    /// Whether a row of it may be wanted.
    pub fn is_wanted(&self, selection: &Selection) -> bool {
        let is_named = !selection.names().is_empty();
        (is_named || !self.is_slow) && self.sections.iter().any(|section| selection.wants(section))
    }

    /// Runs it and hands on each row that is wanted; those they are held against may come along. Says what went wrong.
    pub fn run(&self, selection: &Selection, mut take: impl FnMut(Row)) -> Result<(), String> {
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
                take(row);
            }
        }
        let status = child.wait().map_err(|error| failed(&error))?;
        if status.success() { Ok(()) } else { Err(failed(&status)) }
    }
}
