//! Episodes and summaries waiting for the next log record.
//!
//! Fluent Bit's filter ABI returns exactly one record per input record, so they are attached to it.

use crate::output_buffer::OutputBuffer;
use alloc::string::String;
use nearmiss::{Head, Record};

/// Maximum number of bytes attached to one record as episodes, and again as summaries. The rest waits for later records.
const MAX_ATTACHED: usize = 256 << 10;

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
    if lines.is_empty() {
        return;
    }
    let head = lines.as_bytes().get(..MAX_ATTACHED).unwrap_or(lines.as_bytes());
    let last = head.iter().rposition(|byte| *byte == b'\n').or_else(|| lines.find('\n'));
    let end = last.map_or(lines.len(), |last| last + 1);
    output.list(field, lines.get(..end).unwrap_or_default().lines());
    if end == lines.len() {
        *lines = String::new();
    } else {
        lines.drain(..end);
    }
}
