//! Every line in `fixtures/` gets the verdict next to it, in its own format and in `auto`.
//!
//! `make fixtures` records the logs of real programs there. The files named `documented` follow the documentation of the
//! formats, because those programs are not available.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use nearmiss::{Config, Feed, Monitor};
use nearmiss_formats::{Attempts, FieldConfig, Format, ParsedLine, Reader};
use std::fs;
use std::path::Path;

#[test]
fn every_fixture_gets_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 15, "{} files in {}", files.len(), folder.display());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let named = text.lines().find_map(|line| line.strip_prefix("# format: ")).unwrap();
        let format: Format = named.parse().unwrap();
        let needs_feature = text.contains("\n# feature: all-formats\n");
        if !format.is_built() || needs_feature && !cfg!(feature = "all-formats") {
            continue;
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let [case, fate, attempts, line] =
                line.splitn(4, '\t').collect::<Vec<_>>().try_into().expect("four columns");
            let fields = fields(&text, format);
            for asked in [format, Format::Auto] {
                if asked == Format::Auto && fields.is_some() {
                    continue;
                }
                let read = read(asked, fields.clone(), line);
                let expected = (named.to_owned(), format!("{fate} {attempts}"));
                if read != Ok(expected) {
                    wrong.push(format!(
                        "{} {case} {asked}: {read:?} instead of {fate} {attempts}\n  {line}",
                        file.file_name().unwrap().display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the settings with the format string of a file, if it has one.
fn fields(text: &str, format: Format) -> Option<FieldConfig> {
    let log_format = text.lines().find_map(|line| line.strip_prefix("# fields.log_format: "))?;
    Some(FieldConfig::parse(&[("log_format".into(), log_format.into())].into(), format).unwrap())
}

/// Returns the format of the line, and fate and attempts as the fixtures write them.
fn read(format: Format, fields: Option<FieldConfig>, line: &str) -> Result<(String, String), String> {
    let mut reader = Reader::new(format).with_fields(fields.unwrap_or_default());
    let mut attempts = Attempts::default();
    let verdict = match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::Exchange(exchange)) => {
            let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
            let fate = monitor.observe(&exchange).verdict.fate;
            let attempts = exchange.attempts.map_or("?".into(), |attempts| attempts.to_string());
            format!("{} {attempts}", fate.name())
        }
        Ok(ParsedLine::Judged(judged)) => format!("judged {}", judged.fate.name()),
        Ok(ParsedLine::LeftOut(why)) => format!("left-out {why}"),
        Ok(ParsedLine::Other(kind)) => format!("other {kind}"),
        Err(error) => return Err(error.to_string()),
    };
    Ok((reader.format().name().to_owned(), verdict))
}
