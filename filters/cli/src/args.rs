//! Command-line arguments.

use crate::time_arg::TimeArg;
use clap::{Parser, Subcommand, ValueEnum};
use nearmiss::Micros;
use nearmiss_formats::Format;
use std::path::PathBuf;

/// Finds requests that succeeded only because of a retry, a fallback or a stale copy, or that came close to a
/// timeout.
#[derive(Debug, Parser)]
#[command(name = "nearmiss", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 success, 1 failure, 2 too many unreadable lines.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judges every exchange in log files and prints records of near misses, failures and episodes.
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Writes the exchanges of log files as lines in the format `exchange`, for other tools.
    #[command(after_help = EXIT_CODES)]
    Convert(ConvertArgs),
    /// Writes a report about log files or records: an HTML page, or a digest for a chat or a ticket.
    #[command(after_help = EXIT_CODES)]
    Report(ReportArgs),
    /// Validates a configuration, or explains how a log line is read and why it got its fate.
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Merges the records of any number of proxies and agents into records of the whole fleet.
    #[command(after_help = EXIT_CODES)]
    Merge(MergeArgs),
    /// Follows growing log files across rotations and prints records as they are emitted.
    #[command(after_help = EXIT_CODES)]
    Watch(WatchArgs),
    /// Writes man pages, shell completions, and JSON Schemas of the configuration and of records into a folder.
    #[command(after_help = EXIT_CODES)]
    Generate(GenerateArgs),
}

/// Format and configuration of the input.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// The format of the lines.
    #[arg(long, short, alias = "log-format", default_value = "auto", value_name = "FORMAT", help = format_help())]
    pub(crate) format: Format,

    /// A configuration file: limits of upstreams, keys of fields, thresholds.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Restriction to a time range and to some upstreams.
#[derive(Debug, clap::Args)]
pub(crate) struct FilterArgs {
    /// Skips exchanges that ended before TIME: `2h` (before the end of the input), `20:00`, `2026-11-23`, `2026-11-23 20:00`,
    /// `yesterday`; in UTC, unless an offset follows.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<TimeArg>,

    /// Skips exchanges that ended at TIME or later.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<TimeArg>,

    /// Skips all other upstreams; several names with commas between them, or several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) upstream: Vec<String>,
}

/// How a run that reads to the end of its input reports on it.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Maximum share of unreadable lines; above it, the exit code is 2.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = percent)]
    pub(crate) max_bad: f64,

    /// Prints errors and warnings only: no progress, format, table or counts.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The logs that `replay` and `convert` read.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Files to read, merged by time; plain, .gz or .zst; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) input: InputArgs,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Records go to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Prints every line with its verdict instead of records.
    #[arg(long)]
    pub(crate) annotate: bool,

    /// Prints records also on a terminal, where episodes are sentences otherwise.
    #[arg(long)]
    pub(crate) json: bool,

    /// Prints only records of these types, also on a terminal; several with commas between them.
    #[arg(long, value_name = "TYPES", value_delimiter = ',', conflicts_with_all = ["annotate", "wasm"])]
    pub(crate) only: Vec<RecordType>,

    /// Judges with this wasm module, the one for Fluent Bit, instead of the built-in core: the same results, but
    /// slower.
    ///
    /// The format of the lines is then the configuration's `fluent_bit.format`. A time around a line that has none is not read, because
    /// in Fluent Bit each record has a time.
    #[arg(long, value_name = "MODULE", conflicts_with_all = ["format", "since", "until", "upstream", "max_bad"])]
    pub(crate) wasm: Option<PathBuf>,

    /// Source name in summaries; runs whose records are merged need different names.
    #[arg(long, default_value = "replay", value_name = "NAME")]
    pub(crate) source: String,
}

/// Type of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum RecordType {
    /// Single near misses and failures.
    #[value(name = "exchanges", alias = "exchange")]
    Exchange,
    /// The opening and closing of episodes.
    #[value(name = "episodes", alias = "episode")]
    Episode,
    /// The counts of an interval.
    #[value(name = "summaries", alias = "summary")]
    Summary,
}

/// Exchange lines go to standard output in the order of the input, everything else to standard error. `nearmiss replay` gives the
/// same records for them as for the input.
#[derive(Debug, clap::Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// Records of the fleet go to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeArgs {
    /// Files with records, alone or inside other lines; plain, .gz or .zst; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Length of the intervals that summaries are merged into.
    #[arg(long, default_value = "60s", value_name = "SPAN", value_parser = interval)]
    pub(crate) every: Micros,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// The report goes to a file or to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Logs or records to read, merged by time; plain, .gz or .zst; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Output file; standard output by default.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Output format; by default markdown if the output file ends in .md, html otherwise.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<ReportFormat>,

    #[command(flatten)]
    pub(crate) input: InputArgs,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A self-contained page.
    Html,
    /// A short digest.
    Markdown,
}

/// Without a line, the configuration is validated.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The line to explain, or a file of which the first lines are explained; `-` explains each line of standard input.
    #[arg(value_name = "LINE|FILE")]
    pub(crate) line: Option<String>,

    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// Records go to standard output as they are emitted, everything else to standard error, with a table of upstreams at the end.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// Files to follow, which may not exist yet; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Reads the existing content of the file before following it, as does --since.
    #[arg(long)]
    pub(crate) from_start: bool,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// Shows upstreams, episodes and the last records on the full terminal; has no effect if standard output is not a
    /// terminal.
    #[arg(long)]
    pub(crate) tui: bool,
}

/// The files lie where programs look for them below /usr/share and ~/.local/share.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// The folder; it is created if it does not exist.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

fn format_help() -> String {
    let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
    format!("The format of the lines: {}", names.join(", "))
}

/// Parses a share such as `5%` as a fraction.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("it takes a share from 0% to 100%".into()),
    }
}

/// Parses a span such as `60s`, from a second to a day.
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
