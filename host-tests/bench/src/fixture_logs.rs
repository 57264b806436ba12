//! Logs of every format: the clean lines of the fixtures in turns.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// The clean lines of one format.
pub(super) struct FixtureLog {
    /// The name of the format.
    pub(super) format: String,
    lines: Vec<String>,
}

impl FixtureLog {
    /// Reads the fixtures of all formats; those that need a format string are left out.
    pub(super) fn all() -> Vec<Self> {
        let folder = artifact::root().join("filters/formats/fixtures");
        let files = fs::read_dir(&folder).expect("the fixtures are there");
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files.flatten() {
            let text = fs::read_to_string(file.path()).expect("a fixture is text");
            let named = text.lines().find_map(|line| line.strip_prefix("# format: ")).expect("a format");
            if !text.contains("\n# fields.log_format: ") {
                lines.entry(named.to_owned()).or_default().extend(clean_lines(&text));
            }
        }
        lines.retain(|_, lines| !lines.is_empty());
        lines.into_iter().map(|(format, lines)| Self { format, lines }).collect()
    }

    /// Writes this number of lines.
    pub(super) fn write(&self, path: &Path, count: u64) {
        let mut file = BufWriter::new(File::create(path).expect("a folder of our own can be written"));
        for line in self.lines.iter().cycle().take(count as usize) {
            writeln!(file, "{line}").expect("room on the disk");
        }
    }
}

fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|row| {
        let mut columns = row.splitn(4, '\t');
        (columns.nth(1) == Some("clean")).then(|| columns.nth(1).expect("four columns").to_owned())
    })
}
