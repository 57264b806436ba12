//! `nearmiss report`: logs or records in, one page or digest that tells their story.

mod advice;
pub(crate) mod clock;
mod closest;
pub(crate) mod counts;
mod escape;
mod grid;
mod headline;
mod hosts;
mod html;
mod latency;
mod markdown;
mod normal;
pub(crate) mod numbers;
mod pace;
mod phrase;
mod reading;
pub(crate) mod records;
mod story;
mod upstream;

use crate::args::{Report, Shape};
use crate::setup::Error;
use reading::Reading;
use std::ffi::OsStr;
use std::io::Write;
use std::process::ExitCode;

/// Reads the files to their end and writes their story.
pub(crate) fn run(args: &Report) -> Result<ExitCode, Error> {
    let told = Reading::new(args)?.finish()?;
    let markdown = || args.output.as_ref().and_then(|path| path.extension()) == Some(OsStr::new("md"));
    let shape = args.format.unwrap_or_else(|| if markdown() { Shape::Markdown } else { Shape::Html });
    let text = match shape {
        Shape::Html => html::page(&told.story, &told.notes),
        Shape::Markdown => markdown::digest(&told.story, &told.notes),
    };
    match &args.output {
        Some(path) => std::fs::write(path, text).map_err(|error| Error::Written(path.clone(), error))?,
        None => std::io::stdout().lock().write_all(text.as_bytes()).map_err(Error::Output)?,
    }
    if !args.quiet || told.tally.bad > 0 {
        told.tally.report("read");
    }
    Ok(told.tally.exit_code(args.max_bad))
}

/// What the reader of the page is told about how it came to be.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The names of the files.
    pub(crate) files: Vec<String>,
    /// Lines that could not be read.
    pub(crate) unreadable: u64,
    /// Exchanges whose lines do not say how many attempts there were.
    pub(crate) untold: u64,
}
