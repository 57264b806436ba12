//! `nearmiss replay --wasm`: judges lines with the wasm module that ships for Fluent Bit instead of the built-in
//! core. Both must print the same records.

mod instance;
mod wasi;

use crate::annotate::annotate;
use crate::args::ReplayArgs;
use crate::config;
use crate::error::Error;
use crate::input::{InputLine, Lines};
use crate::output::Output;
use crate::progress::{LINES_PER_TICK, Progress};
use instance::FluentBitModule;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;
use std::process::ExitCode;

/// Passes every line to `module`, one file after the other.
pub(super) fn run(args: &ReplayArgs, module: &Path) -> Result<ExitCode, Error> {
    let config = args.log.input.config.as_deref().map(config::read_text).transpose()?;
    let mut filter = FluentBitModule::start(module, config.unwrap_or_default().into_bytes())
        .map_err(|why| Error::Module(module.into(), why.to_string()))?;
    let mut progress = Progress::new(!args.log.run.quiet);
    let mut output = Output::new();
    let mut record = Vec::new();
    for path in &args.log.files {
        let mut lines = Lines::open(path, &progress)?;
        while let Some(InputLine { number, text: line, .. }) = lines.next()? {
            record.clear();
            annotate(&mut record, line, None);
            let reply =
                filter.record(&record).map_err(|why| Error::Module(module.into(), why.to_string()))?;
            match reply {
                Some(reply) if args.annotate => output.raw(reply.as_bytes())?,
                Some(reply) => write_records(&reply, line, &mut output)?,
                None => {}
            }
            if number.is_multiple_of(LINES_PER_TICK) {
                progress.tick(number);
            }
        }
    }
    progress.clear();
    let rest = filter.finish().map_err(|why| Error::Module(module.into(), why.to_string()))?;
    if !args.annotate {
        rest.lines().try_for_each(|record| output.line(record))?;
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The fields that the module adds to a log record.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Added<'a> {
    #[serde(borrow)]
    near_miss: Option<&'a RawValue>,
    #[serde(borrow)]
    near_miss_episodes: Vec<&'a RawValue>,
    #[serde(borrow)]
    near_miss_summaries: Vec<&'a RawValue>,
}

/// Prints the records in a response. Skipped are verdicts that are clean, which have no record, and those that the
/// line already had.
fn write_records(reply: &str, line: &[u8], output: &mut Output) -> Result<(), Error> {
    let added: Added<'_> = serde_json::from_str(reply).unwrap_or_default();
    for record in added.near_miss_episodes.into_iter().chain(added.near_miss_summaries) {
        output.line(record.get())?;
    }
    let is_new = |verdict: &&RawValue| {
        verdict.get().starts_with(r#"{"schema""#) && memchr::memmem::find(line, b"\"near_miss\"").is_none()
    };
    added.near_miss.filter(is_new).map_or(Ok(()), |verdict| output.line(verdict.get()))
}
