//! Statistics of the input, for the footer of the report.

/// Names of the files that were read, and counts of unreadable and incomplete lines.
#[derive(Debug, Default)]
pub(crate) struct InputStats {
    /// File names without their directories.
    pub(crate) files: Vec<String>,
    /// Lines that could not be parsed.
    pub(crate) unreadable: u64,
    /// Exchanges whose lines do not contain the number of attempts.
    pub(crate) attempts_unknown: u64,
}

impl InputStats {
    /// Returns the name of the only file, or the first name and the number of the others.
    pub(crate) fn file_names(&self) -> String {
        match self.files.as_slice() {
            [] => "nothing".into(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }
    }
}
