//! `nearmiss merge`: records of many instances in, those of the fleet out.

use crate::args::Merge;
use crate::input::Lines;
use crate::output::Output;
use crate::progress::Progress;
use crate::quantiles;
use crate::setup::Error;
use crate::tally::Tally;
use nearmiss::merge::{MergeStats, Merger};
use std::process::ExitCode;

/// How many lines are read between two looks at the clock.
const LINES_A_LOOK: u64 = 1_024;

/// Reads the files to their end.
pub(crate) fn run(args: &Merge) -> Result<ExitCode, Error> {
    let mut progress = Progress::new(!args.quiet);
    let (mut merger, mut output, mut tally) =
        (Merger::new(args.every, None), Output::new(), Tally::default());
    for path in &args.files {
        let mut lines = Lines::open(path, &progress)?;
        loop {
            let number = lines.number() + 1;
            let Some((path, line)) = lines.next()? else { break };
            match core::str::from_utf8(line).map(|line| merger.take(line)) {
                Ok(Ok(0)) => tally.left_out += 1,
                Ok(Ok(_)) => tally.judged += 1,
                Ok(Err(error)) => tally.bad(path, number, &error),
                Err(error) => tally.bad(path, number, &error),
            }
            drain(&mut merger, &mut output)?;
            if tally.lines().is_multiple_of(LINES_A_LOOK) {
                progress.tick(tally.lines());
            }
        }
    }
    progress.clear();
    merger.finish();
    drain(&mut merger, &mut output)?;
    output.flush()?;
    if !args.quiet {
        quantiles::print(&merger);
        tally.report("with records");
    } else if tally.bad > 0 {
        tally.report("with records");
    }
    warn(merger.stats());
    Ok(tally.exit_code(args.max_bad))
}

fn drain(merger: &mut Merger, output: &mut Output) -> Result<(), Error> {
    while let Some(record) = merger.poll_record() {
        output.line(record.json)?;
    }
    Ok(())
}

/// Says what was left out, and why.
fn warn(told: MergeStats) {
    for (count, what) in [
        (
            told.overlapping,
            "merged records were left out: they share some of their parts with others; give all of what they were merged from instead",
        ),
        (
            told.contradicting,
            "summaries were left out: another has their source and number and says something else; give each run a name of its own (`--source`)",
        ),
        (told.too_late, "summaries were left out: they are too old to tell whether they were counted"),
    ] {
        if count > 0 {
            eprintln!("nearmiss: {count} {what}");
        }
    }
}
