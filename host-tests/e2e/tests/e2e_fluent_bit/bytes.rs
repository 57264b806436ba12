//! Values that Fluent Bit's own JSON cannot carry.

use crate::harness::records;
use crate::pipeline::{NEARMISS, Pipeline, fate, fixture};

const JSON_PARSER: &str = "  - {name: json, format: json}\n";

#[test]
fn doubles_next_to_the_largest_one_neither_crash_fluent_bit_nor_lose_a_record() {
    let pipeline =
        Pipeline { parsers: JSON_PARSER, input: ", parser: json", ..Pipeline::new("double", NEARMISS) };
    let good = r#"{"a":1}"#;
    let bad = [
        r#"{"v":1.7976931348623157e308,"log":"x"}"#,
        r#"{"v":-1.7976931348623157e308,"log":"x"}"#,
        r#"{"v":1.7976931348623155e308,"deep":{"w":[1.7976931348623156e308]}}"#,
        r#"{"v":1.7976931348623150e308}"#,
    ];
    let lines: Vec<&str> = (0..50).flat_map(|_| bad.into_iter().flat_map(|bad| [good, bad, good])).collect();
    let printed = pipeline.run(&lines, lines.len());
    // The output prints them rounded up to a number that no parser takes, as it does without the filter.
    assert_eq!(printed.iter().filter(|line| line.starts_with('{')).count(), lines.len());
    let noted = printed.iter().filter(|line| line.starts_with('{') && line.contains("near_miss_note"));
    assert!(noted.count() >= 50 * 3, "a repaired record says so");
}

#[test]
fn invalid_utf_8_and_control_bytes_in_lines_lose_no_record() {
    let pipeline = Pipeline::new("utf8", NEARMISS);
    let line = fixture("nginx-1.22.1-nginx.tsv").remove(3);
    let hostile: Vec<String> = ["\u{1}", "\u{7f}", "é", "\u{10ffff}", "\\x16\\x03", "\\", "\t"]
        .iter()
        .map(|piece| line.text.replace("GET /", &format!("GET /{piece}")))
        .collect();
    let hostile: Vec<&str> = hostile.iter().map(String::as_str).collect();
    let printed = pipeline.run(&hostile, hostile.len());
    let fates: Vec<String> = records(&printed).iter().map(fate).collect();
    assert_eq!(fates, vec![line.fate; hostile.len()], "{printed:#?}");
}
