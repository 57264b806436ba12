//! `nearmiss`, the command line: near misses in the logs that are already there.
//!
//! Exit codes: 0 done, 1 could not be done (arguments, configuration, files), 2 done, but too many lines could not be
//! read.

mod annotate;
mod args;
mod check;
mod filter;
mod input;
mod merge;
mod moment;
mod output;
mod plain;
mod progress;
mod quantiles;
mod replay;
mod report;
mod sequence;
mod setup;
mod table;
mod tally;
mod watch;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let done = match args.command {
        Command::Replay(args) => replay::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Watch(args) => watch::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nearmiss: {error}");
            ExitCode::FAILURE
        }
    }
}
