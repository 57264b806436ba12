//! Runs all proxies, or the named ones, and writes the fixtures: each line they logged with its expected verdict.

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
            if log.log_format.is_some() || log.log_config.ends_with(" clf") {
                text.push_str("# feature: all-formats\n");
            }
            if let Some(log_format) = &log.log_format {
                let _ = writeln!(text, "# fields.log_format: {log_format}");
            }
            text.push_str("# case\tfate\tattempts (? where the format cannot tell)\tline\n");
            for (case, expected, line) in &log.lines {
                let attempts = expected.attempts.map_or("?".into(), |attempts| attempts.to_string());
                let _ = writeln!(text, "{case}\t{}\t{attempts}\t{line}", expected.fate.name());
            }
            let option = match log.log_config.strip_prefix("option ") {
                Some(option) => format!("-{}", option.replace(' ', "-")),
                None => log.log_format.as_ref().map(|_| "-log-format".to_owned()).unwrap_or_default(),
            };
            let name = format!("{}-{}{option}.tsv", log.program.replace(' ', "-"), log.format);
            let _ = fs::create_dir_all(&folder);
            fs::write(folder.join(&name), text).expect("the fixtures can be written");
            println!("{name}: {} lines", log.lines.len());
        }
    }
}
