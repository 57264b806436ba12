//! Detection of the format of a line.

use crate::Format;
use crate::formats::{CERTAIN, DECISIVE, format_of, matches};
use crate::json::{JsonCursor, Value};
use crate::text_shape::TextShape;
use alloc::vec::Vec;

/// Detects the format of a JSON object by its members: the one with the most points.
///
/// Returns `Err` if the object is no valid JSON.
pub(crate) fn detect_json(line: &[u8], buffer: &mut Vec<u8>) -> Result<Option<Format>, ()> {
    let mut json = JsonCursor::new(line, buffer);
    let mut sums = [0_u8; Format::ALL.len()];
    let mut first = true;
    let mut read = || {
        json.open_object()?;
        while let Some(key) = json.next_key(&mut first)? {
            let value = json.list_value()?;
            let sign = format_of(key, value);
            if let Some((format, points)) = sign
                && let Some(sum) = sums.get_mut(format as usize)
            {
                *sum = sum.saturating_add(points);
            }
            match value {
                _ if sign.is_some_and(|(_, points)| points == DECISIVE) => return Ok(()),
                Value::Object => json.skip_rest(true)?,
                Value::Array => json.skip_rest(false)?,
                _ => {}
            }
        }
        json.expect_end()
    };
    let is_valid = read().is_ok();
    let most = sums.iter().copied().max().filter(|most| *most >= CERTAIN);
    let detected = most.and_then(|most| sums.iter().rposition(|sum| *sum == most));
    // A line that was cut off is in the format that it began in.
    match detected.and_then(|index| Format::ALL.get(index).copied()) {
        None if !is_valid => Err(()),
        format => Ok(format),
    }
}

/// Detects the format of a line of text. `last` is the format of the line before, which is tried first.
pub(crate) fn detect_text(shape: &TextShape<'_>, last: Option<Format>) -> Option<Format> {
    let is_match = |format: &Format| matches(*format, shape);
    last.filter(is_match).or_else(|| Format::ALL.iter().copied().find(is_match))
}
