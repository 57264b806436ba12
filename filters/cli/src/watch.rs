//! `nearmiss watch`: follows a log file that is being written, across rotations, or standard input.

mod dashboard;
mod follow;
mod json_lines;
mod screen;
mod scroll;
mod standard_input;
mod styled_line;
mod tail;
mod terminal;

use crate::args::WatchArgs;
use crate::config;
use crate::error::Error;
use core::sync::atomic::{AtomicBool, Ordering};
use follow::FileFollower;
use json_lines::JsonLines;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

/// Follows the file until a signal or a key stops it, then emits the last summaries.
pub(crate) fn run(args: &WatchArgs) -> Result<ExitCode, Error> {
    if args.tui && args.file.as_os_str() == "-" {
        return Err(Error::KeysNeedInput);
    }
    let config = config::load(args.input.config.as_deref(), args.input.format)?;
    if !args.tui && !std::fs::exists(&args.file).unwrap_or(true) && args.file.as_os_str() != "-" {
        eprintln!("nearmiss: {} does not exist yet; it is read once it does", args.file.display());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (on_signal, on_terminal) = (Arc::clone(&stop), args.tui && std::io::stdout().is_terminal());
    ctrlc::set_handler(move || {
        on_signal.store(true, Ordering::Relaxed);
        if on_terminal {
            terminal::force_exit_after_grace();
        }
    })
    .map_err(Error::Signals)?;
    let follower = FileFollower {
        file: args.file.clone(),
        format: args.input.format,
        from_start: args.from_start,
        config,
        stop,
    };
    if on_terminal {
        terminal::run(follower)?;
    } else {
        follower.follow(&mut JsonLines::new())?;
    }
    Ok(ExitCode::SUCCESS)
}
