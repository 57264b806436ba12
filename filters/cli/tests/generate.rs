//! The files that `nearmiss generate` writes. host-tests/dist validates records and configurations with its schemas.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;

use common::{TempDir, nearmiss};

const COMPLETIONS: [&str; 3] = [
    "bash-completion/completions/nearmiss",
    "fish/vendor_completions.d/nearmiss.fish",
    "zsh/site-functions/_nearmiss",
];

/// The output of one run.
struct Share(TempDir);

impl Share {
    fn generate() -> Self {
        let folder = TempDir::new();
        let output = nearmiss(&["generate", &folder.path("")], "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(folder)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

#[test]
fn every_command_has_a_man_page_and_every_shell_a_completion_of_every_command() {
    let share = Share::generate();
    for command in ["replay", "convert", "report", "check", "merge", "watch", "generate"] {
        let page = share.read(&format!("man/man1/nearmiss-{command}.1"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Exit codes: 0 success"), "{page}");
        assert!(share.read("man/man1/nearmiss.1").contains(&format!(r"nearmiss\-{command}(1)")), "{command}");
        for path in COMPLETIONS {
            assert!(share.read(path).contains(command), "{path}: {command}");
        }
    }
}

#[test]
fn two_runs_write_the_same_bytes() {
    let (one, two) = (Share::generate(), Share::generate());
    let schemas = ["nearmiss/config.schema.json", "nearmiss/record.schema.json"];
    for path in COMPLETIONS.into_iter().chain(schemas).chain(["man/man1/nearmiss-replay.1"]) {
        assert_eq!(one.read(path), two.read(path), "{path}");
    }
}

#[test]
fn a_folder_that_cannot_be_created_is_an_error_that_names_the_file() {
    let share = Share::generate();
    let output = nearmiss(&["generate", &share.0.path("man/man1/nearmiss.1")], "");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("nearmiss.1/bash-completion/completions/nearmiss: "), "{message}");
}
