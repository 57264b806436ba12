//! `nearmiss replay --wasm`: the lines go through the module that ships for Fluent Bit, instead of through the core that is
//! compiled in. What comes out must be the same.

mod instance;
mod wasi;

use crate::annotate::annotated;
use crate::args::Replay;
use crate::input::Lines;
use crate::output::Output;
use crate::progress::Progress;
use crate::setup::Error;
use instance::Instance;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;
use std::process::ExitCode;

/// Hands every line to `module`, one file after the other.
pub(super) fn run(args: &Replay, module: &Path) -> Result<ExitCode, Error> {
    let config = args.reading.config.as_deref().map(crate::setup::text).transpose()?;
    let mut filter = Instance::start(module, config.unwrap_or_default().into_bytes())
        .map_err(|why| Error::Module(module.into(), why.to_string()))?;
    let mut progress = Progress::new(!args.quiet);
    let mut output = Output::new();
    let mut record = Vec::new();
    for path in &args.files {
        let mut lines = Lines::open(path, &progress)?;
        while let Some((_, line)) = lines.next()? {
            record.clear();
            annotated(&mut record, line, None);
            let reply =
                filter.record(&record).map_err(|why| Error::Module(module.into(), why.to_string()))?;
            match reply {
                Some(reply) if args.annotate => output.raw(reply.as_bytes())?,
                Some(reply) => unwrap(&reply, line, &mut output)?,
                None => {}
            }
            if lines.number().is_multiple_of(super::LINES_A_LOOK) {
                progress.tick(lines.number());
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

/// What the module adds to a record.
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

/// Prints the records that a reply carries; a clean verdict is none, and neither is one that the line had before.
fn unwrap(reply: &str, line: &[u8], output: &mut Output) -> Result<(), Error> {
    let added: Added<'_> = serde_json::from_str(reply).unwrap_or_default();
    for record in added.near_miss_episodes.into_iter().chain(added.near_miss_summaries) {
        output.line(record.get())?;
    }
    let is_new = |verdict: &&RawValue| {
        verdict.get().starts_with(r#"{"schema""#) && memchr::memmem::find(line, b"\"near_miss\"").is_none()
    };
    added.near_miss.filter(is_new).map_or(Ok(()), |verdict| output.line(verdict.get()))
}
