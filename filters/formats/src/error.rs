//! Errors in a line: the position up to which it could be read, and the cause.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// A line that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineError {
    /// Number of bytes of the line that were read without an error.
    pub offset: usize,
    /// The cause; boxed, so that a `Result` needs no room for it on success.
    pub kind: Box<LineErrorKind>,
}

/// The cause of a [`LineError`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LineErrorKind {
    /// The line ends too early.
    Truncated {
        /// The part that should follow.
        expected: &'static str,
    },
    /// A field occurs twice.
    DuplicateField {
        /// The field.
        field: &'static str,
    },
    /// The line is empty.
    EmptyLine,
    /// This build has no reader of the format.
    FormatNotBuilt {
        /// The format.
        format: &'static str,
    },
    /// A known format that lacks what a verdict needs.
    Lacks {
        /// The format.
        format: &'static str,
        /// The missing value.
        missing: &'static str,
        /// The configuration that logs it.
        instead: &'static str,
    },
    /// Lists that should have one entry for each attempt differ in length.
    LengthMismatch {
        /// The list of another length.
        field: &'static str,
        /// Number of its entries.
        found: usize,
        /// Number of entries of the lists before it.
        expected: usize,
    },
    /// A required field is missing.
    MissingField {
        /// The field.
        field: &'static str,
    },
    /// A text that is kept is not UTF-8.
    InvalidUtf8,
    /// An earlier parser split the list of attempts; the remaining values cannot be trusted.
    SplitList {
        /// The field that shows it.
        field: &'static str,
        /// The value found.
        found: Box<str>,
    },
    /// The line continues with something unexpected.
    Unexpected {
        /// The text found.
        found: Box<str>,
        /// The part that should follow.
        expected: &'static str,
    },
    /// A field that the format does not have.
    UnknownField {
        /// The name of the field.
        name: Box<str>,
    },
    /// No format matches the line.
    UnknownFormat,
    /// A field has an invalid value.
    InvalidValue {
        /// The field.
        field: &'static str,
        /// The value found.
        found: Box<str>,
        /// The values that the field takes.
        takes: &'static str,
    },
}

impl LineError {
    #[cold]
    pub(crate) fn new(offset: usize, kind: LineErrorKind) -> Self {
        Self { offset, kind: Box::new(kind) }
    }

    /// Creates the error that no format matches a line.
    #[cold]
    pub fn unknown_format() -> Self {
        Self::new(0, LineErrorKind::UnknownFormat)
    }

    /// Returns the error as text, with `advice` on how to name a format appended if the format is unknown.
    pub fn with_advice<'e>(&'e self, advice: &'e str) -> impl fmt::Display + 'e {
        WithAdvice { error: self, advice }
    }

    /// Creates the error that `expected` does not follow at `offset` of `line`.
    #[cold]
    pub(crate) fn unexpected(line: &[u8], offset: usize, expected: &'static str) -> Self {
        let kind = match line.get(offset..) {
            None | Some([]) => LineErrorKind::Truncated { expected },
            Some(rest) => LineErrorKind::Unexpected { found: excerpt(rest), expected },
        };
        Self::new(offset.min(line.len()), kind)
    }

    /// Creates the error that `field` does not take the value `found` at `offset`.
    #[cold]
    pub(crate) fn invalid(offset: usize, field: &'static str, found: &[u8], takes: &'static str) -> Self {
        Self::new(offset, LineErrorKind::InvalidValue { field, found: excerpt(found), takes })
    }
}

impl core::error::Error for LineError {}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            LineErrorKind::Truncated { expected } => write!(f, "the line is truncated: expected {expected}"),
            LineErrorKind::DuplicateField { field } => write!(f, "duplicate field `{field}`"),
            LineErrorKind::EmptyLine => return f.write_str("the line is empty"),
            LineErrorKind::FormatNotBuilt { format } => {
                return write!(f, "the line is in format {format}, which only the command line reads");
            }
            LineErrorKind::Lacks { format, missing, instead } => {
                return write!(f, "the line is in {format}, which has no {missing}; {instead}");
            }
            LineErrorKind::LengthMismatch { field, found, expected } => {
                write!(f, "`{field}` has {found} entries, but the lists before it have {expected}")
            }
            LineErrorKind::MissingField { field } => write!(f, "`{field}` is missing"),
            LineErrorKind::InvalidUtf8 => write!(f, "invalid UTF-8"),
            LineErrorKind::SplitList { field, found } => write!(
                f,
                "`{field}` is `{found}`: an earlier parser has split the list of attempts; pass the line to nearmiss \
                 as it was logged"
            ),
            LineErrorKind::Unexpected { found, expected } => {
                write!(f, "expected {expected}, found `{found}`")
            }
            LineErrorKind::UnknownField { name } => write!(f, "unknown field `{name}`"),
            LineErrorKind::UnknownFormat => write!(f, "unknown log format"),
            LineErrorKind::InvalidValue { field, found, takes } => {
                write!(f, "`{field}` is `{found}`; it takes {takes}")
            }
        }?;
        write!(f, " (byte {})", self.offset)
    }
}

struct WithAdvice<'e> {
    error: &'e LineError,
    advice: &'e str,
}

impl fmt::Display for WithAdvice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, advice } = self;
        error.fmt(f)?;
        if *error.kind == LineErrorKind::UnknownFormat { write!(f, "; {advice}") } else { Ok(()) }
    }
}

/// Maximum length of the part of a line that an error shows, in bytes.
const EXCERPT: usize = 40;

/// Returns the beginning of `bytes`, printable on one line of a terminal.
pub(crate) fn excerpt(bytes: &[u8]) -> Box<str> {
    let cut = bytes.get(..EXCERPT).unwrap_or(bytes);
    let mut text: String =
        String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text.into_boxed_str()
}
