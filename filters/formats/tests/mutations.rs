//! Mutated lines: none makes a reader panic, and each is an exchange, judged, left out or an error.
//!
//! `NEARMISS_MUTATIONS=1000000` sets their number. The seed is fixed, so failures are reproducible.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use fastrand::Rng;
use nearmiss::{Config, Feed, Monitor};
use nearmiss_formats::{Attempts, FieldConfig, Format, ParsedLine, Reader};
use std::fs;
use std::path::Path;

/// Default number of lines.
const DEFAULT: u64 = 60_000;

#[test]
fn no_mutated_line_makes_a_reader_panic() {
    let seeds = seeds();
    let wanted =
        std::env::var("NEARMISS_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(DEFAULT);
    let mut random = Rng::with_seed(1);
    let mut auto = Reader::new(Format::Auto);
    let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
    let [mut exchanges, mut bad, mut other] = [0_u64; 3];
    for _ in 0..wanted {
        let (reader, line) = &seeds[random.usize(..seeds.len())];
        let (_, partner) = &seeds[random.usize(..seeds.len())];
        let mut line = line.clone();
        for _ in 0..=random.usize(..3) {
            mutate(&mut line, partner, &mut random);
        }
        for reader in [&mut auto, &mut reader.reader()] {
            let mut attempts = Attempts::default();
            match reader.read(&line, &mut attempts) {
                Ok(ParsedLine::Exchange(exchange)) => {
                    exchanges += 1;
                    monitor.observe(&exchange);
                    while monitor.poll_record().is_some() {}
                }
                Ok(_) => other += 1,
                Err(error) => {
                    bad += 1;
                    assert!(error.offset <= line.len(), "{error:?}");
                    assert!(error.to_string().len() < 400, "{error}");
                }
            }
        }
    }
    monitor.finish();
    assert_eq!(exchanges + bad + other, 2 * wanted);
    assert!(
        exchanges > wanted / 10 && bad > wanted / 10,
        "{exchanges} read, {bad} rejected: not a mix that tests much"
    );
}

/// The settings of a reader.
#[derive(Clone, Default)]
struct Setting {
    format: Format,
    fields: FieldConfig,
}

impl Setting {
    fn reader(&self) -> Reader {
        Reader::new(self.format).with_fields(self.fields.clone())
    }
}

/// Returns every line of every fixture, and exchange lines.
fn seeds() -> Vec<(Setting, Vec<u8>)> {
    let mut seeds = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let header = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let format: Format = header("# format: ").unwrap().parse().unwrap();
        let needs_feature = header("# feature: ").is_some();
        if !format.is_built() || needs_feature && !cfg!(feature = "all-formats") {
            continue;
        }
        let parse = |log_format: &str| {
            FieldConfig::parse(&[("log_format".into(), log_format.into())].into(), format).unwrap()
        };
        let fields = header("# fields.log_format: ").map(parse).unwrap_or_default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let setting = Setting { format, fields: fields.clone() };
            seeds.push((setting, line.splitn(4, '\t').nth(3).unwrap().into()));
        }
    }
    for line in [
        r#"{"ts":1795423554.513089,"upstream":"cart","status":200,"duration_ms":42.46}"#,
        r#"{"ts":1.7954e9,"upstream":"c\u00e9\"","status":200,"duration_ms":4e1,"attempts":3,"flags":"UF,URX","quota_remaining":3,
           "quota_limit":100,"attempt_log":[{"host":"10.0.0.2:80","status":503,"duration_ms":12.1},{"host":"10.0.0.3:80"}]}"#,
        r#"{"ts":1,"upstream":"cart","status":200,"duration_ms":1,"near_miss":{"fate":"retried"}}"#,
    ] {
        seeds.extend(core::iter::repeat_n(
            (Setting { format: Format::Exchange, ..Setting::default() }, line.into()),
            20,
        ));
    }
    seeds
}

/// Applies one random mutation to `line`.
fn mutate(line: &mut Vec<u8>, partner: &[u8], random: &mut Rng) {
    const PIECES: [&[u8]; 16] = [
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b", ",
        b" : ",
        b"-",
        b"null",
        b"99999999999999999999999",
        b"\xff\xfe",
        b"\\u12",
        b"1e999",
        b"-1",
        b" ",
    ];
    let at = random.usize(..=line.len());
    let end = (at + random.usize(..12)).min(line.len());
    match random.usize(..8) {
        0 => line.truncate(at),
        1 => drop(line.drain(at..end)),
        2 => drop(line.splice(at..end, PIECES[random.usize(..PIECES.len())].iter().copied())),
        3 => drop(line.splice(at..at, PIECES[random.usize(..PIECES.len())].iter().copied())),
        4 => {
            if let Some(byte) = line.get_mut(at) {
                *byte ^= 1 << random.usize(..8);
            }
        }
        5 => {
            let copy = line[at..end].repeat(random.usize(..40));
            drop(line.splice(at..at, copy));
        }
        6 => {
            line.truncate(at);
            line.extend_from_slice(&partner[random.usize(..=partner.len())..]);
        }
        _ => line[at..end].reverse(),
    }
}
