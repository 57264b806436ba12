//! What may be said on the command line.

use crate::moment::Moment;
use clap::{Parser, Subcommand, ValueEnum};
use nearmiss::Micros;
use nearmiss_formats::Format;
use std::path::PathBuf;

/// Makes near misses visible: exchanges that ended well only because a safety net caught them.
#[derive(Debug, Parser)]
#[command(name = "nearmiss", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 could not be done, 2 too many lines could not be read.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judges every exchange in log files and prints what stands out.
    #[command(after_help = EXIT_CODES)]
    Replay(Replay),
    /// Tells the story of log files or records on one page, or as a digest for a chat or a ticket.
    #[command(after_help = EXIT_CODES)]
    Report(Report),
    /// Validates a configuration, or tells what a log line means and why it got its fate.
    #[command(after_help = EXIT_CODES)]
    Check(Check),
    /// Merges the records of any number of proxies and agents into those of the fleet.
    #[command(after_help = EXIT_CODES)]
    Merge(Merge),
    /// Follows a growing log file, rotation included, and prints what stands out as it comes.
    #[command(after_help = EXIT_CODES)]
    Watch(Watch),
}

/// How lines are read.
#[derive(Debug, clap::Args)]
pub(crate) struct Reading {
    /// The format of the lines.
    #[arg(long, short, default_value = "auto", value_name = "FORMAT", help = format_help())]
    pub(crate) format: Format,

    /// A configuration file: limits of upstreams, keys of fields, thresholds.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What of all that is read is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// Leaves out what ended before: a date with a time, Unix seconds, or a span before now such as `2h`.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,

    /// Leaves out what ended then or later.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,

    /// Leaves out all other upstreams; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) upstream: Vec<String>,
}

/// Records go to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// Files to read, merged by time; plain, .gz or .zst; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Prints every line with its verdict instead of records.
    #[arg(long)]
    pub(crate) annotate: bool,

    /// Judges with this module, the one for Fluent Bit, instead of with the core inside: it does the same, slower.
    ///
    /// The format of the lines is then the configuration's `fluent_bit.format`.
    #[arg(long, value_name = "MODULE", conflicts_with_all = ["format", "since", "until", "upstream", "max_bad"])]
    pub(crate) wasm: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) wanted: Wanted,

    /// How many lines may be unreadable before the exit code is 2.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = percent)]
    pub(crate) max_bad: f64,

    /// What summaries name as their source; runs whose records are merged need names of their own.
    #[arg(long, default_value = "replay", value_name = "NAME")]
    pub(crate) source: String,

    /// Shows neither table nor progress, only what went wrong.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Records of the fleet go to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Merge {
    /// Files with records, alone or inside other lines; plain, .gz or .zst; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The length of the intervals that summaries are merged into.
    #[arg(long, default_value = "60s", value_name = "SPAN", value_parser = interval)]
    pub(crate) every: Micros,

    /// How many lines may be unreadable before the exit code is 2.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = percent)]
    pub(crate) max_bad: f64,

    /// Shows neither table nor progress, only what went wrong.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The page goes to a file or to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// Logs or records to read, merged by time; plain, .gz or .zst; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Where to write it.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// What to write: html, or markdown, as it is anyway if the output ends in .md.
    #[arg(long, value_name = "SHAPE")]
    pub(crate) format: Option<Shape>,

    /// The format of the lines, where they are no records.
    #[arg(long, short = 'f', default_value = "auto", value_name = "FORMAT")]
    pub(crate) log_format: Format,

    /// A configuration file: limits of upstreams, keys of fields, thresholds.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) wanted: Wanted,

    /// How many lines may be unreadable before the exit code is 2.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = percent)]
    pub(crate) max_bad: f64,

    /// Shows no progress, only what went wrong.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Shape {
    /// One page that needs nothing else.
    Html,
    /// A digest.
    Markdown,
}

/// Without a line, the configuration is validated.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The line to explain; `-` explains each line of standard input.
    #[arg(value_name = "LINE")]
    pub(crate) line: Option<String>,

    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Records go to standard output as they come, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// The file to follow; it may not be there yet.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Reads what is in the file already before following it.
    #[arg(long)]
    pub(crate) from_start: bool,

    /// Shows upstreams, episodes and the last records on the whole terminal; without one, lines as ever.
    #[arg(long)]
    pub(crate) tui: bool,
}

fn format_help() -> String {
    let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
    format!("The format of the lines: {}", names.join(", "))
}

/// A share such as `5%`, as a fraction.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("it takes a share from 0% to 100%".into()),
    }
}

/// A span such as `60s`, from a second to a day.
fn interval(text: &str) -> Result<Micros, String> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let seconds = UNITS
        .into_iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds));
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Micros::from_seconds(seconds)),
        _ => Err("it takes a span such as `60s`, `5m` or `1h`, up to a day".into()),
    }
}
