//! Values of a JSON document: their text in errors, and numbers that several documents share.

use crate::json::write::{Json, push_millis, push_number};
use crate::units::Micros;
use alloc::string::String;
use serde_json::{Number, Value};

/// Maximum number of characters of a value that an error shows.
const LONGEST: usize = 60;

/// Returns a value as JSON, cut if it is long.
pub(crate) fn shown(value: &Value) -> String {
    let mut out = String::new();
    show(&mut out, value);
    if let Some((end, _)) = out.char_indices().nth(LONGEST) {
        out.truncate(end);
        out.push('…');
    }
    out
}

/// Reads a number of milliseconds, to the microsecond.
pub(crate) fn millis(value: &Value) -> Option<Micros> {
    let number = value.as_f64().filter(|number| (0.0..1e15).contains(number))?;
    Some(Micros::new(libm::round(number * 1_000.0) as u64))
}

/// Appends a value as JSON, up to the shown length.
///
/// Written by hand, because printing floats to the last digit takes 12 KiB of a module; three decimals are enough here.
fn show(out: &mut String, value: &Value) {
    if out.len() > LONGEST {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => show_number(out, number),
        Value::String(text) => Json::new(out).text(text),
        Value::Array(items) => {
            out.push('[');
            items.iter().enumerate().take(LONGEST).for_each(|(place, item)| {
                out.push_str(if place > 0 { "," } else { "" });
                show(out, item);
            });
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            fields.iter().enumerate().take(LONGEST).for_each(|(place, (key, value))| {
                out.push_str(if place > 0 { "," } else { "" });
                Json::new(out).text(key);
                out.push(':');
                show(out, value);
            });
            out.push('}');
        }
    }
}

fn show_number(out: &mut String, number: &Number) {
    if let Some(number) = number.as_u64() {
        return push_number(out, number);
    }
    let number = number.as_f64().unwrap_or_default();
    out.push_str(if number < 0.0 { "-" } else { "" });
    let thousandths = libm::round(libm::fabs(number) * 1_000.0);
    if thousandths < 1e18 {
        push_millis(out, Micros::new(thousandths as u64));
    } else {
        out.push_str("1e15 or more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_value_is_shown_as_it_stands() {
        for text in ["null", "true", "17", "-3", "0.5", "-1.25", r#"{"a":[1,"x\ny",{}],"b":[]}"#] {
            assert_eq!(shown(&parsed(text)), text);
        }
        assert_eq!(shown(&parsed("1e300")), "1e15 or more");
        assert_eq!(shown(&parsed(&alloc::format!("\"{}\"", "é".repeat(100)))).chars().count(), LONGEST + 1);
    }

    #[test]
    fn milliseconds_are_whole_microseconds() {
        let of = |text| millis(&parsed(text)).map(Micros::get);
        assert_eq!(
            (of("42.1"), of("0"), of("0.001"), of("1001")),
            (Some(42_100), Some(0), Some(1), Some(1_001_000))
        );
        for odd in ["-1", "1e15", "\"1\"", "null", "-0.5"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }
}
