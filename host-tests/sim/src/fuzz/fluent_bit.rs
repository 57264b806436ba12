//! Fuzzes the records that Fluent Bit passes in: each must come back as one whole object, or be dropped where the
//! configuration asks for it.
use crate::fluent_bit::{FilterInstance, FilterModule, RecordOutcome};

/// Configurations, each with true if it may drop records.
const CONFIGURATIONS: [(&str, bool); 4] = [
    ("{}", false),
    (r#"{"fluent_bit":{"mode":"only"},"summary_every":"10s"}"#, true),
    (r#"{"fluent_bit":{"mode":"merge"}}"#, true),
    (r#"{"fluent_bit":{"format":"envoy"},"max_upstreams":2"#, false),
];

/// Time of the first record, in microseconds.
const START: u64 = 1_795_423_550_000_000;

/// Filters records. The first byte picks a configuration. Each line of the rest is a record: its first byte moves time, its
/// second sets the length of the tag.
///
/// # Panics
///
/// If the module traps, loses a record, or returns anything but one whole object.
pub fn fluent_bit(bytes: &[u8]) {
    let Some((pick, lines)) = bytes.split_first() else { return };
    let (configuration, may_drop) = CONFIGURATIONS[usize::from(*pick) % CONFIGURATIONS.len()];
    let mut filter = FilterModule::shipped().configured(configuration);
    let mut now = START;
    for line in lines.split(|byte| *byte == b'\n') {
        match line {
            [b'!', rest @ ..] => check(&filter.null_record(rest.len() as u32), false),
            [b'.'] => finish(&mut filter),
            [step, tag, record @ ..] => {
                now = now.wrapping_add_signed(i64::from(step.cast_signed()).pow(5));
                check(&filter.record_tagged(&vec![b't'; usize::from(*tag)], now, record), may_drop);
            }
            _ => check(&filter.record_at(now, line), may_drop),
        }
    }
    finish(&mut filter);
}

fn check(outcome: &RecordOutcome, may_drop: bool) {
    match outcome {
        RecordOutcome::Kept(_) => {}
        RecordOutcome::Dropped if may_drop => {}
        other => panic!("{other:?}"),
    }
}

/// Checks that the records flushed at the end are one object per line.
fn finish(filter: &mut FilterInstance) {
    for record in filter.finish() {
        check(&RecordOutcome::of(record.as_bytes()), false);
    }
}
