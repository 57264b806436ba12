//! Prints the sample log of `examples/logs`: forty-eight minutes of a shop in nginx's format, the same bytes in every run.
//!
//! `search` has one bad host for a quarter of an hour, `blog` serves stale pages for ten seconds every four minutes, `cart` becomes slower
//! and slower until it restarts, and `checkout` needs more and more retries until it fails.

use std::io::{BufWriter, Write};

/// The log begins at 2026-11-23 08:00:00 UTC.
const SECONDS: u32 = 48 * 60;

fn main() -> std::io::Result<()> {
    write_log(&mut BufWriter::new(std::io::stdout().lock()))
}

/// Writes the log.
pub(crate) fn write_log(out: &mut impl Write) -> std::io::Result<()> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for second in 0..SECONDS {
        for _ in 0..3 {
            search(&mut random, second).write(out, second, "search", "/search?q=…")?;
        }
        for _ in 0..2 {
            cart(&mut random, second).write(out, second, "cart", "/cart")?;
            checkout(&mut random, second).write(out, second, "checkout", "/checkout")?;
        }
        blog(&mut random, second).write(out, second, "blog", "/blog")?;
    }
    Ok(())
}

/// One request, with its attempts in order: host, status, milliseconds.
struct Request {
    attempts: Vec<(String, u16, u32)>,
    cache: &'static str,
}

impl Request {
    fn of(attempts: Vec<(String, u16, u32)>) -> Self {
        Self { attempts, cache: "-" }
    }

    fn write(&self, out: &mut impl Write, second: u32, upstream: &str, path: &str) -> std::io::Result<()> {
        let list = |part: &dyn Fn(&(String, u16, u32)) -> String| {
            self.attempts.iter().map(part).collect::<Vec<_>>().join(", ")
        };
        let seconds = |millis: u32| format!("{}.{:03}", millis / 1_000, millis % 1_000);
        let path = path.split('?').next().unwrap_or_default();
        let status = self.attempts.last().map_or(502, |(_, status, _)| *status);
        let status = if self.cache == "STALE" { 200 } else { status };
        let total: u32 = self.attempts.iter().map(|(_, _, millis)| *millis).sum();
        writeln!(
            out,
            r#"203.0.113.{} - - [23/Nov/2026:08:{:02}:{:02} +0000] "GET {path} HTTP/1.1" {status} {} "-" "Mozilla/5.0" rt={} urt="{}" ua="{}" us="{}" ucs="{}" upstream="{upstream}""#,
            9 + second % 40,
            second / 60,
            second % 60,
            400 + total * 7 % 900,
            seconds(total + 1),
            list(&|(_, _, millis)| seconds(*millis)),
            list(&|(host, _, _)| host.clone()),
            list(&|(_, status, _)| status.to_string()),
            self.cache,
        )
    }
}

/// One of three hosts fails a third of its attempts from minute 15 to minute 30; the next host answers.
fn search(random: &mut Random, second: u32) -> Request {
    let host = 6 + random.below(3);
    let is_bad = host == 6 && (15..30).contains(&(second / 60)) && random.below(3) == 0;
    let answer = |host: u32, millis: u32| (format!("10.0.3.{host}:8080"), 200, millis);
    let millis = 60 + random.jitter(40);
    match is_bad {
        false => Request::of(vec![answer(host, millis)]),
        true => Request::of(vec![(format!("10.0.3.{host}:8080"), 502, 3), answer(host + 1, millis)]),
    }
}

/// From minute 14 to 34, every response is slower than those a minute before; then the service restarts.
fn cart(random: &mut Random, second: u32) -> Request {
    let leaking = if (14..34).contains(&(second / 60)) { second - 14 * 60 } else { 0 };
    let millis = 40 + leaking / 4 + random.jitter(25);
    Request::of(vec![(format!("10.0.1.{}:8080", 1 + random.below(4)), 200, millis)])
}

/// From minute 24 on, more and more first attempts fail; from minute 40 to 44 the second ones fail too.
fn checkout(random: &mut Random, second: u32) -> Request {
    let minute = second / 60;
    let percent = if (24..44).contains(&minute) { 4 + (minute - 24) * 4 } else { 0 };
    let host = 1 + random.below(4);
    let attempt = |host: u32, status: u16, millis: u32| (format!("10.0.2.{host}:8080"), status, millis);
    let millis = 90 + random.jitter(60);
    if random.below(100) >= percent {
        return Request::of(vec![attempt(host, 200, millis)]);
    }
    let second_try = if minute >= 40 { 502 } else { 200 };
    Request::of(vec![attempt(host, 502, 5), attempt(host % 4 + 1, second_try, millis)])
}

/// For ten seconds every four minutes the origin does not answer, and the cache serves an expired page.
fn blog(random: &mut Random, second: u32) -> Request {
    let millis = 25 + random.jitter(20);
    let host = "10.0.4.1:8080".to_owned();
    if second % 240 < 230 {
        return Request::of(vec![(host, 200, millis)]);
    }
    Request { attempts: vec![(host, 504, 1_000)], cache: "STALE" }
}

/// A generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as u32 % bound
    }

    /// Returns a number below `bound`, and now and then several times as much: the long tail of response times.
    fn jitter(&mut self, bound: u32) -> u32 {
        let tail = if self.below(50) == 0 { 3 } else { 1 };
        self.below(bound) * tail
    }
}
