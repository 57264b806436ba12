//! `nearmiss`, the command line: near misses in the logs that are already there.
//!
//! Exit codes: 0 done, 1 could not be done (arguments, configuration, files), 2 done, but too many lines could not be
//! read.

mod args;
mod input;
mod output;
mod replay;
mod setup;
mod tally;

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
        Command::Replay(replay) => replay::run(&replay),
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
