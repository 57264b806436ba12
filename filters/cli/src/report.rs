//! `nearmiss report`: reads logs or records and writes one page or digest about them.

mod advice;
mod closeness;
mod drift;
mod driver;
mod escape;
mod exemplars;
mod headline;
mod hosts;
mod html;
mod input_stats;
mod latency;
mod markdown;
mod model;
mod rich_text;
mod summary_interval;
mod time_bins;
mod upstream;

use crate::args::{ReportArgs, ReportFormat};
use crate::error::Error;
use driver::ReportDriver;
use std::ffi::OsStr;
use std::io::Write;
use std::process::ExitCode;

/// Reads the files and writes the report.
pub(crate) fn run(args: &ReportArgs) -> Result<ExitCode, Error> {
    let outcome = ReportDriver::new(args)?.finish()?;
    let markdown = || args.output.as_ref().and_then(|path| path.extension()) == Some(OsStr::new("md"));
    let format =
        args.to.unwrap_or_else(|| if markdown() { ReportFormat::Markdown } else { ReportFormat::Html });
    let text = match format {
        ReportFormat::Html => html::page(&outcome.model, &outcome.stats),
        ReportFormat::Markdown => markdown::digest(&outcome.model, &outcome.stats),
    };
    match &args.output {
        Some(path) => std::fs::write(path, text).map_err(|error| Error::Written(path.clone(), error))?,
        None => std::io::stdout().lock().write_all(text.as_bytes()).map_err(Error::Output)?,
    }
    if !args.run.quiet || outcome.line_counts.unreadable > 0 {
        outcome.line_counts.print("read");
    }
    Ok(outcome.line_counts.exit_code(args.run.max_bad))
}
