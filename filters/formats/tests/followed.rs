//! Records of one source, some of them spoiled: each is read as if none had come before it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use nearmiss::Timestamp;
use nearmiss_formats::{Attempts, Format, Reader, RecordParser, unescape};

/// How many records in a row some of which, in the second half, are spoiled.
const ROW: u64 = 80;

fn structured(number: u64, random: &mut Random) -> Vec<u8> {
    // A record without a time has that of the pipeline.
    let time = if (number / ROW).is_multiple_of(3) { "at" } else { "start_time" };
    let odd = random.often(&["", r#""x":[1,{"y":"z"}],"#, r#""retry":null,"#, r#""a\"b":"\\","#]);
    format!(
        r#"{{"{time}":"2026-11-23T08:0{}:{:02}.{}Z",{odd}"method":"GET","path":"/{}","response_code":{},"response_flags":"{}","bytes_sent":{},"duration":{},"route_name":{},"upstream_host":"10.0.2.{}:8080","upstream_cluster":"cart{}"}}"#,
        random.below(3),
        random.below(60),
        random.below(1_000),
        random.often(&["a", "b?c", "\u{e9}", "\\u00e9", "a\\\"b", "\\\\"]),
        random.often(&[200, 503, 404]),
        random.often(&["-", "UF,URX", ""]),
        random.below(20_000),
        random.often(&["7", "42.5", "0", "1e2", "null"]),
        random.often(&["\"r\"", "\"r?q=1\"", "null", "7", "true"]),
        random.below(12),
        random.below(3),
    )
    .into_bytes()
}

fn raw(_: u64, random: &mut Random) -> Vec<u8> {
    let list = |one: &str, two: &str, random: &mut Random| {
        if random.below(60) == 0 { two.to_owned() } else { one.to_owned() }
    };
    let hosts = list("10.0.0.1:80", "10.0.0.1:80, 10.0.0.2:80", random);
    let codes = list("200", "502, 200", random);
    let times = list("0.04", "0.01, 0.03", random);
    format!(
        r#"{{"stream":"stdout","log":"10.0.{}.9 - {} [23/Nov/2026:08:00:{:02} +0000] \"GET /{} HTTP/1.1\" {} {} \"-\" \"{}\" rt=0.{:03} uht=\"{times}\" urt=\"{times}\" ua=\"{hosts}\" us=\"{codes}\" ucs=\"{}\" upstream={}{}","n":{}}}"#,
        random.below(250),
        random.often(&["-", "bob", "a=b", "x,"]),
        random.below(60),
        random.often(&["a", "b?c", "\\u00e9", "caf\u{e9}", "a\\\"b", "a\\\" b", "[x]"]),
        random.often(&[200, 502, 499]),
        random.often(&["612", "0", "-", "6 7"]),
        random.often(&["curl/8", "Mozilla/5.0 (X11)", "-", ""]),
        random.below(1_000),
        random.often(&["-", "STALE", "HIT"]),
        random.often(&["web", "shop:", "a,", "\\\"q\\\""]),
        random.often(&["", "\\n"]),
        random.below(100),
    )
    .into_bytes()
}

#[test]
fn a_structured_record_is_read_as_if_none_had_come_before() {
    check(structured, |reader, object, record, _| {
        let mut attempts = Attempts::default();
        format!("{:?}", reader.read_record(record, object, &mut attempts))
    });
}

#[test]
fn a_line_inside_is_read_by_its_parts_as_it_is_without() {
    let by_parts = check(raw, |reader, object, record, room| {
        let mut attempts = Attempts::default();
        if object.has_tokens()
            && let Ok(line) = reader.read_tokens(record, object, &mut attempts)
        {
            return format!("{:?}", Ok::<_, ()>(line));
        }
        let Some((line, has_escapes)) = object.embedded_line(record) else { return String::new() };
        room.resize(line.len(), 0);
        let line = match has_escapes {
            true => unescape(line, room).and_then(|length| room.get(..length)).unwrap_or_default(),
            false => line,
        };
        reader.tokenize(record, line, object);
        let mut attempts = Attempts::default();
        let read = reader.read(line, &mut attempts);
        format!("{read:?}")
    });
    assert!(by_parts > 10_000, "{by_parts} lines were read by their parts");
}

/// Compares what is read with a memory of what came before with what is read without; returns how often parts were known.
fn check(
    record: fn(u64, &mut Random) -> Vec<u8>,
    read: fn(&mut Reader, &mut RecordParser, &[u8], &mut Vec<u8>) -> String,
) -> usize {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut followed, mut room) = (0, Vec::new());
    let mut object = RecordParser::default();
    // The other reader knows the format as well, and no object's parts.
    let (mut reader, mut other) = (Reader::new(Format::Auto), Reader::new(Format::Auto));
    for number in 0..60_000 {
        let mut record = record(number, &mut random);
        if number % ROW > ROW / 2 && random.below(6) == 0 {
            spoil(&mut record, &mut random);
        }
        let arrived = (number % 3 == 0).then(|| Timestamp::from_seconds(1_795_423_554));
        reader.set_default_time(arrived);
        other.set_default_time(arrived);
        let mut fresh = RecordParser::default();
        let taken = fresh.parse(&record);
        let text = String::from_utf8_lossy(&record).into_owned();
        assert_eq!(object.parse(&record), taken, "{text}");
        if taken {
            assert_eq!(object.without_closing_brace(&record), fresh.without_closing_brace(&record), "{text}");
            assert_eq!(
                object.embedded_line(&record).map(|line| line.0),
                fresh.embedded_line(&record).map(|line| line.0),
                "{text}"
            );
            followed += usize::from(object.has_tokens());
            let mine = read(&mut reader, &mut object, &record, &mut room);
            let theirs = read(&mut other, &mut fresh, &record, &mut room);
            assert_eq!(mine, theirs, "{text}");
        }
    }
    followed
}

fn spoil(record: &mut Vec<u8>, random: &mut Random) {
    const SIGNS: &[u8] = b"\"\\,:{}[]0123456789.-+eE= abz\x01\xc3\xa9n";
    for _ in 0..=random.below(2) {
        let at = random.below(record.len());
        match random.below(3) {
            0 => record[at] = SIGNS[random.below(SIGNS.len())],
            1 => record.insert(at, SIGNS[random.below(SIGNS.len())]),
            _ => drop(record.remove(at)),
        }
    }
}

/// Numbers in an order of their own (xorshift).
struct Random(u64);

impl Random {
    /// The first of them, and now and then another.
    fn often<T: Copy>(&mut self, from: &[T]) -> T {
        if self.below(64) > 0 { from[0] } else { from[self.below(from.len())] }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}
