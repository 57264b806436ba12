//! Fuzzes log lines.

use nearmiss::{Config, Fate, Feed, Head, Monitor};
use nearmiss_formats::{Attempts, Format, ParsedLine, Reader};

/// Reads log lines. The first byte picks the format, each line of the rest is one log line.
///
/// # Panics
///
/// If a line gets lost, an error points outside its line, or the fates do not sum up.
pub fn formats(bytes: &[u8]) {
    if let Some((pick, lines)) = bytes.split_first() {
        read(Format::ALL[usize::from(*pick) % Format::ALL.len()], lines);
    }
}

/// Reads exchange lines.
///
/// # Panics
///
/// As [`formats`].
pub fn exchange(bytes: &[u8]) {
    read(Format::Exchange, bytes);
}

fn read(format: Format, lines: &[u8]) {
    let mut reader = Reader::new(format);
    let mut monitor = Monitor::new(Config::default(), Feed::Log, "fuzz");
    let (mut observed, mut summarised) = (0, 0);
    for line in lines.split(|byte| *byte == b'\n') {
        let mut attempts = Attempts::default();
        match reader.read(line, &mut attempts) {
            Ok(ParsedLine::Exchange(exchange)) => {
                monitor.observe(&exchange);
                observed += 1;
            }
            Ok(_) => {}
            Err(error) => assert!(error.offset <= line.len(), "{error:?} in {line:?}"),
        }
        summarised += drain(&mut monitor);
    }
    monitor.finish();
    summarised += drain(&mut monitor);
    assert_eq!(observed, summarised, "the fates of all summaries sum up to the exchanges");
}

/// Checks every queued record. Returns the number of exchanges counted in summaries.
fn drain(monitor: &mut Monitor) -> u64 {
    let mut counted = 0;
    while let Some(record) = monitor.poll_record() {
        let value: serde_json::Value = serde_json::from_str(record.json)
            .unwrap_or_else(|error| panic!("a record that is not JSON, {error}: {}", record.json));
        if matches!(record.head, Head::Summary { .. }) {
            let fates = Fate::ALL.into_iter().filter_map(|fate| value["fates"][fate.name()].as_u64());
            counted += fates.sum::<u64>();
        }
    }
    counted
}
