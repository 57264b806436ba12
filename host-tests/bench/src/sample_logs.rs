//! Sample logs: twelve upstreams, a thousand lines per second.

use std::fmt::Write as _;

const UPSTREAMS: [&str; 12] =
    ["cart", "ledger", "search", "user", "mail", "auth", "stock", "price", "img", "cms", "tax", "geo"];

/// Returns the exchange of line `number`: upstream, host, milliseconds, attempts, status. One in a hundred was retried, one
/// in five hundred failed.
fn sample(number: u64) -> (&'static str, u64, u64, u32, u16) {
    let noise = (number ^ number >> 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let upstream = UPSTREAMS[(noise % 12) as usize];
    let status = if noise % 500 == 7 { 503 } else { 200 };
    let attempts = if noise % 100 == 3 { 2 } else { 1 };
    (upstream, noise / 12 % 9 + 1, 5 + noise / 128 % 40, attempts, status)
}

pub(super) fn exchange_line(text: &mut String, number: u64) {
    let (upstream, host, millis, attempts, status) = sample(number);
    let (seconds, micros) = (1_795_420_800 + number / 1_000, number % 1_000 * 1_000);
    let _ = write!(
        text,
        r#"{{"ts":{seconds}.{micros:06},"upstream":"{upstream}","host":"10.0.0.{host}:80","route":"r{}","status":{status},"duration_ms":{millis}.25"#,
        number % 5
    );
    if attempts > 1 {
        let _ = write!(
            text,
            r#","attempts":2,"attempt_log":[{{"host":"10.0.0.77:80","status":503,"duration_ms":3.1}},{{"host":"10.0.0.{host}:80","status":{status},"duration_ms":{millis}}}]"#
        );
    }
    text.push_str("}\n");
}

pub(super) fn nginx_line(text: &mut String, number: u64) {
    let (upstream, host, millis, attempts, status) = sample(number);
    let seconds = number / 1_000 % 3_600;
    let (first, code, time) =
        if attempts > 1 { ("10.0.0.77:80, ", "502, ", "0.001, ") } else { ("", "", "") };
    let _ = writeln!(
        text,
        r#"10.0.0.9 - - [23/Nov/2026:08:{:02}:{:02} +0000] "GET /p/{} HTTP/1.1" {status} {} "-" "Mozilla/5.0 (X11; Linux x86_64) curl/8" rt=0.{millis:03} uct="{time}0.001" uht="{time}0.{millis:03}" urt="{time}0.{millis:03}" ua="{first}10.0.0.{host}:80" us="{code}{status}" ucs="-" upstream="{upstream}""#,
        seconds / 60,
        seconds % 60,
        number % 977,
        millis * 31
    );
}
