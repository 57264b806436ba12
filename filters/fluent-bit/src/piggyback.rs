//! Episodes and summaries waiting for the next log record.
//!
//! Fluent Bit's filter ABI returns exactly one record per input record, so they are attached to it.

use crate::output_buffer::OutputBuffer;
use alloc::string::String;
use nearmiss::{Head, Record};

/// Maximum length of a record that carries episodes or summaries, in bytes: Loki refuses lines of more than 262 144. The rest waits for
/// later records.
const MAX_LENGTH: usize = 200_000;
/// Bytes of waiting records from which a long log record must carry some too.
const MAX_WAITING: usize = 1 << 20;
/// Bytes that such a log record carries.
const LEAST_ROOM: usize = 32 << 10;
/// Length below which a log record carries a record that fits on none, in bytes.
const SHORT: usize = 16 << 10;

/// The records that wait, one per line.
#[derive(Debug, Default)]
pub(crate) struct PiggybackQueue {
    episodes: String,
    summaries: String,
}

impl PiggybackQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.episodes.is_empty() && self.summaries.is_empty()
    }

    /// Adds an episode or a summary, which is lost if there is no memory for it.
    pub(crate) fn push(&mut self, record: Record<'_>) {
        let lines = match record.head {
            Head::Summary { .. } => &mut self.summaries,
            Head::Episode { .. } | Head::Exchange { .. } => &mut self.episodes,
        };
        if lines.try_reserve(record.json.len() + 1).is_ok() {
            lines.push_str(record.json);
            lines.push('\n');
        }
    }

    /// Moves as many records as one log record may carry into `output`.
    pub(crate) fn attach(&mut self, output: &mut OutputBuffer) {
        if self.is_empty() {
            return;
        }
        attach_lines(&mut self.episodes, "near_miss_episodes", output);
        attach_lines(&mut self.summaries, "near_miss_summaries", output);
    }

    /// Moves all records into `output`, one per line.
    pub(crate) fn drain(&mut self, output: &mut OutputBuffer) {
        for lines in [&mut self.episodes, &mut self.summaries] {
            output.lines(&core::mem::take(lines));
        }
    }
}

fn attach_lines(lines: &mut String, field: &str, output: &mut OutputBuffer) {
    // The key, the brackets and the closing brace.
    let around = field.len() + 8;
    let room = MAX_LENGTH.saturating_sub(output.text().len() + around);
    let room = if lines.len() > MAX_WAITING { room.max(LEAST_ROOM) } else { room };
    let head = lines.as_bytes().get(..room).unwrap_or(lines.as_bytes());
    // One that fits on no record goes with a short one.
    let first = lines.find('\n').filter(|_| output.text().len() < SHORT);
    let Some(last) = head.iter().rposition(|byte| *byte == b'\n').or(first) else { return };
    let end = last + 1;
    output.list(field, lines.get(..end).unwrap_or_default().lines());
    if end == lines.len() {
        *lines = String::new();
    } else {
        lines.drain(..end);
    }
}
