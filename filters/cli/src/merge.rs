//! `nearmiss merge`: merges the records of many instances into records of the fleet.

mod table;

use crate::args::MergeArgs;
use crate::error::Error;
use crate::input::{InputLine, Lines};
use crate::line_counts::LineCounts;
use crate::output::Output;
use crate::progress::Progress;
use nearmiss::merge::{MergeStats, Merger};
use std::process::ExitCode;

/// Lines between two progress updates. A line of records takes longer than a log line.
const LINES_PER_TICK: u64 = 1_024;

/// Merges the files.
pub(crate) fn run(args: &MergeArgs) -> Result<ExitCode, Error> {
    let mut progress = Progress::new(!args.run.quiet);
    let (mut merger, mut output, mut line_counts) =
        (Merger::new(args.every, None), Output::new(), LineCounts::default());
    for path in &args.files {
        let mut lines = Lines::open(path, &progress)?;
        while let Some(InputLine { path, number, text }) = lines.next()? {
            match core::str::from_utf8(text).map(|line| merger.add_line(line)) {
                Ok(Ok(0)) => line_counts.left_out += 1,
                Ok(Ok(_)) => line_counts.judged += 1,
                Ok(Err(error)) => line_counts.count_unreadable(path, number, &error),
                Err(error) => line_counts.count_unreadable(path, number, &error),
            }
            drain(&mut merger, &mut output)?;
            if line_counts.lines().is_multiple_of(LINES_PER_TICK) {
                progress.tick(line_counts.lines());
            }
        }
    }
    progress.clear();
    merger.finish();
    drain(&mut merger, &mut output)?;
    output.flush()?;
    if !args.run.quiet {
        table::print(&merger);
        line_counts.print("with records");
    } else if line_counts.unreadable > 0 {
        line_counts.print("with records");
    }
    warn(merger.stats());
    Ok(line_counts.exit_code(args.run.max_bad))
}

fn drain(merger: &mut Merger, output: &mut Output) -> Result<(), Error> {
    while let Some(record) = merger.poll_record() {
        output.line(record.json)?;
    }
    Ok(())
}

/// Warns about records that were not merged, with the reason.
fn warn(stats: MergeStats) {
    for (count, what) in [
        (
            stats.overlapping,
            "merged records were left out: they overlap with other records; merge all of the original records instead",
        ),
        (
            stats.contradicting,
            "summaries were left out: another summary with the same source and number has different counts; give each run its own name (`--source`)",
        ),
        (stats.too_late, "summaries were left out: they are too old to detect duplicates"),
    ] {
        if count > 0 {
            eprintln!("nearmiss: {count} {what}");
        }
    }
}
