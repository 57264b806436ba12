//! What waits for a record to ride on: the host takes one record for one, so episodes and summaries cannot leave alone.

use crate::reply::Reply;
use alloc::string::String;
use nearmiss::{Record, RecordKind};

/// The most bytes of waiting records that one record carries; the rest rides on the next ones.
const MAX_LOAD: usize = 256 << 10;

/// Records that wait.
#[derive(Debug, Default)]
pub(crate) struct Riders {
    /// A line each.
    episodes: String,
    summaries: String,
}

impl Riders {
    pub(crate) fn is_empty(&self) -> bool {
        self.episodes.is_empty() && self.summaries.is_empty()
    }

    /// Takes a record that is not the one of an exchange; without memory for it, it is lost.
    pub(crate) fn add(&mut self, record: Record<'_>) {
        let lines = match record.kind {
            RecordKind::Summary => &mut self.summaries,
            RecordKind::Episode | RecordKind::Exchange => &mut self.episodes,
        };
        if lines.try_reserve(record.json.len() + 1).is_ok() {
            lines.push_str(record.json);
            lines.push('\n');
        }
    }

    /// Puts as many as one record carries into `reply`.
    pub(crate) fn ride(&mut self, reply: &mut Reply) {
        if self.is_empty() {
            return;
        }
        load(&mut self.episodes, "near_miss_episodes", reply);
        load(&mut self.summaries, "near_miss_summaries", reply);
    }

    /// Puts everything that waits into `reply`, a line each.
    pub(crate) fn get_off(&mut self, reply: &mut Reply) {
        for lines in [&mut self.episodes, &mut self.summaries] {
            reply.lines(&core::mem::take(lines));
        }
    }
}

fn load(lines: &mut String, field: &str, reply: &mut Reply) {
    if lines.is_empty() {
        return;
    }
    let head = lines.as_bytes().get(..MAX_LOAD).unwrap_or(lines.as_bytes());
    let last = head.iter().rposition(|byte| *byte == b'\n').or_else(|| lines.find('\n'));
    let end = last.map_or(lines.len(), |last| last + 1);
    reply.list(field, lines.get(..end).unwrap_or_default().lines());
    if end == lines.len() {
        *lines = String::new();
    } else {
        lines.drain(..end);
    }
}
