//! Records of one source, some of them corrupted: each is read as if it were the first.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use fastrand::Rng;
use nearmiss::Timestamp;
use nearmiss_formats::{Attempts, Format, Reader, RecordParser, unescape};

/// Length of a run of records; in its second half, some are corrupted.
const RUN: u64 = 80;

fn structured(number: u64, random: &mut Rng) -> Vec<u8> {
    // A record without a time has the pipeline's.
    let time = if (number / RUN).is_multiple_of(3) { "at" } else { "start_time" };
    let odd = mostly_first(random, &["", r#""x":[1,{"y":"z"}],"#, r#""retry":null,"#, r#""a\"b":"\\","#]);
    format!(
        r#"{{"{time}":"2026-11-23T08:0{}:{:02}.{}Z",{odd}"method":"GET","path":"/{}","response_code":{},"response_flags":"{}","bytes_sent":{},"duration":{},"route_name":{},"upstream_host":"10.0.2.{}:8080","upstream_cluster":"cart{}"}}"#,
        random.usize(..3),
        random.usize(..60),
        random.usize(..1_000),
        mostly_first(random, &["a", "b?c", "\u{e9}", "\\u00e9", "a\\\"b", "\\\\"]),
        mostly_first(random, &[200, 503, 404]),
        mostly_first(random, &["-", "UF,URX", ""]),
        random.usize(..20_000),
        mostly_first(random, &["7", "42.5", "0", "1e2", "null"]),
        mostly_first(random, &["\"r\"", "\"r?q=1\"", "null", "7", "true"]),
        random.usize(..12),
        random.usize(..3),
    )
    .into_bytes()
}

fn raw(_: u64, random: &mut Rng) -> Vec<u8> {
    let list = |one: &str, two: &str, random: &mut Rng| {
        if random.usize(..60) == 0 { two.to_owned() } else { one.to_owned() }
    };
    let hosts = list("10.0.0.1:80", "10.0.0.1:80, 10.0.0.2:80", random);
    let codes = list("200", "502, 200", random);
    let times = list("0.04", "0.01, 0.03", random);
    format!(
        r#"{{"stream":"stdout","log":"10.0.{}.9 - {} [23/Nov/2026:08:00:{:02} +0000] \"GET /{} HTTP/1.1\" {} {} \"-\" \"{}\" rt=0.{:03} uht=\"{times}\" urt=\"{times}\" ua=\"{hosts}\" us=\"{codes}\" ucs=\"{}\" upstream={}{}","n":{}}}"#,
        random.usize(..250),
        mostly_first(random, &["-", "bob", "a=b", "x,"]),
        random.usize(..60),
        mostly_first(random, &["a", "b?c", "\\u00e9", "caf\u{e9}", "a\\\"b", "a\\\" b", "[x]"]),
        mostly_first(random, &[200, 502, 499]),
        mostly_first(random, &["612", "0", "-", "6 7"]),
        mostly_first(random, &["curl/8", "Mozilla/5.0 (X11)", "-", ""]),
        random.usize(..1_000),
        mostly_first(random, &["-", "STALE", "HIT"]),
        mostly_first(random, &["web", "shop:", "a,", "\\\"q\\\""]),
        mostly_first(random, &["", "\\n"]),
        random.usize(..100),
    )
    .into_bytes()
}

#[test]
fn a_structured_record_is_read_like_a_first_record() {
    check(structured, |reader, parser, record, _| {
        let mut attempts = Attempts::default();
        format!("{:?}", reader.read_record(record, parser, &mut attempts))
    });
}

#[test]
fn an_embedded_line_is_read_by_its_tokens_as_without_them() {
    let by_tokens = check(raw, |reader, parser, record, buffer| {
        let mut attempts = Attempts::default();
        if parser.has_tokens()
            && let Ok(line) = reader.read_tokens(record, parser, &mut attempts)
        {
            return format!("{:?}", Ok::<_, ()>(line));
        }
        let Some((line, has_escapes)) = parser.embedded_line(record) else { return String::new() };
        buffer.resize(line.len(), 0);
        let line = match has_escapes {
            true => unescape(line, buffer).and_then(|length| buffer.get(..length)).unwrap_or_default(),
            false => line,
        };
        reader.tokenize(record, line, parser);
        let mut attempts = Attempts::default();
        let read = reader.read(line, &mut attempts);
        format!("{read:?}")
    });
    assert!(by_tokens > 10_000, "{by_tokens} lines were read by their tokens");
}

/// Compares the results of a parser that knows earlier records with those of a new one; returns how often tokens were known.
fn check(
    record: fn(u64, &mut Rng) -> Vec<u8>,
    read: fn(&mut Reader, &mut RecordParser, &[u8], &mut Vec<u8>) -> String,
) -> usize {
    let mut random = Rng::with_seed(1);
    let (mut tokenized, mut buffer) = (0, Vec::new());
    let mut parser = RecordParser::default();
    // The other reader knows the format too, but no earlier record.
    let (mut reader, mut other) = (Reader::new(Format::Auto), Reader::new(Format::Auto));
    for number in 0..60_000 {
        let mut record = record(number, &mut random);
        if number % RUN > RUN / 2 && random.usize(..6) == 0 {
            corrupt(&mut record, &mut random);
        }
        let default_time = (number % 3 == 0).then(|| Timestamp::from_seconds(1_795_423_554));
        reader.set_default_time(default_time);
        other.set_default_time(default_time);
        let mut new_parser = RecordParser::default();
        let is_valid = new_parser.parse(&record);
        let text = String::from_utf8_lossy(&record).into_owned();
        assert_eq!(parser.parse(&record), is_valid, "{text}");
        if is_valid {
            assert_eq!(
                parser.without_closing_brace(&record),
                new_parser.without_closing_brace(&record),
                "{text}"
            );
            assert_eq!(
                parser.embedded_line(&record).map(|line| line.0),
                new_parser.embedded_line(&record).map(|line| line.0),
                "{text}"
            );
            tokenized += usize::from(parser.has_tokens());
            let actual = read(&mut reader, &mut parser, &record, &mut buffer);
            let expected = read(&mut other, &mut new_parser, &record, &mut buffer);
            assert_eq!(actual, expected, "{text}");
        }
    }
    tokenized
}

fn corrupt(record: &mut Vec<u8>, random: &mut Rng) {
    const BYTES: &[u8] = b"\"\\,:{}[]0123456789.-+eE= abz\x01\xc3\xa9n";
    for _ in 0..=random.usize(..2) {
        let at = random.usize(..record.len());
        match random.usize(..3) {
            0 => record[at] = BYTES[random.usize(..BYTES.len())],
            1 => record.insert(at, BYTES[random.usize(..BYTES.len())]),
            _ => drop(record.remove(at)),
        }
    }
}

/// Returns the first, or rarely another.
fn mostly_first<T: Copy>(random: &mut Rng, from: &[T]) -> T {
    if random.usize(..64) > 0 { from[0] } else { from[random.usize(..from.len())] }
}
