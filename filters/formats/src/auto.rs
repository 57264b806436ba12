//! Detection of the format of a line.

use crate::Format;
use crate::json::{JsonCursor, Value};
use crate::table::{CERTAIN, matches, points};
use crate::text_shape::TextShape;
use alloc::vec::Vec;

/// Detects the format of a JSON object by its members: the one with the most points.
///
/// Returns `Err` if the object is no valid JSON.
pub(crate) fn detect_json(line: &[u8], buffer: &mut Vec<u8>) -> Result<Option<Format>, ()> {
    let mut json = JsonCursor::new(line, buffer);
    let mut sums = [0_u8; Format::ALL.len()];
    let mut first = true;
    let detected = |points: &[u8]| {
        let best = points.iter().copied().max().filter(|most| *most >= CERTAIN)?;
        let index = points.iter().rposition(|points| *points == best)?;
        Format::ALL.get(index).copied()
    };
    let mut read = || {
        json.open_object()?;
        while let Some(key) = json.next_key(&mut first)? {
            let value = json.list_value()?;
            for (sum, format) in sums.iter_mut().zip(Format::ALL) {
                *sum = sum.saturating_add(points(*format, key, value));
            }
            match value {
                Value::Object => json.skip_rest(true)?,
                Value::Array => json.skip_rest(false)?,
                _ => {}
            }
        }
        json.expect_end()
    };
    let is_valid = read().is_ok();
    // A line that was cut off is in the format that it began in.
    match detected(&sums) {
        None if !is_valid => Err(()),
        format => Ok(format),
    }
}

/// Detects the format of a line of text. `last` is the format of the line before, which is tried first.
pub(crate) fn detect_text(shape: &TextShape<'_>, last: Option<Format>) -> Option<Format> {
    let is_match = |format: &Format| matches(*format, shape);
    last.filter(is_match).or_else(|| Format::ALL.iter().copied().find(is_match))
}
