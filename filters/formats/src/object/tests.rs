use super::scan::plain_length;
use super::*;

#[test]
fn a_shape_does_not_hide_what_is_wrong() {
    let mut object = RecordParser::default();
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
        assert!(object.parse(good.as_bytes()) && object.parse(good.as_bytes()), "{good}");
        assert!(!object.parse(bad.as_bytes()), "{bad}");
    }
}

fn taken(record: &[u8]) -> Option<RecordParser> {
    let mut object = RecordParser::default();
    object.parse(record).then_some(object)
}

fn line(record: &str) -> Option<&str> {
    let (line, _) = taken(record.as_bytes())?.embedded_line(record.as_bytes())?;
    core::str::from_utf8(line).ok()
}

#[test]
fn the_line_inside_is_found() {
    assert_eq!(line(r#"{"message":"m","a":[{"log":1}],"log":"a \"b\""}"#), Some(r#"a \"b\""#));
    assert_eq!(line(r#"{"message":"m"}"#), Some("m"));
    assert_eq!(line(r#"{"log":7,"a":{"message":"m"}}"#), None);
}

#[test]
fn what_is_json_is_taken_and_nothing_else() {
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
        assert!(taken(record.as_bytes()).is_some(), "{record}");
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
        assert!(taken(record.as_bytes()).is_none(), "{record}");
    }
    assert!(taken(b"{\"a\":\"\xff\"}").is_none());
}

#[test]
fn our_own_fields_are_seen() {
    let of =
        |record: &'static str| taken(record.as_bytes()).map(|it| (it.has_verdict(), it.has_reserved_field()));
    assert_eq!(of(r#"{"near_miss":null}"#), Some((true, false)));
    assert_eq!(of(r#"{"near_miss_summaries":[]}"#), Some((false, true)));
    assert_eq!(of(r#"{"near_misses":[],"a":{"near_miss":1}}"#), Some((false, false)));
}

#[test]
fn objects_of_one_shape_and_of_others_are_taken_alike() {
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
    let mut object = RecordParser::default();
    for record in records.into_iter().chain(records.into_iter().rev()) {
        assert_taken_like_the_first(&mut object, record);
    }
}

#[test]
fn whatever_values_come_objects_are_taken_alike() {
    let texts = ["\"\"", "\"a\"", r#""a longer text without a sign""#, r#""\"""#, "\"é\"", r#""\q""#, "7"];
    let numbers = ["0", "12", "12345678", "1234567890", "-1", "1.5", "1e3", "null", "[1,2]", "01", "\"a\""];
    let mut object = RecordParser::default();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (random >> 33) as usize % below
    };
    for _ in 0..2 * RENEWED {
        // The first of each, which are nothing special, come most often.
        let mut text = || texts[next(40).saturating_sub(35).max(next(3))];
        let (a, b, c) = (text(), text(), text());
        let mut number = || numbers[next(100).saturating_sub(90).max(next(4))];
        let (d, e) = (number(), number());
        // Now and then another shape.
        let record = match next(20) {
            0 => alloc::format!(r#"{{"a":{a},"b":{d},"c":{b}}}"#),
            1 => alloc::format!(r#"{{"log":{a},"near_miss":{d}, "c" : {b}}}"#),
            2 => alloc::format!(r#"{{"a":{a},"b":{d},"c":{b},"d":{e},"e{e}":{c}}}"#),
            _ => alloc::format!(r#"{{"a":{a},"b":{d},"c":{b},"d":{e},"e":{c}}}"#),
        };
        assert_taken_like_the_first(&mut object, &record);
    }
}

/// What was before has no say in whether a record is taken, and in what it says.
fn assert_taken_like_the_first(object: &mut RecordParser, record: &str) {
    let record = record.as_bytes();
    let first = taken(record);
    assert_eq!(object.parse(record), first.is_some(), "{}", record.escape_ascii());
    let Some(first) = first else { return };
    assert_eq!(object.without_closing_brace(record), first.without_closing_brace(record));
    let roles = |object: &RecordParser| {
        (
            object.is_empty(),
            object.has_verdict(),
            object.has_reserved_field(),
            object.embedded_line(record).is_some(),
        )
    };
    assert_eq!(roles(object), roles(&first));
    let shown = |object: &RecordParser| {
        let members = (0..object.now.parts.len()).filter_map(|place| object.member(record, place));
        members.map(|member| (member.key.to_vec(), member.value.to_vec(), member.kind)).collect::<Vec<_>>()
    };
    assert_eq!(shown(object), shown(&first), "{}", record.escape_ascii());
}

#[test]
fn the_end_of_a_plain_text_is_found_at_every_place() {
    for length in 0..40 {
        for place in 0..length {
            for stop in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
                let mut bytes = alloc::vec![b'a'; length];
                bytes[place] = stop;
                bytes[place + 1..].fill(stop);
                assert_eq!(plain_length(&bytes), place);
            }
        }
        assert_eq!(plain_length(&alloc::vec![0x7f; length]), length);
    }
}
