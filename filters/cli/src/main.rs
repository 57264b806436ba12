//! `nearmiss`, the command line: finds near misses in existing logs.
//!
//! Exit codes: 0 success, 1 failure (arguments, configuration, files), 2 success, but too many lines could not be
//! read.

mod annotate;
mod args;
mod check;
mod colors;
mod config;
mod convert;
mod counts;
mod display;
mod end_time;
mod error;
mod exchange_reader;
mod fate_class;
mod filter;
mod generate;
mod input;
mod line_counts;
mod merge;
mod monitor;
mod order;
mod output;
mod packed_lines;
mod parallel;
mod progress;
mod records;
mod replay;
mod report;
mod sanitize;
mod time_arg;
mod time_ordered;
mod upstream_table;
mod warm_up;
mod watch;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let done = match cli.command {
        Command::Replay(args) => replay::run(&args),
        Command::Convert(args) => convert::run(&args.log),
        Command::Check(args) => check::run(&args),
        Command::Generate(args) => generate::run(&args),
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
