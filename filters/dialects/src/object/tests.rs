use super::*;

#[test]
fn a_shape_does_not_hide_what_is_wrong() {
    let mut object = Object::default();
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
        assert!(object.take(good.as_bytes()) && object.take(good.as_bytes()), "{good}");
        assert!(!object.take(bad.as_bytes()), "{bad}");
    }
}

fn taken(record: &[u8]) -> Option<Object> {
    let mut object = Object::default();
    object.take(record).then_some(object)
}

fn line(record: &str) -> Option<&str> {
    let (line, _) = taken(record.as_bytes())?.line(record.as_bytes())?;
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
    let of = |record: &'static str| taken(record.as_bytes()).map(|it| (it.is_judged(), it.is_ours()));
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
    let mut object = Object::default();
    for record in records.into_iter().chain(records.into_iter().rev()) {
        let fresh = taken(record.as_bytes());
        assert_eq!(object.take(record.as_bytes()), fresh.is_some(), "{record}");
        let Some(fresh) = fresh else { continue };
        assert_eq!(object.head(record.as_bytes()), fresh.head(record.as_bytes()));
        let shown = |object: &Object| {
            let show = |member: &Part| {
                (
                    member.key(record.as_bytes()).to_vec(),
                    member.value(record.as_bytes()).to_vec(),
                    member.kind,
                )
            };
            object.parts.iter().map(show).collect::<Vec<_>>()
        };
        assert_eq!(shown(&object), shown(&fresh));
    }
}

#[test]
fn the_end_of_a_plain_text_is_found_at_every_place() {
    for length in 0..40 {
        for place in 0..length {
            for stop in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
                let mut bytes = alloc::vec![b'a'; length];
                bytes[place] = stop;
                bytes[place + 1..].fill(stop);
                assert_eq!(plain_end(&bytes, 0), place);
            }
        }
        assert_eq!(plain_end(&alloc::vec![0x7f; length], 0), length);
    }
}
