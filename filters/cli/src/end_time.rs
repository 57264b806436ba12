//! The time at which an input ends, to which spans such as `--since 2h` are relative.

use crate::config;
use crate::error::Error;
use crate::input::Lines;
use crate::records;
use crate::time_arg;
use nearmiss::{Config, Timestamp};
use nearmiss_formats::{Attempts, Format, ParsedLine, Reader};
use std::path::PathBuf;

/// Returns the largest time in the last lines of the files; the current time if standard input is among them, whose end is unknown.
pub(crate) fn end_of(paths: &[PathBuf], format: Format, config: &Config) -> Result<Timestamp, Error> {
    if paths.iter().any(|path| path.as_os_str() == "-") {
        return Ok(time_arg::now());
    }
    let mut end = None;
    for path in paths {
        let mut lines = Lines::open_end(path)?;
        let mut reader = config::line_reader(format, config);
        while let Some(line) = lines.next()? {
            end = end.max(time_of(line.text, &mut reader));
        }
    }
    Ok(end.unwrap_or_else(time_arg::now))
}

/// Returns the time of a record or a log line.
fn time_of(line: &[u8], reader: &mut Reader) -> Option<Timestamp> {
    if let Some(json) = records::find_record(line) {
        let millis = records::parse(json).and_then(|record| record.time()).ok()?;
        return Some(Timestamp::from_micros(millis.saturating_mul(1_000)));
    }
    match reader.read(line, &mut Attempts::default()) {
        Ok(ParsedLine::Exchange(exchange)) => Some(exchange.ts),
        Ok(ParsedLine::Judged(judged)) => judged.ts,
        _ => None,
    }
}
