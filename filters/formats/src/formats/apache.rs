//! Apache's access log and varnishncsa's, which has the same words: the common or combined log format with a duration, or a
//! configured format.

mod exchange;
mod text;
mod words;
mod worker;

pub(crate) use exchange::{FieldId, parse_values};
pub(crate) use text::{detect, lacks_duration, read as read_text};
pub(crate) use words::pieces;

#[cfg(test)]
mod tests;
