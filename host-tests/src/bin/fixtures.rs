//! Runs all proxies, or the named ones, and writes the fixtures: each line they logged with its expected verdict.

use host_tests::{artifact, capture};
use std::fmt::Write;
use std::fs;

fn main() {
    let folder = artifact::root().join("filters/formats/fixtures");
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    for (name, capture) in capture::PROXIES {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        for log in capture() {
            let mut text = format!(
                "# program: {}\n# format: {}\n# log config: {}\n",
                log.program, log.format, log.log_config
            );
            text.push_str("# case\tfate\tattempts (? where the format cannot tell)\tline\n");
            for (case, expected, line) in &log.lines {
                let attempts = expected.attempts.map_or("?".into(), |attempts| attempts.to_string());
                let _ = writeln!(text, "{case}\t{}\t{attempts}\t{line}", expected.fate.name());
            }
            let option =
                log.log_config.strip_prefix("option ").map(|option| format!("-{option}")).unwrap_or_default();
            let name = format!("{}-{}{option}.tsv", log.program.replace(' ', "-"), log.format);
            let _ = fs::create_dir_all(&folder);
            fs::write(folder.join(&name), text).expect("the fixtures can be written");
            println!("{name}: {} lines", log.lines.len());
        }
    }
}
