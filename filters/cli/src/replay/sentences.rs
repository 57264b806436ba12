//! Episodes as sentences, for people at a terminal.

use crate::display::time::{DateTime, TimeOfDay};
use crate::records::{AnyRecord, EpisodeRecord};
use crate::sanitize::sanitize;
use nearmiss::{Head, Record};

/// Maximum length of a name and of a sentence, in characters.
const MAX_NAME: usize = 60;
const MAX_SENTENCE: usize = 600;

/// Returns the text of a record for people: two lines for an episode that ended, `None` for all other records.
pub(super) fn sentences(record: &Record<'_>) -> Option<String> {
    if !matches!(record.head, Head::Episode { is_open: false, .. }) {
        return None;
    }
    match AnyRecord::of(record) {
        Ok(AnyRecord::Episode(episode)) => Some(text(&episode)),
        _ => None,
    }
}

fn text(episode: &EpisodeRecord) -> String {
    let end = episode.end.map_or(String::new(), |end| format!(" to {}", TimeOfDay(end.0)));
    let outcome = match episode.outcome.as_deref() {
        Some("escalated") => ", became an outage",
        _ if episode.truncated => ", still open at the end",
        _ => "",
    };
    format!(
        "{}{end} UTC  {}: {}{outcome}\n    {}",
        DateTime(episode.start.0),
        sanitize(&episode.upstream, MAX_NAME),
        sanitize(&episode.pattern, MAX_NAME),
        sanitize(&episode.explain, MAX_SENTENCE)
    )
}
