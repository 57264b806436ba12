//! `nearmiss check`: validates a configuration and explains lines.

use crate::args::CheckArgs;
use crate::config;
use crate::display::columns::pad;
use crate::error::Error;
use crate::input::Lines;
use crate::line_counts::FORMAT_HINT;
use crate::monitor;
use crate::output::Output;
use crate::progress::Progress;
use crate::sanitize::{REPLACEMENT, replace_controls};
use core::fmt::Write;
use nearmiss::json::write::{push_millis, push_time};
use nearmiss::upstream_name;
use nearmiss::{Config, Exchange, Fate, Micros, Observed, Timestamp};
use nearmiss_formats::{Attempts, LineError, ParsedLine, Reader};
use std::path::Path;
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// Width of the column of labels.
const LABEL_WIDTH: usize = 12;
/// Maximum number of lines of a file that are explained.
const MAX_LINES: u64 = 3;

/// Validates the configuration, then explains the given line or lines.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Error> {
    let config = config::load(args.input.config.as_deref(), args.input.format)?;
    let mut output = Output::new();
    let mut reader = config::line_reader(args.input.format, &config);
    let valid = match (args.line.as_deref(), &args.input.config) {
        (Some("-"), _) => {
            let mut lines = Lines::new(Path::new("-"), Box::new(std::io::stdin().lock()));
            let mut valid = true;
            while let Some(line) = lines.next()? {
                valid &= explain(line.text, &mut reader, &config, &mut output)?;
                output.line("")?;
            }
            valid
        }
        (Some(file), _) if Path::new(file).is_file() || !looks_like_a_line(file) => {
            let progress = Progress::new(false);
            let mut lines = Lines::open(Path::new(file), &progress)?;
            let mut valid = true;
            while let Some(line) = lines.next()? {
                let is_last = line.number >= MAX_LINES;
                valid &= explain(line.text, &mut reader, &config, &mut output)?;
                output.line("")?;
                if is_last {
                    break;
                }
            }
            output.line(&format!(
                "These are the first lines of {file}; `nearmiss replay {file}` reads all of it."
            ))?;
            valid
        }
        (Some(line), _) => explain(line.as_bytes(), &mut reader, &config, &mut output)?,
        (None, Some(path)) => {
            output.line(&format!("{}: valid", path.display()))?;
            true
        }
        (None, None) => return Err(Error::NothingToCheck),
    };
    output.flush()?;
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns true for text with spaces and for JSON; anything else is the name of a file.
fn looks_like_a_line(text: &str) -> bool {
    text.contains(char::is_whitespace) || text.starts_with('{')
}

/// Explains `line`; returns false if it is unreadable.
fn explain(line: &[u8], reader: &mut Reader, config: &Config, output: &mut Output) -> Result<bool, Error> {
    let mut attempts = Attempts::default();
    let read = reader.read(line, &mut attempts);
    let mut explanation = Explanation::default();
    let valid = match read {
        Ok(ParsedLine::Exchange(exchange)) => {
            let mut monitor = monitor::new(config.clone(), "check");
            let observed = monitor.observe(&exchange);
            explanation.exchange(&exchange);
            explanation.verdict(&observed, monitor.explain(&exchange, &observed.verdict));
            true
        }
        Ok(ParsedLine::Judged(judged)) => {
            explanation.add("upstream", judged.upstream.unwrap_or("unknown"));
            explanation.add("fate", judged.fate.name());
            explanation.add("why", "already judged by another nearmiss; counted, not judged again");
            true
        }
        Ok(ParsedLine::LeftOut(why)) => {
            explanation.add("left out", why);
            true
        }
        Ok(ParsedLine::Other(kind)) => {
            explanation.add("other line", kind.to_string());
            true
        }
        Err(error) => {
            explanation.error(line, &error);
            false
        }
    };
    output.line(&format!("{}{}", pad("format", LABEL_WIDTH), reader.format()))?;
    output.line(explanation.0.trim_end())?;
    Ok(valid)
}

/// The explanation of one line: a row per field, then the unknown fields.
#[derive(Default)]
struct Explanation(String);

impl Explanation {
    fn add(&mut self, name: &str, value: impl core::fmt::Display) {
        let _ = writeln!(
            self.0,
            "{}{}",
            pad(name, LABEL_WIDTH),
            replace_controls(&value.to_string(), REPLACEMENT)
        );
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let mut unknown = Vec::new();
        self.add("ended", time(exchange.ts));
        let name = upstream_name(exchange.upstream);
        match &*name {
            "none" => self.add("upstream", "none: no upstream was called, so there is nothing to judge"),
            name if name == exchange.upstream => self.add("upstream", name),
            name => self.add("upstream", format_args!("{name} (logged as {})", exchange.upstream)),
        }
        self.add("status", exchange.status);
        match exchange.duration {
            zero if exchange.stream && zero == Micros::default() => unknown.push("duration"),
            duration => self.add("duration", millis(duration)),
        }
        let mut optional = |name: &'static str, value: Option<String>| match value {
            Some(value) => self.add(name, value),
            None => unknown.push(name),
        };
        optional("host", exchange.host.map(Into::into));
        optional("route", exchange.route.map(Into::into));
        optional("attempts", exchange.attempts.map(|attempts| attempts.to_string()));
        optional("max attempts", exchange.max_attempts.map(|attempts| attempts.to_string()));
        optional("timeout", exchange.timeout.map(millis));
        optional("deadline", exchange.deadline.map(millis));
        optional("bytes", exchange.bytes.map(|bytes| bytes.to_string()));
        let rare = [
            ("cache", exchange.cache_status.map(Into::into)),
            ("proxy", exchange.proxy_status.map(Into::into)),
            ("state", exchange.termination_state.map(Into::into)),
            ("reason", exchange.reason.map(Into::into)),
            ("rejected", exchange.rejected.then(|| "a policy of the proxy rejected the request".into())),
            ("queued", exchange.pool.then(|| "the request waited for a connection".into())),
            ("gRPC status", exchange.grpc_status.map(|status| status.to_string())),
            ("client try", exchange.client_attempt.map(|attempt| attempt.to_string())),
            ("substitute", exchange.substitute.map(|substitute| format!("{substitute:?}").to_lowercase())),
            ("quota", exchange.quota.map(|quota| format!("{} of {} left", quota.remaining, quota.limit))),
            ("partial", exchange.partial.then(|| "part of the response failed or is missing".into())),
            ("aborted", exchange.aborted.then(|| "the client disconnected".into())),
            ("stream", exchange.stream.then(|| "the duration of a stream is not judged".into())),
        ];
        for (name, value) in rare {
            if let Some(value) = value {
                self.add(name, value);
            }
        }
        let flags: Vec<_> = exchange.flags.names().collect();
        if !flags.is_empty() {
            self.add("flags", flags.join(","));
        }
        for attempt in exchange.attempt_log {
            let status = attempt.status.map_or("no answer".into(), |status| status.to_string());
            let duration =
                attempt.duration.map_or(String::new(), |duration| format!(" after {}", millis(duration)));
            self.add(
                "attempt",
                format_args!("{} {status}{duration}", attempt.host.unwrap_or("unknown host")),
            );
        }
        if !unknown.is_empty() {
            self.add("unknown", unknown.join(", "));
        }
    }

    fn verdict(&mut self, observed: &Observed, sentence: String) {
        let verdict = &observed.verdict;
        self.add("fate", verdict.fate.name());
        let signals: Vec<_> = verdict.signals.names().collect();
        if !signals.is_empty() {
            self.add("signals", signals.join(", "));
        }
        match verdict.margin_bp() {
            Some(margin) => self.add("margin", format_args!("{}.{:02} %", margin / 100, margin % 100)),
            None => self.add("margin", "unknown: no limit is known"),
        }
        let why = if verdict.fate == Fate::Clean {
            "no sign of a safety net; slowness can only be judged against earlier exchanges"
        } else {
            &sentence
        };
        self.add("why", why);
    }

    /// Adds the error and marks its position in the line.
    fn error(&mut self, line: &[u8], error: &LineError) {
        const BEFORE: usize = 40;
        self.add("unreadable", error.with_advice(FORMAT_HINT));
        let from = error.offset.saturating_sub(BEFORE);
        let show = |bytes: &[u8]| -> String { replace_controls(&String::from_utf8_lossy(bytes), ' ') };
        let before = show(line.get(from..error.offset).unwrap_or_default());
        let after: String = show(line.get(error.offset..).unwrap_or_default()).chars().take(BEFORE).collect();
        self.add("line", format_args!("{before}{after}"));
        self.add("", format_args!("{}^ here", " ".repeat(before.width())));
    }
}

fn millis(span: Micros) -> String {
    let mut text = String::new();
    push_millis(&mut text, span);
    text + " ms"
}

/// Formats a time after RFC 3339, in UTC, to the microsecond.
fn time(ts: Timestamp) -> String {
    let mut text = String::new();
    push_time(&mut text, ts);
    text.pop();
    format!("{text}{:03}Z", ts.micros() % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_stands_below_the_error_after_wide_characters() {
        let line = "{\"upstream\":\"購物車\",}".as_bytes();
        let error =
            Reader::new(nearmiss_formats::Format::Exchange).read(line, &mut Attempts::default()).unwrap_err();
        let mut explanation = Explanation::default();
        explanation.error(line, &error);
        let shown = String::from_utf8_lossy(&line[..error.offset]).width();
        let marker = explanation.0.lines().last().unwrap().split_once('^').unwrap().0;
        assert!(error.offset > 20, "{}", error.offset);
        assert_eq!(marker.width(), LABEL_WIDTH + shown, "{}", explanation.0);
    }

    #[test]
    fn a_time_round_trips() {
        for text in [
            "1970-01-01T00:00:00.000000Z",
            "2024-02-29T23:59:59.999999Z",
            "2026-11-23T08:47:50.310000Z",
            "2100-03-01T00:00:00.000001Z",
        ] {
            assert_eq!(time(nearmiss_formats::timestamp(text.as_bytes()).unwrap()), text);
        }
    }
}
