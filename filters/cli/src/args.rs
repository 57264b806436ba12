//! What may be said on the command line.

use clap::{Parser, Subcommand};
use nearmiss_dialects::Format;
use std::path::PathBuf;

/// Makes near misses visible: exchanges that ended well only because a safety net caught them.
#[derive(Debug, Parser)]
#[command(
    name = "nearmiss",
    version,
    after_help = "Exit codes: 0 done, 1 could not be done, 2 too many lines could not be read."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judges every exchange in log files and prints what stands out.
    Replay(Replay),
}

/// Records go to standard output, everything else to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// Files to read, merged by time; plain, .gz or .zst. `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The format of the lines.
    #[arg(long, short, default_value = "auto", value_name = "FORMAT", help = format_help())]
    pub(crate) format: Format,

    /// A configuration file: limits of upstreams, keys of fields, thresholds.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How many lines may be unreadable before the exit code is 2.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = percent)]
    pub(crate) max_bad: f64,
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
