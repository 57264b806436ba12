//! Joins the lines of one exchange: Envoy's `upstream_log` writes a line for each attempt, beside the exchange's own line in the
//! access log.

use crate::error::LineError;
use crate::exchange;
use crate::{AttemptList, ParsedLine};
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Flags, Micros, Timestamp, is_error};

/// Maximum number of exchanges whose attempts are kept.
const MAX_OPEN: usize = 64;
/// Maximum number of attempts that are kept of one exchange.
const MAX_ATTEMPTS: usize = 64;
/// Time after which the attempts of an exchange count without a line of its own.
const MAX_WAIT: Micros = Micros::from_seconds(30);
/// Flags of an attempt that got no answer.
const UNANSWERED: Flags = Flags::UF.with(Flags::UT).with(Flags::UR).with(Flags::UC).with(Flags::LR);

/// The mark by which lines of one exchange belong together.
#[derive(Clone, Debug, Default)]
pub struct JoinKey {
    /// The request's id; empty if the line has none.
    id: Vec<u8>,
    /// True for the line of an attempt.
    is_attempt: bool,
}

impl JoinKey {
    pub(crate) fn set(&mut self, id: &[u8], is_attempt: bool) {
        self.id.clear();
        self.id.extend_from_slice(id);
        self.is_attempt = is_attempt;
    }

    pub(crate) fn clear(&mut self) {
        self.id.clear();
    }
}

/// Passes lines on; the lines of attempts wait for the line of their exchange.
#[derive(Debug, Default)]
pub struct Joiner {
    open: Vec<OpenExchange>,
    /// The exchanges whose own line was passed on last, in a ring.
    passed: Vec<Passed>,
    next_passed: usize,
    /// True once an exchange's own line was seen.
    has_own_lines: bool,
    /// True if attempts waited in vain, and no exchange had a line of its own.
    has_attempts_only: bool,
}

/// An exchange whose own line was passed on.
#[derive(Debug, Default)]
struct Passed {
    id: Vec<u8>,
    upstream: String,
}

/// The attempts of an exchange that has no line of its own yet.
#[derive(Debug)]
struct OpenExchange {
    id: Vec<u8>,
    upstream: String,
    /// Completion time of the last attempt.
    last: Timestamp,
    attempts: Vec<AttemptLine>,
}

/// The line of an attempt.
#[derive(Debug)]
struct AttemptLine {
    /// The line as it was logged.
    line: Vec<u8>,
    /// The same as an exchange line.
    exchange: String,
}

impl Joiner {
    /// Passes on what `line` completes: `read` is the result of reading it. `each` gets every line once, an attempt's as left out.
    ///
    /// # Errors
    ///
    /// Those of `each`.
    pub fn pass<E>(
        &mut self,
        line: &[u8],
        key: &JoinKey,
        read: Result<ParsedLine<'_>, LineError>,
        each: &mut impl FnMut(&[u8], Result<ParsedLine<'_>, LineError>) -> Result<(), E>,
    ) -> Result<(), E> {
        if key.id.is_empty() && self.open.is_empty() {
            return each(line, read);
        }
        let Ok(ParsedLine::Exchange(exchange)) = read else { return each(line, read) };
        while let Some(oldest) = self.open.first()
            && (exchange.ts > oldest.last && exchange.ts.since(oldest.last) > MAX_WAIT)
        {
            self.give_up(each)?;
        }
        if key.id.is_empty() {
            return each(line, Ok(ParsedLine::Exchange(exchange)));
        }
        let position =
            self.open.iter().position(|open| open.id == key.id && open.upstream == exchange.upstream);
        if !key.is_attempt {
            self.has_own_lines = true;
            self.note_passed(&key.id, exchange.upstream);
            return match position {
                Some(position) => self.open.remove(position).complete(Some((line, exchange)), each),
                None => each(line, Ok(ParsedLine::Exchange(exchange))),
            };
        }
        if self.passed.iter().any(|passed| passed.id == key.id && passed.upstream == exchange.upstream) {
            return each(line, Ok(ParsedLine::LeftOut(LEFT_OUT)));
        }
        let position = match position {
            Some(position) => position,
            None => {
                if self.open.len() == MAX_OPEN {
                    self.give_up(each)?;
                }
                self.open.push(OpenExchange::new(&key.id, &exchange));
                self.open.len() - 1
            }
        };
        let is_last = !is_error(exchange.status) && !exchange.flags.any(UNANSWERED);
        let is_done = self.open.get_mut(position).is_some_and(|open| {
            open.add(line, &exchange);
            self.has_attempts_only && is_last || open.attempts.len() == MAX_ATTEMPTS
        });
        if is_done { self.open.remove(position).complete(None, each) } else { Ok(()) }
    }

    /// Passes on the exchanges whose attempts still wait: the input ends.
    ///
    /// # Errors
    ///
    /// Those of `each`.
    pub fn finish<E>(
        &mut self,
        each: &mut impl FnMut(&[u8], Result<ParsedLine<'_>, LineError>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.open.is_empty() {
            self.give_up(each)?;
        }
        Ok(())
    }

    /// Passes on the exchange whose attempts have waited longest.
    fn give_up<E>(
        &mut self,
        each: &mut impl FnMut(&[u8], Result<ParsedLine<'_>, LineError>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.has_attempts_only = !self.has_own_lines;
        let oldest = self.open.remove(0);
        self.note_passed(&oldest.id, &oldest.upstream);
        oldest.complete(None, each)
    }

    fn note_passed(&mut self, id: &[u8], upstream: &str) {
        if self.passed.len() < MAX_OPEN {
            self.passed.push(Passed::default());
        }
        if let Some(passed) = self.passed.get_mut(self.next_passed) {
            passed.id.clear();
            passed.id.extend_from_slice(id);
            passed.upstream.clear();
            passed.upstream.push_str(upstream);
        }
        self.next_passed = (self.next_passed + 1) % MAX_OPEN;
    }
}

/// The reason why the line of an attempt is left out.
const LEFT_OUT: &str = "an attempt of another line's exchange";

impl OpenExchange {
    fn new(id: &[u8], exchange: &Exchange<'_>) -> Self {
        Self { id: id.into(), upstream: exchange.upstream.into(), last: exchange.ts, attempts: Vec::new() }
    }

    fn add(&mut self, line: &[u8], exchange: &Exchange<'_>) {
        let mut text = String::new();
        exchange::write(&mut text, exchange);
        self.attempts.push(AttemptLine { line: line.into(), exchange: text });
        self.last = self.last.max(exchange.ts);
    }

    /// Passes on the lines of the attempts and the exchange, whose `own` line may be missing.
    fn complete<E>(
        self,
        own: Option<(&[u8], Exchange<'_>)>,
        each: &mut impl FnMut(&[u8], Result<ParsedLine<'_>, LineError>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffers: Vec<_> =
            self.attempts.iter().map(|_| (AttemptList::default(), Vec::new())).collect();
        let mut exchanges = Vec::new();
        for (attempt, (list, buffer)) in self.attempts.iter().zip(&mut buffers) {
            if let Ok(ParsedLine::Exchange(read)) = exchange::read(attempt.exchange.as_bytes(), list, buffer)
            {
                exchanges.push(read);
            }
        }
        let mut log = AttemptList::default();
        exchanges.iter().for_each(|exchange| log.push(attempt(exchange)));
        let (Some(first), Some(last)) = (exchanges.first(), exchanges.last()) else { return Ok(()) };
        let own_line = own.as_ref().map(|(line, _)| *line);
        let (line, mut exchange) = match own {
            Some((line, exchange)) => (line, exchange),
            None => {
                let duration =
                    first.ts.since(Timestamp::default()).get().saturating_sub(first.duration.get());
                let duration = Micros::new(last.ts.micros().saturating_sub(duration));
                let line = self.attempts.last().map(|attempt| attempt.line.as_slice()).unwrap_or_default();
                (line, Exchange { duration, attempts: None, ..*last })
            }
        };
        let mut count = exchanges.len() as u32;
        let is_missing = own_line.is_some()
            && exchange.attempts.is_none_or(|attempts| attempts > count)
            && exchange.host.is_some()
            && (exchange.host != last.host || exchange.status != last.status);
        if is_missing {
            // The attempt that answered ends with the exchange, so its line may follow.
            log.push(Attempt { duration: None, ..attempt(&exchange) });
            count += 1;
        }
        exchange.attempts = Some(exchange.attempts.unwrap_or_default().max(count));
        exchange.attempt_log = log.as_slice();
        let before = self.attempts.len() - usize::from(own_line.is_none());
        for attempt in self.attempts.iter().take(before) {
            each(&attempt.line, Ok(ParsedLine::LeftOut(LEFT_OUT)))?;
        }
        each(line, Ok(ParsedLine::Exchange(exchange)))
    }
}

/// Returns the attempt that an `upstream_log` line shows.
fn attempt<'a>(exchange: &Exchange<'a>) -> Attempt<'a> {
    let is_answered = exchange.status > 0 && !exchange.flags.any(UNANSWERED);
    Attempt {
        host: exchange.host,
        status: is_answered.then_some(exchange.status),
        duration: Some(exchange.duration),
        reason: exchange.reason,
    }
}

#[cfg(test)]
mod tests;
