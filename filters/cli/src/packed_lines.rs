//! Parsed lines that own what they say, so that one thread can parse them and another one judge them.

use nearmiss::{Attempt, Exchange, Fate, MAX_ATTEMPT_LOG, Timestamp};
use nearmiss_formats::{JoinKey, LineError, OtherLine, ParsedLine, PriorVerdict};

/// Parsed lines in order.
#[derive(Debug, Default)]
pub(crate) struct PackedLines {
    /// All texts, one behind the other.
    texts: String,
    attempts: Vec<PackedAttempt>,
    lines: Vec<PackedLine>,
}

/// A parsed line.
#[derive(Debug)]
struct PackedLine {
    key: JoinKey,
    read: Result<PackedRead, LineError>,
}

/// A parsed line that was read without an error.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every line is an exchange, and a box for each would cost more"
)]
enum PackedRead {
    Exchange(PackedExchange),
    Judged { ts: Option<Timestamp>, upstream: Option<Text>, fate: Fate },
    LeftOut(&'static str),
    Other(OtherLine),
}

#[derive(Debug)]
struct PackedExchange {
    /// Everything but the texts and the attempts.
    numbers: Exchange<'static>,
    upstream: Text,
    host: Option<Text>,
    route: Option<Text>,
    termination_state: Option<Text>,
    reason: Option<Text>,
    cache_status: Option<Text>,
    proxy_status: Option<Text>,
    trace_id: Option<Text>,
    /// Range of the attempts.
    attempts: (usize, usize),
}

#[derive(Debug)]
struct PackedAttempt {
    /// Everything but the texts.
    numbers: Attempt<'static>,
    host: Option<Text>,
    reason: Option<Text>,
}

/// Range of a text.
#[derive(Clone, Copy, Debug)]
struct Text(usize, usize);

impl PackedLines {
    /// Returns an empty list with room for `lines` lines.
    pub(crate) fn with_capacity(lines: usize) -> Self {
        Self { lines: Vec::with_capacity(lines), ..Self::default() }
    }

    /// Adds a line with its key.
    pub(crate) fn push(&mut self, read: Result<ParsedLine<'_>, LineError>, key: &JoinKey) {
        let read = read.map(|read| match read {
            ParsedLine::Exchange(exchange) => PackedRead::Exchange(self.pack(&exchange)),
            ParsedLine::Judged(PriorVerdict { ts, upstream, fate }) => {
                PackedRead::Judged { ts, upstream: self.text(upstream), fate }
            }
            ParsedLine::LeftOut(what) => PackedRead::LeftOut(what),
            ParsedLine::Other(kind) => PackedRead::Other(kind),
        });
        self.lines.push(PackedLine { key: key.clone(), read });
    }

    /// Passes every line to `each`, with its key.
    pub(crate) fn for_each<E>(
        self,
        mut each: impl FnMut(Result<ParsedLine<'_>, LineError>, &JoinKey) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { texts, attempts, lines } = self;
        let text = |text: Option<Text>| text.and_then(|Text(start, end)| texts.get(start..end));
        for PackedLine { key, read } in lines {
            let mut log = [Attempt::default(); MAX_ATTEMPT_LOG];
            let read = read.map(|read| match read {
                PackedRead::Exchange(packed) => {
                    let (start, end) = packed.attempts;
                    let kept = attempts.get(start..end).unwrap_or_default();
                    for (to, from) in log.iter_mut().zip(kept) {
                        *to = Attempt { host: text(from.host), reason: text(from.reason), ..from.numbers };
                    }
                    ParsedLine::Exchange(Exchange {
                        upstream: text(Some(packed.upstream)).unwrap_or_default(),
                        host: text(packed.host),
                        route: text(packed.route),
                        termination_state: text(packed.termination_state),
                        reason: text(packed.reason),
                        cache_status: text(packed.cache_status),
                        proxy_status: text(packed.proxy_status),
                        trace_id: text(packed.trace_id),
                        attempt_log: log.get(..kept.len()).unwrap_or(&log),
                        ..packed.numbers
                    })
                }
                PackedRead::Judged { ts, upstream, fate } => {
                    ParsedLine::Judged(PriorVerdict { ts, upstream: text(upstream), fate })
                }
                PackedRead::LeftOut(what) => ParsedLine::LeftOut(what),
                PackedRead::Other(kind) => ParsedLine::Other(kind),
            });
            each(read, &key)?;
        }
        Ok(())
    }

    fn pack(&mut self, exchange: &Exchange<'_>) -> PackedExchange {
        // Every field is named, so that none is forgotten.
        let &Exchange {
            ts,
            upstream,
            host,
            route,
            status,
            duration,
            attempts,
            max_attempts,
            timeout,
            deadline,
            timeout_used,
            deadline_used,
            service,
            flags,
            termination_state,
            reason,
            grpc_status,
            bytes,
            partial,
            aborted,
            hedged,
            rejected,
            fail_open,
            pool,
            stream,
            substitute,
            cache_status,
            proxy_status,
            client_attempt,
            client_trusted,
            quota,
            attempt_log,
            trace_id,
        } = exchange;
        let start = self.attempts.len();
        for &Attempt { host, status, duration, reason } in attempt_log {
            let numbers = Attempt { host: None, status, duration, reason: None };
            let packed = PackedAttempt { numbers, host: self.text(host), reason: self.text(reason) };
            self.attempts.push(packed);
        }
        PackedExchange {
            upstream: self.add(upstream),
            host: self.text(host),
            route: self.text(route),
            termination_state: self.text(termination_state),
            reason: self.text(reason),
            cache_status: self.text(cache_status),
            proxy_status: self.text(proxy_status),
            trace_id: self.text(trace_id),
            attempts: (start, self.attempts.len()),
            numbers: Exchange {
                ts,
                upstream: "",
                host: None,
                route: None,
                status,
                duration,
                attempts,
                max_attempts,
                timeout,
                deadline,
                timeout_used,
                deadline_used,
                service,
                flags,
                termination_state: None,
                reason: None,
                grpc_status,
                bytes,
                partial,
                aborted,
                hedged,
                rejected,
                fail_open,
                pool,
                stream,
                substitute,
                cache_status: None,
                proxy_status: None,
                client_attempt,
                client_trusted,
                quota,
                attempt_log: &[],
                trace_id: None,
            },
        }
    }

    fn text(&mut self, text: Option<&str>) -> Option<Text> {
        text.map(|text| self.add(text))
    }

    fn add(&mut self, text: &str) -> Text {
        let start = self.texts.len();
        self.texts.push_str(text);
        Text(start, self.texts.len())
    }
}
