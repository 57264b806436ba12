//! Plays every proxy, or those named, and checks in what it logged, with the verdict that stands beside each line.

use host_tests::{artifact, capture};
use std::fmt::Write;
use std::fs;

fn main() {
    let folder = artifact::root().join("filters/formats/fixtures");
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    for (name, play) in capture::PROGRAMS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        for logged in play() {
            let mut text = format!(
                "# program: {}\n# format: {}\n# told: {}\n",
                logged.program, logged.format, logged.told
            );
            text.push_str("# case\tfate\tattempts (? where the format cannot tell)\tline\n");
            for (case, expected, line) in &logged.lines {
                let attempts = expected.attempts.map_or("?".into(), |attempts| attempts.to_string());
                let _ = writeln!(text, "{case}\t{}\t{attempts}\t{line}", expected.fate.name());
            }
            let told =
                logged.told.strip_prefix("option ").map(|option| format!("-{option}")).unwrap_or_default();
            let name = format!("{}-{}{told}.tsv", logged.program.replace(' ', "-"), logged.format);
            let _ = fs::create_dir_all(&folder);
            fs::write(folder.join(&name), text).expect("the fixtures can be written");
            println!("{name}: {} lines", logged.lines.len());
        }
    }
}
