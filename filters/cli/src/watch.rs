//! `nearmiss watch`: follows log files that are being written, across rotations, or standard input.

mod dashboard;
mod follow;
mod json_lines;
mod line_feed;
mod overlay;
mod palette;
mod record_text;
mod screen;
mod tail;
mod terminal;
mod view;

use crate::args::WatchArgs;
use crate::config;
use crate::end_time::end_of;
use crate::error::Error;
use crate::filter::ExchangeFilter;
use core::sync::atomic::{AtomicBool, Ordering};
use follow::Follower;
use json_lines::JsonLines;
use line_feed::LineFeed;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Follows the files until a signal or a key stops it, then emits the last summaries.
pub(crate) fn run(args: &WatchArgs) -> Result<ExitCode, Error> {
    let from_start = args.from_start || args.filter.since.is_some();
    if args.tui && args.files.iter().any(|file| is_standard_input(file)) {
        return Err(Error::KeysNeedInput);
    }
    if from_start && args.files.len() > 1 {
        return Err(Error::SeveralFromStart);
    }
    let config = config::load(args.input.config.as_deref(), args.input.format)?;
    let filter = ExchangeFilter::new(&args.filter, || end_of(&args.files, args.input.format, &config))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (on_signal, on_terminal) = (Arc::clone(&stop), args.tui && std::io::stdout().is_terminal());
    ctrlc::set_handler(move || {
        on_signal.store(true, Ordering::Relaxed);
        if on_terminal {
            terminal::force_exit_after_grace();
        }
    })
    .map_err(Error::Signals)?;
    // The files are open before a message says so: whatever is written after it is read.
    let feed = LineFeed::start(&args.files, from_start, &stop);
    let files = args.files.clone();
    let follower = Follower { files, format: args.input.format, feed, filter, config, stop };
    if on_terminal {
        terminal::run(follower)?;
        return Ok(ExitCode::SUCCESS);
    }
    args.files.iter().for_each(|file| print_start(file, from_start));
    let mut lines = JsonLines::new();
    follower.follow(&mut lines)?;
    lines.print_totals();
    Ok(ExitCode::SUCCESS)
}

/// Prints what is followed.
fn print_start(file: &Path, from_start: bool) {
    let file_name = file.display();
    if is_standard_input(file) {
        eprintln!("nearmiss: following standard input; it ends with its input, or with Ctrl-C");
    } else if !std::fs::exists(file).unwrap_or(true) {
        eprintln!("nearmiss: {file_name} does not exist yet; it is read once it does");
    } else if from_start {
        eprintln!("nearmiss: following {file_name} from its start; Ctrl-C stops");
    } else {
        eprintln!(
            "nearmiss: following {file_name} from its end (--from-start reads what is there); Ctrl-C stops"
        );
    }
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}
