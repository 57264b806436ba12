//! `nearmiss replay`: old lines in, records out.

use crate::args::Replay;
use crate::input::Lines;
use crate::output::Output;
use crate::setup::{self, Error};
use crate::tally::Tally;
use nearmiss::{Feed, Monitor};
use nearmiss_dialects::{Attempts, Line};
use std::process::ExitCode;

/// Reads the files to their end.
pub(crate) fn run(args: &Replay) -> Result<ExitCode, Error> {
    let config = setup::config(args.config.as_deref())?;
    let mut output = Output::new();
    let mut tally = Tally::default();
    let mut sources = args.files.iter().map(|path| Lines::open(path)).collect::<Result<Vec<_>, _>>()?;
    let mut reader = setup::reader(args.format, &config);
    let mut monitor = Monitor::new(config, Feed::Log, "replay");
    for source in &mut sources {
        loop {
            let number = source.number() + 1;
            let path = source.path().to_path_buf();
            let Some(line) = source.next()? else { break };
            match reader.read(line, &mut Attempts::default()) {
                Ok(Line::Exchange(exchange)) => {
                    monitor.observe(&exchange);
                    tally.judged += 1;
                }
                Ok(Line::Judged(_)) => tally.judged += 1,
                Ok(_) => tally.left_out += 1,
                Err(error) => tally.bad(&path, number, &error),
            }
            while let Some(record) = monitor.poll_record() {
                output.line(record.json)?;
            }
        }
    }
    monitor.finish();
    while let Some(record) = monitor.poll_record() {
        output.line(record.json)?;
    }
    output.flush()?;
    tally.report();
    Ok(tally.exit_code(args.max_bad))
}
