//! Apache's access log and varnishncsa's, which has the same words: the common or combined log format with a duration, or a
//! configured format.

mod exchange;
mod text;
mod words;

pub(crate) use exchange::{FieldId, parse_values};
pub(crate) use text::{ends_with_handling, has_seconds_or_worker, lacks_duration, read as read_text};
pub(crate) use words::pieces;

#[cfg(test)]
mod tests;
