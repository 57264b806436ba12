//! Whatever Fluent Bit hands over: each record comes back as one whole object, or is dropped where that was asked for.

use std::sync::LazyLock;

use crate::artifact;
use crate::sim::fluent_bit::{Instance, Outcome, Program};

/// How the filter is configured, and whether a record may be dropped.
const CONFIGURATIONS: [(&str, bool); 4] = [
    ("{}", false),
    (r#"{"fluent_bit":{"mode":"only"},"summary_every":"10s"}"#, true),
    (r#"{"fluent_bit":{"mode":"merge"}}"#, true),
    (r#"{"fluent_bit":{"format":"envoy"},"max_upstreams":2"#, false),
];

/// When the first record passes, in microseconds.
const START: u64 = 1_795_423_550_000_000;

/// The module, compiled once.
static PROGRAM: LazyLock<Program> = LazyLock::new(|| Program::load(&artifact::fluent_bit_module()));

/// The first byte picks a configuration. Each line of the rest is a record: its first byte says how far time moves, its
/// second how long the tag is.
///
/// # Panics
///
/// If the module traps, loses a record, or gives back anything but one whole object.
pub fn fluent_bit(bytes: &[u8]) {
    let Some((pick, lines)) = bytes.split_first() else { return };
    let (configuration, may_drop) = CONFIGURATIONS[usize::from(*pick) % CONFIGURATIONS.len()];
    let mut filter = PROGRAM.configured(configuration);
    let mut now = START;
    for line in lines.split(|byte| *byte == b'\n') {
        match line {
            [b'!', rest @ ..] => check(&filter.missing(rest.len() as u32), false),
            [b'.'] => finish(&mut filter),
            [step, tag, record @ ..] => {
                now = now.wrapping_add_signed(i64::from(step.cast_signed()).pow(5));
                check(&filter.tagged(&vec![b't'; usize::from(*tag)], now, record), may_drop);
            }
            _ => check(&filter.record_at(now, line), may_drop),
        }
    }
    finish(&mut filter);
}

fn check(outcome: &Outcome, may_drop: bool) {
    match outcome {
        Outcome::Kept(_) => {}
        Outcome::Dropped if may_drop => {}
        other => panic!("{other:?}"),
    }
}

/// What waits at the end is a record a line.
fn finish(filter: &mut Instance) {
    for record in filter.finish() {
        check(&Outcome::of(record.as_bytes()), false);
    }
}
