//! Where and why a line stopped making sense.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// A line that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineError {
    /// How many bytes of the line made sense.
    pub offset: usize,
    /// What is wrong there; in a box, so that what goes well need not carry room for it.
    pub problem: Box<LineErrorKind>,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LineErrorKind {
    /// The line ends before it is complete.
    CutOff {
        /// What should have come.
        wanted: &'static str,
    },
    /// A field stands there twice.
    Duplicate {
        /// The field.
        field: &'static str,
    },
    /// There is nothing on the line.
    Empty,
    /// Lists of one line that should have an entry for each attempt differ in length.
    Lengths {
        /// The field with the other length.
        field: &'static str,
        /// Its entries.
        found: usize,
        /// The entries of the lists before it.
        wanted: usize,
    },
    /// A field that must be there is not.
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A text that is kept is not UTF-8.
    NotUtf8,
    /// An earlier parser cut the list of attempts to pieces; what is left cannot be trusted.
    Scrambled {
        /// The field that shows it.
        field: &'static str,
        /// What stands there.
        found: Box<str>,
    },
    /// Something else stands there than should.
    Unexpected {
        /// What stands there.
        found: Box<str>,
        /// What should.
        wanted: &'static str,
    },
    /// A field that the format does not have.
    UnknownField {
        /// Its name.
        name: Box<str>,
    },
    /// No format reads such a line.
    UnknownFormat,
    /// A field has a value it does not take.
    Wrong {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: Box<str>,
        /// What it takes.
        takes: &'static str,
    },
}

impl LineError {
    /// The error `problem` at `offset`.
    #[cold]
    pub(crate) fn new(offset: usize, problem: LineErrorKind) -> Self {
        Self { offset, problem: Box::new(problem) }
    }

    /// The error as a text in which `advice` says how a format is named, if that is what is missing.
    pub fn with_advice<'e>(&'e self, advice: &'e str) -> impl fmt::Display + 'e {
        Advising { error: self, advice }
    }

    /// Something else stands at `offset` of `line` than `wanted`, or the line ends there.
    #[cold]
    pub(crate) fn unexpected(line: &[u8], offset: usize, wanted: &'static str) -> Self {
        let problem = match line.get(offset..) {
            None | Some([]) => LineErrorKind::CutOff { wanted },
            Some(rest) => LineErrorKind::Unexpected { found: excerpt(rest), wanted },
        };
        Self::new(offset.min(line.len()), problem)
    }

    /// The value `found` at `offset` is none that `field` takes.
    #[cold]
    pub(crate) fn wrong(offset: usize, field: &'static str, found: &[u8], takes: &'static str) -> Self {
        Self::new(offset, LineErrorKind::Wrong { field, found: excerpt(found), takes })
    }
}

impl core::error::Error for LineError {}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.problem {
            LineErrorKind::CutOff { wanted } => write!(f, "the line is cut off; {wanted} should come"),
            LineErrorKind::Duplicate { field } => write!(f, "`{field}` is there twice"),
            LineErrorKind::Empty => return f.write_str("the line is empty"),
            LineErrorKind::Lengths { field, found, wanted } => {
                write!(f, "`{field}` has {found} entries where the lists before it have {wanted}")
            }
            LineErrorKind::Missing { field } => write!(f, "`{field}` is missing"),
            LineErrorKind::NotUtf8 => write!(f, "not UTF-8"),
            LineErrorKind::Scrambled { field, found } => write!(
                f,
                "`{field}` is `{found}`: an earlier parser has cut the list of attempts to pieces; give nearmiss the line \
                 as it was logged"
            ),
            LineErrorKind::Unexpected { found, wanted } => {
                write!(f, "found `{found}` where {wanted} should be")
            }
            LineErrorKind::UnknownField { name } => write!(f, "`{name}` is no field of this format"),
            LineErrorKind::UnknownFormat => write!(f, "no known format"),
            LineErrorKind::Wrong { field, found, takes } => {
                write!(f, "`{field}` is `{found}`; it takes {takes}")
            }
        }?;
        write!(f, " (byte {})", self.offset)
    }
}

struct Advising<'e> {
    error: &'e LineError,
    advice: &'e str,
}

impl fmt::Display for Advising<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, advice } = self;
        error.fmt(f)?;
        if *error.problem == LineErrorKind::UnknownFormat { write!(f, "; {advice}") } else { Ok(()) }
    }
}

/// The longest piece of a line that an error shows, in bytes.
const EXCERPT: usize = 40;

/// The beginning of `bytes`, fit for one line of a terminal.
pub(crate) fn excerpt(bytes: &[u8]) -> Box<str> {
    let cut = bytes.get(..EXCERPT).unwrap_or(bytes);
    let mut text: String =
        String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text.into_boxed_str()
}
