//! Prefixes that log tools put before a line: those of container runtimes, `kubectl`, compose, stern, syslog and journald.

use crate::swar::contains;
use crate::time;
use nearmiss::Timestamp;

/// Length of a line's start that is searched for a prefix, in bytes.
const MAX_PREFIX: usize = 300;

/// Length of a date such as `2026-11-23`.
const DATE_LENGTH: usize = 10;

/// A line in the log file of a Kubernetes container runtime (CRI).
pub(crate) struct CriLine<'a> {
    pub(crate) text: &'a [u8],
    /// The time in the prefix.
    pub(crate) time: &'a [u8],
    /// True for standard error, false for standard output.
    pub(crate) is_stderr: bool,
    /// True if the next line of the same stream continues this one.
    pub(crate) is_partial: bool,
}

/// Reads the prefix of container runtimes, such as `2026-11-23T08:00:00.1Z stdout F `.
pub(crate) fn cri(line: &[u8]) -> Option<CriLine<'_>> {
    let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T', ..] = line else { return None };
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let (time, stream, tag, text) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let is_cri =
        matches!(stream, b"stdout" | b"stderr") && matches!(tag, [b'F' | b'P'] | [b'F' | b'P', b':', ..]);
    is_cri.then_some(CriLine {
        text,
        time,
        is_stderr: stream == b"stderr",
        is_partial: tag.starts_with(b"P"),
    })
}

/// Returns the first time with a date and a year in a prefix; date and time may be separate words. In a build for a log pipeline,
/// which has a time for each record, there is none.
pub(crate) fn time_in(prefix: &[u8]) -> Option<Timestamp> {
    if !cfg!(feature = "all-formats") {
        return None;
    }
    let mut rest = prefix;
    loop {
        let end = word_end(rest, 0);
        if matches!(rest, [b'0'..=b'9', _, _, _, b'-' | b'/', _, _, b'-' | b'/', ..]) {
            let end = if end > DATE_LENGTH { end } else { word_end(rest, end + 1) };
            let zone_end = word_end(rest, end + 1);
            return match rest.get(end + 1..zone_end).unwrap_or_default() {
                [b'+' | b'-', b'0'..=b'9', ..] => time::parse(rest.get(..zone_end)?),
                // Only the machine that wrote the line knows how far such a zone is from UTC.
                zone if is_abbreviated_zone(zone) => None,
                _ => time::parse(rest.get(..end)?),
            };
        }
        rest = rest.get(end + 1..)?;
    }
}

/// Returns true for the abbreviation of a zone, such as `CET` or `AEST`, other than UTC's.
fn is_abbreviated_zone(word: &[u8]) -> bool {
    matches!(word.len(), 3 | 4)
        && word.ends_with(b"T")
        && word.iter().all(u8::is_ascii_uppercase)
        && word != b"GMT"
}

/// Returns the end of the word at `from`: the next space or tab, or the end of the text.
fn word_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).map_or(text.len(), |length| from + length)
}

/// Returns the line after a prefix that no format begins with.
pub(crate) fn strip_certain(line: &[u8]) -> Option<&[u8]> {
    let (head, _) = line.split_at_checked(MAX_PREFIX).unwrap_or((line, &[]));
    let length = escape_sequence(head)
        .or_else(|| bracketed_pod(head))
        .or_else(|| compose(head))
        .or_else(|| spaces(head))
        .or_else(|| syslog_5424(head))
        .or_else(|| syslog(head).filter(|_| head.starts_with(b"<")))
        .or_else(|| {
            timestamp(head).filter(|end| head.get(..*end).is_some_and(|head| head.ends_with(b"} ")))
        })?;
    line.get(length..).filter(|rest| length > 0 && !rest.is_empty())
}

/// Returns the line after one prefix; `None` if there is none that is known.
pub(crate) fn strip(line: &[u8]) -> Option<&[u8]> {
    let (head, _) = line.split_at_checked(MAX_PREFIX).unwrap_or((line, &[]));
    let length = escape_sequence(head)
        .or_else(|| spaces(head))
        .or_else(|| cri(line).map(|cri| line.len() - cri.text.len()))
        .or_else(|| bracketed_pod(head))
        .or_else(|| compose(head))
        .or_else(|| syslog_5424(head))
        .or_else(|| syslog(head))
        .or_else(|| timestamp(head))
        .or_else(|| pod_and_container(head))
        .or_else(|| any_text(head))?;
    let rest = line.get(length..)?;
    (length > 0 && !rest.is_empty()).then_some(rest)
}

/// Matches spaces and tabs.
fn spaces(line: &[u8]) -> Option<usize> {
    let length = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (length > 0).then_some(length)
}

/// Matches any text without quotes and braces before a JSON object or the bracketed time that Envoy's lines begin with, and a text in
/// brackets before anything: the prefixes of kubetail, kail, `aws logs tail`, `journalctl -o short-monotonic`, `grep` and others.
fn any_text(line: &[u8]) -> Option<usize> {
    let end = line.iter().position(|byte| matches!(byte, b'"' | b'{')).unwrap_or(line.len());
    let (before, after) = line.split_at_checked(end)?;
    if after.starts_with(b"{\"") {
        return (end > 0).then_some(end);
    }
    let bracket = before.iter().rposition(|byte| *byte == b'[').filter(|at| *at > 0);
    if let Some(at) = bracket
        && let Some(inside) = before.get(at + 1..).and_then(|rest| rest.strip_suffix(b"] "))
        && time::rfc3339(inside).is_some()
    {
        return Some(at);
    }
    let inside = line.strip_prefix(b"[")?;
    let close = inside.iter().position(|byte| *byte == b']')?;
    let may_be_time = inside.get(..close).is_some_and(|inside| contains(inside, b':'));
    (!may_be_time && inside.get(close + 1) == Some(&b' ')).then_some(close + 3)
}

/// Matches a terminal's colour: `ESC [ … m`.
fn escape_sequence(line: &[u8]) -> Option<usize> {
    let inside = line.strip_prefix(b"\x1b[")?;
    let end = inside.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';')?;
    (inside.get(end) == Some(&b'm')).then_some(end + 3)
}

/// Matches `kubectl logs --prefix`: `[pod/NAME/CONTAINER] `.
fn bracketed_pod(line: &[u8]) -> Option<usize> {
    let inside = line.strip_prefix(b"[")?;
    let end = inside.iter().position(|byte| *byte == b']')?;
    let name = inside.get(..end)?;
    let is_name = contains(name, b'/') && name.iter().all(|byte| is_name(*byte) || *byte == b'/');
    (is_name && inside.get(end + 1) == Some(&b' ')).then_some(end + 3)
}

/// Matches compose and `docker service logs`: `web-1  | `, `web.1.abc@node    | `.
fn compose(line: &[u8]) -> Option<usize> {
    let end = line.iter().position(|byte| !is_name(*byte))?;
    let after = after_colours_and_spaces(line, end);
    let is_compose = end > 0 && line.get(after) == Some(&b'|');
    is_compose.then(|| after_colours_and_spaces(line, after + 1))
}

fn after_colours_and_spaces(line: &[u8], mut at: usize) -> usize {
    loop {
        let rest = line.get(at..).unwrap_or_default();
        match (rest, escape_sequence(rest)) {
            ([b' ', ..], _) => at += 1,
            (_, Some(length)) => at += length,
            _ => return at,
        }
    }
}

/// Matches RFC 5424: `<190>1 TIME HOST APP PROCID MSGID STRUCTURED-DATA `.
fn syslog_5424(line: &[u8]) -> Option<usize> {
    // Over TCP, the length of the message may come first.
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let frame = if digits > 0 { digits + 1 } else { 0 };
    let version = frame + priority(line.get(frame..)?)?;
    let mut at = version + line.get(version..)?.strip_prefix(b"1 ").map(|_| 2)?;
    for _ in 0..5 {
        at = next_word(line, at)?;
    }
    if line.get(at) != Some(&b'[') {
        let after = (line.get(at) == Some(&b'-')).then(|| next_word(line, at)).flatten();
        return after.map(|after| bom_end(line, after));
    }
    loop {
        let (mut quoted, mut end) = (false, at);
        loop {
            match line.get(end)? {
                b'\\' => end += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
            end += 1;
        }
        match line.get(end + 1)? {
            b'[' => at = end + 1,
            b' ' => return Some(bom_end(line, end + 2)),
            _ => return None,
        }
    }
}

/// Matches RFC 3164, rsyslog's files and journald: `<190>Oct 25 12:53:53 HOST TAG[PID]: `, also with an RFC 3339 time, and
/// without host or priority.
fn syslog(line: &[u8]) -> Option<usize> {
    let mut at = priority(line).unwrap_or(0);
    at = syslog_time(line, at)?;
    // A host and a tag, or the tag alone. The tag ends with a colon.
    for _ in 0..3 {
        let end = next_word(line, at)?;
        let word = line.get(at..end)?.trim_ascii_end();
        let (tag, has_colon) = word.strip_suffix(b":").map_or((word, false), |tag| (tag, true));
        if !tag.iter().all(|byte| is_name(*byte) || matches!(byte, b'[' | b']' | b'/' | b'(' | b')')) {
            return None;
        }
        at = end;
        if has_colon {
            return Some(bom_end(line, at));
        }
    }
    None
}

/// Returns the end of the time of a syslog or journald line.
fn syslog_time(line: &[u8], at: usize) -> Option<usize> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    let rest = line.get(at..)?;
    if rest.get(..3).is_some_and(|name| time::month_named(name).is_some()) {
        let day = next_word(line, at)?;
        let mut end = next_word(line, day)?;
        if line.get(end..end + 4)?.iter().all(u8::is_ascii_digit) {
            // Cisco and some daemons write the year.
            end = next_word(line, end)?;
        }
        let is_time = line.get(end + 2) == Some(&b':') && line.get(end + 5) == Some(&b':');
        return if is_time { next_word(line, end) } else { None };
    }
    if rest.get(..3).is_some_and(|name| DAYS.contains(&name)) {
        // journald's `short-full`: `Mon 2026-11-23 08:00:00 UTC`.
        let date = next_word(line, at)?;
        let clock = next_word(line, date)?;
        return next_word(line, next_word(line, clock)?);
    }
    let end = next_word(line, at)?;
    let word = line.get(at..end)?.trim_ascii_end();
    let is_time = word.len() > 9 && (time::rfc3339(word).is_some() || time::parse(word).is_some());
    is_time.then_some(end)
}

/// Matches a time alone, as `kubectl logs --timestamps` and `docker logs -t` write it; with an offset of `logcli`'s labels:
/// `TIME {app="web"} `.
fn timestamp(line: &[u8]) -> Option<usize> {
    let end = next_word(line, 0)?;
    let word = line.get(..end)?.trim_ascii_end();
    if word.len() < 19 || time::rfc3339(word).is_none() {
        return None;
    }
    let labels = line.get(end..)?;
    if labels.starts_with(b"{") && !labels.starts_with(b"{\"") {
        let close = labels.windows(2).position(|pair| pair == b"} ")?;
        let labels = labels.get(..close)?;
        if labels == b"{" || labels.windows(2).any(|pair| pair == b"=\"") {
            return Some(end + close + 2);
        }
    }
    Some(end)
}

/// Matches stern: `POD CONTAINER `, or `NAMESPACE POD CONTAINER `, before JSON or brackets or an address. Names of pods have
/// a hyphen and no dot.
fn pod_and_container(line: &[u8]) -> Option<usize> {
    let is_label = |word: &[u8]| {
        word.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
            && word.first().is_some_and(u8::is_ascii_alphanumeric)
            && word.iter().any(u8::is_ascii_lowercase)
    };
    let (mut at, mut words, mut has_pod) = (0, 0, false);
    while words < 3 {
        let Some(end) = next_word(line, at) else { break };
        let word = line.get(at..end)?.trim_ascii_end();
        // The line of an AWS load balancer begins with the protocol.
        if !is_label(word) || matches!(word, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss") {
            break;
        }
        has_pod |= contains(word, b'-');
        (at, words) = (end, words + 1);
    }
    (words >= 2 && has_pod).then_some(at)
}

/// Returns the end of a priority such as `<190>`.
fn priority(line: &[u8]) -> Option<usize> {
    let inside = line.strip_prefix(b"<")?;
    let digits = inside.iter().position(|byte| !byte.is_ascii_digit())?;
    (matches!(digits, 1..=3) && inside.get(digits) == Some(&b'>')).then_some(digits + 2)
}

/// Returns the offset of the word after the one at `at`.
fn next_word(line: &[u8], at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let spaces = rest.get(end..)?.iter().position(|byte| *byte != b' ')?;
    (end > 0).then_some(at + end + spaces)
}

/// Returns the offset after a byte order mark at `at`.
fn bom_end(line: &[u8], at: usize) -> usize {
    if line.get(at..).is_some_and(|rest| rest.starts_with(b"\xef\xbb\xbf")) { at + 3 } else { at }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_is_stripped() {
        for (prefix, text) in [
            ("2026-11-23T08:00:00.1Z stdout F ", "[2026-"),
            ("[pod/web-7d5f/nginx] ", "10.0.0.1 -"),
            ("web-1  | ", "{\"a\":1}"),
            ("shop_web_1 | ", "{\"a\":1}"),
            ("web.1.x7a@node-2    | ", "10.0.0.1 -"),
            ("\u{1b}[36mweb-1  |\u{1b}[0m ", "{\"a\":1}"),
            ("<190>Oct 25 12:53:53 web1 nginx: ", "{\"a\":1}"),
            ("<190>Oct  5 12:53:53 nginx: ", "{\"a\":1}"),
            ("Nov 23 08:00:00 lb1 haproxy[77]: ", "10.0.0.1:80 ["),
            ("2026-11-23T08:00:00.123456+00:00 lb1 haproxy[77]: ", "10.0.0.1:80 ["),
            ("Mon 2026-11-23 08:00:00 UTC lb1 nginx[77]: ", "10.0.0.1 -"),
            ("1795420800.123456 lb1 nginx[77]: ", "10.0.0.1 -"),
            ("<134>1 2026-11-23T08:00:00Z lb1 nginx 77 - - ", "{\"a\":1}"),
            ("<134>1 2026-11-23T08:00:00Z lb1 nginx 77 ID [x@1 a=\"]\"][y b=\"c\"] ", "{\"a\":1}"),
            ("2026-11-23T08:00:00.123456789Z ", "{\"a\":1}"),
            ("2026-11-23T08:00:00Z {app=\"web\", pod=\"a\"} ", "10.0.0.1 -"),
            ("web-7d5f-x2 nginx ", "{\"a\":1}"),
            ("shop web-7d5f-x2 nginx ", "[2026-"),
            ("<134>1 2026-11-23T08:00:00Z lb1 nginx - - - \u{feff}", "{\"a\":1}"),
            ("148 <134>1 2026-11-23T08:00:00Z lb1 nginx - - - ", "{\"a\":1}"),
            ("[web-7d5f-x2] ", "10.0.0.1 -"),
            ("[web-7d5f-x2 nginx] ", "{\"a\":1}"),
            ("[ 1234.567890] lb1 nginx[77]: ", "{\"a\":1}"),
            ("shop/web-7d5f-x2[nginx]: ", "{\"a\":1}"),
            ("2026-11-23T08:00:00.123000+00:00 ecs/web/0f3a ", "{\"a\":1}"),
            ("access.log:", "{\"a\":1}"),
            ("ACCESS ", "[2026-11-23T08:00:00.123Z] \"GET"),
            ("08:00:00 web.1  | ", "[2026-11-23T08:00:00.123Z] \"GET"),
            (" \t ", "10.0.0.1 -"),
        ] {
            let mut line = alloc::format!("{prefix}{text}").into_bytes();
            while let Some(rest) = strip(&line) {
                line = rest.to_vec();
            }
            assert_eq!(alloc::string::String::from_utf8_lossy(&line), text, "{prefix}");
        }
    }

    #[test]
    #[cfg(feature = "all-formats")]
    fn the_time_of_a_prefix_has_a_year() {
        let time = Timestamp::from_micros(1_795_420_800_100_000);
        for prefix in [
            "2026-11-23T08:00:00.1Z stdout F ",
            "2026-11-23T08:00:00.1Z ",
            "<134>1 2026-11-23T08:00:00.1Z lb1 nginx 77 - - ",
            "Mon 2026-11-23 08:00:00.1 UTC lb1 nginx[77]: ",
            "2026/11/23 08:00:00.1\tINFO\thttp.log.access.log0\thandled request\t",
        ] {
            assert_eq!(time_in(prefix.as_bytes()), Some(time), "{prefix}");
        }
        let offset = "2026-11-23 09:00:00.1 +0100 nginx.access: ";
        assert_eq!(time_in(offset.as_bytes()), Some(time), "fluentd's zone");
        let local = "Mon 2026-11-23 09:00:00 CET lb1 nginx[77]: ";
        for prefix in [local, "<190>Oct 25 12:53:53 web1 nginx: ", "web-1  | ", "", " "] {
            assert_eq!(time_in(prefix.as_bytes()), None, "{prefix}");
        }
    }

    #[test]
    fn lines_without_a_prefix_stay_whole() {
        for line in [
            "",
            "{\"a\": 1}",
            "10.0.0.1 - - [23/Nov/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            "web.example.com 10.0.0.1 - -",
            "[23/Nov/2026:08:00:00 +0000] x",
            "hello world",
        ] {
            assert_eq!(strip(line.as_bytes()), None, "{line}");
        }
    }
}
