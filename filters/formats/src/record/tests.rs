use super::parser::RELEARN_INTERVAL;
use super::scanner::plain_length;
use super::*;
use alloc::vec::Vec;

#[test]
fn a_template_does_not_hide_an_error() {
    let mut parser = RecordParser::default();
    for (good, bad) in [
        (r#"{"a":"x","b":1}"#, r#"{"a":"x\","b":1}"#),
        (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":nan}"#),
        (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":"1}"#),
        (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":1"#),
        (r#"{"a":"x","b":1}"#, r#"{"a":"x","b":1}}"#),
        (r#"{"a":[1]}"#, r#"{"a":[}"#),
        (r#"{"a":"\n"}"#, r#"{"a":"\q"}"#),
        ("{}", "{"),
    ] {
        assert!(parser.parse(good.as_bytes()) && parser.parse(good.as_bytes()), "{good}");
        assert!(!parser.parse(bad.as_bytes()), "{bad}");
    }
}

fn parsed(record: &[u8]) -> Option<RecordParser> {
    let mut parser = RecordParser::default();
    parser.parse(record).then_some(parser)
}

fn line(record: &str) -> Option<&str> {
    let (line, _) = parsed(record.as_bytes())?.embedded_line(record.as_bytes())?;
    core::str::from_utf8(line).ok()
}

#[test]
fn the_embedded_line_is_found() {
    assert_eq!(line(r#"{"message":"m","a":[{"log":1}],"log":"a \"b\""}"#), Some(r#"a \"b\""#));
    assert_eq!(line(r#"{"message":"m"}"#), Some("m"));
    assert_eq!(line(r#"{"log":7,"a":{"message":"m"}}"#), None);
}

#[test]
fn only_json_objects_are_accepted() {
    let mut deep = alloc::string::String::from("0");
    for _ in 1..MAX_DEPTH {
        deep = alloc::format!("[{deep}]");
    }
    let good = [
        "{}",
        " { } ",
        r#"{"a":[],"b":{},"c":[[],{"d":[1,2.5e-7,-0,true,false,null,"\u00e9\ud83d\ude00\n"]}]}"#,
        "{\"é\":\"\u{7f}\"}",
        &alloc::format!("{{\"a\":{deep}}}"),
    ];
    for record in good {
        assert!(parsed(record.as_bytes()).is_some(), "{record}");
    }
    let bad = [
        "",
        "[]",
        "{",
        "{}}",
        "{} {}",
        "{1:2}",
        "{\"a\":nan}",
        "{\"a\":-inf}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":\"\\x01\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{,}",
        "{\"a\":[,]}",
        "{\"a\":[1,]}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\"}}",
        "{\"a\":truth}",
        "{\"a\":\"b}",
        &alloc::format!("{{\"a\":[{deep}]}}"),
    ];
    for record in bad {
        assert!(parsed(record.as_bytes()).is_none(), "{record}");
    }
    assert!(parsed(b"{\"a\":\"\xff\"}").is_none());
}

#[test]
fn reserved_fields_are_noticed() {
    let of = |record: &'static str| {
        parsed(record.as_bytes()).map(|it| (it.has_verdict(), it.has_reserved_field()))
    };
    assert_eq!(of(r#"{"near_miss":null}"#), Some((true, false)));
    assert_eq!(of(r#"{"near_miss_summaries":[]}"#), Some((false, true)));
    assert_eq!(of(r#"{"near_misses":[],"a":{"near_miss":1}}"#), Some((false, false)));
}

#[test]
fn records_with_and_without_a_matching_template_are_parsed_alike() {
    let records = [
        r#"{"a":1,"b":"x"}"#,
        r#"{"a":2,"b":"y\\"}"#,
        r#"{"a":2,"b":"y\\","c":[]}"#,
        r#"{"a":2}"#,
        "{}",
        r#"{"b":2,"a" : 3}"#,
        r#"{"b":2,"a":3}"#,
        r#"{"b":nan,"a":3}"#,
        r#"{"b":2,"ab":3}"#,
    ];
    let mut parser = RecordParser::default();
    for record in records.into_iter().chain(records.into_iter().rev()) {
        assert_parsed_like_a_first_record(&mut parser, record);
    }
}

#[test]
fn records_of_any_values_are_parsed_alike() {
    let texts = ["\"\"", "\"a\"", r#""a longer text without a sign""#, r#""\"""#, "\"é\"", r#""\q""#, "7"];
    let numbers = ["0", "12", "12345678", "1234567890", "-1", "1.5", "1e3", "null", "[1,2]", "01", "\"a\""];
    let mut parser = RecordParser::default();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (random >> 33) as usize % below
    };
    for _ in 0..2 * RELEARN_INTERVAL {
        // The first of each, which are ordinary values, come most often.
        let mut text = || texts[next(40).saturating_sub(35).max(next(3))];
        let (a, b, c) = (text(), text(), text());
        let mut number = || numbers[next(100).saturating_sub(90).max(next(4))];
        let (d, e) = (number(), number());
        // Sometimes a record with other keys.
        let record = match next(20) {
            0 => alloc::format!(r#"{{"a":{a},"b":{d},"c":{b}}}"#),
            1 => alloc::format!(r#"{{"log":{a},"near_miss":{d}, "c" : {b}}}"#),
            2 => alloc::format!(r#"{{"a":{a},"b":{d},"c":{b},"d":{e},"e{e}":{c}}}"#),
            _ => alloc::format!(r#"{{"a":{a},"b":{d},"c":{b},"d":{e},"e":{c}}}"#),
        };
        assert_parsed_like_a_first_record(&mut parser, &record);
    }
}

/// Asserts that earlier records change neither if a record is accepted, nor its content.
fn assert_parsed_like_a_first_record(parser: &mut RecordParser, record: &str) {
    let record = record.as_bytes();
    let first = parsed(record);
    assert_eq!(parser.parse(record), first.is_some(), "{}", record.escape_ascii());
    let Some(first) = first else { return };
    assert_eq!(parser.without_closing_brace(record), first.without_closing_brace(record));
    let flags = |parser: &RecordParser| {
        (
            parser.is_empty(),
            parser.has_verdict(),
            parser.has_reserved_field(),
            parser.embedded_line(record).is_some(),
        )
    };
    assert_eq!(flags(parser), flags(&first));
    let members = |parser: &RecordParser| {
        let members = (0..parser.current.spans.len()).filter_map(|index| parser.member(record, index));
        members.map(|member| (member.key.to_vec(), member.value.to_vec(), member.kind)).collect::<Vec<_>>()
    };
    assert_eq!(members(parser), members(&first), "{}", record.escape_ascii());
}

#[test]
fn the_end_of_a_plain_text_is_found_at_every_position() {
    for length in 0..40 {
        for position in 0..length {
            for stop in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
                let mut bytes = alloc::vec![b'a'; length];
                bytes[position] = stop;
                bytes[position + 1..].fill(stop);
                assert_eq!(plain_length(&bytes), position);
            }
        }
        assert_eq!(plain_length(&alloc::vec![0x7f; length]), length);
    }
}

#[test]
fn a_number_beyond_the_range_of_a_double_is_no_valid_number() {
    for number in [
        "1.797693134862316e+308",
        "-1.797693134862316e+308",
        "1e309",
        "18e307",
        "0.2e309",
        "1e99999999999999999999",
    ] {
        assert!(is_beyond_double(number.as_bytes()) && !is_scalar(number.as_bytes()), "{number}");
        assert!(!RecordParser::default().parse(alloc::format!(r#"{{"a":{number}}}"#).as_bytes()), "{number}");
    }
    for number in [
        "1.7976931348623157e308",
        "1.797693134862315e+308",
        "17976931348623157e292",
        "0e999",
        "0.0e-999",
        "1e-400",
        "1e-99999999999999999999",
        "0.1e309",
        "12345678901234567890",
        "1e308",
    ] {
        assert!(is_scalar(number.as_bytes()) && !is_beyond_double(number.as_bytes()), "{number}");
    }
    assert!(!is_beyond_double(b"nan") && !is_beyond_double(b"1e309x"));
}
