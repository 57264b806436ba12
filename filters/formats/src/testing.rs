//! Helpers that read one line in a test.

use crate::{Attempts, Format, ParsedLine, Reader};
use alloc::string::{String, ToString};
use nearmiss::Exchange;

/// Returns the result of `check` for the exchange on `line`.
pub(crate) fn with<T>(format: Format, line: &str, check: impl FnOnce(&Exchange<'_>) -> T) -> T {
    let (mut reader, mut attempts) = (Reader::new(format), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::Exchange(exchange)) => check(&exchange),
        Err(error) => panic!("{line}: {error}"),
        other => panic!("{line}: {other:?}"),
    }
}

/// Returns the error of `line`.
pub(crate) fn error(format: Format, line: &str) -> String {
    let (mut reader, mut attempts) = (Reader::new(format), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Err(error) => error.to_string(),
        other => panic!("{line}: {other:?}"),
    }
}

/// Returns the fate in the verdict of `line`.
pub(crate) fn judged(format: Format, line: &str) -> String {
    let (mut reader, mut attempts) = (Reader::new(format), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::Judged(judged)) => judged.fate.name().into(),
        other => panic!("{line}: {other:?}"),
    }
}

/// Returns the reason why `line` is left out.
pub(crate) fn left_out(format: Format, line: &str) -> String {
    let (mut reader, mut attempts) = (Reader::new(format), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::LeftOut(why)) => why.into(),
        Ok(ParsedLine::Other(kind)) => kind.to_string(),
        other => panic!("{line}: {other:?}"),
    }
}
