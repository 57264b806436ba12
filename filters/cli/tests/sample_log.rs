//! The sample log in examples/logs: reproducible, and with the stories in its README.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the example's `main`")]
#[path = "../examples/sample-log.rs"]
mod sample_log;

use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/logs/shop.log.gz")
}

#[test]
fn the_log_is_what_its_generator_prints() {
    let (mut stored, mut generated) = (Vec::new(), Vec::new());
    let file = std::fs::File::open(sample()).expect("the sample log");
    flate2::read::GzDecoder::new(file).read_to_end(&mut stored).expect("gzip");
    sample_log::write_log(&mut generated).expect("a vector grows");
    assert!(stored == generated, "run the command in examples/logs/README.md again");
}

#[test]
fn the_log_tells_four_stories() {
    let output = Command::new(env!("CARGO_BIN_EXE_nearmiss")).arg("replay").arg(sample()).output().unwrap();
    let records = String::from_utf8(output.stdout).unwrap();
    let closed: Vec<_> = records.lines().filter(|line| line.contains(r#""phase":"close""#)).collect();
    assert_eq!(closed.len(), 4, "{closed:?}");
    for (upstream, pattern, story) in [
        ("search", "concentrated", "look at host 10.0.3.6:8080."),
        ("cart", "creeping", "look at queues, pools and memory that fill up."),
        ("blog", "recurring", "11 times about every 4 min; look at jobs that run at this interval."),
        (
            "checkout",
            "sustained",
            "it became an outage 16 min after it began; look at what changed at 08:24:00 UTC.",
        ),
    ] {
        let head = format!(r#""upstream":"{upstream}","pattern":"{pattern}""#);
        assert!(
            closed.iter().any(|line| line.contains(&head) && line.contains(story)),
            "{upstream}: {closed:?}"
        );
    }
}
