//! Attempts, on their way from the upstream filters that saw them to the exchange they belong to.
//!
//! They travel in the exchange's own filter state, so an attempt cannot end up with another exchange, whatever runs at the
//! same time. The last eight that ended are kept, in the order in which they ended.

use crate::host::Call;
use alloc::vec::Vec;
use nearmiss::exchange::MAX_ATTEMPT_LOG;
use nearmiss::{Attempt, Micros};

/// An attempt that is over. Times are in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Ended<'a> {
    /// The host that was tried.
    pub(crate) host: &'a str,
    /// Which attempt of its exchange, from 1.
    pub(crate) ordinal: u32,
    /// Its answer; 0 if there was none.
    pub(crate) status: u16,
    /// When its request was sent on.
    pub(crate) started: u64,
    /// When its response headers came, or nothing more could.
    pub(crate) ended: u64,
}

const NAME: &str = "nearmiss_attempts";
const PATH: &str = "filter_state\0wasm.nearmiss_attempts";

/// Hands an attempt over.
pub(crate) fn add(call: &Call, attempt: &Ended<'_>) {
    let before = call.property(PATH).unwrap_or_default();
    let mut bytes = Vec::with_capacity(before.len() + 96);
    let skip = read(before).count().saturating_sub(MAX_ATTEMPT_LOG - 1);
    for kept in read(before).skip(skip) {
        write(&mut bytes, &kept);
    }
    write(&mut bytes, attempt);
    let _ = call.leave(NAME, &bytes);
}

/// What was handed over.
pub(crate) fn take(call: &Call) -> Option<&[u8]> {
    call.property(PATH).ok()
}

/// The longest name of a host; an address is shorter.
const MAX_HOST: usize = 64;

/// Sorts by insertion, those of one ordinal as they came: there are eight at most, and most often they are in order.
fn order(attempts: &mut [Ended<'_>]) {
    for end in 1..attempts.len() {
        for place in (1..=end).rev() {
            match attempts.get_mut(place - 1..=place) {
                Some([before, after]) if before.ordinal > after.ordinal => core::mem::swap(before, after),
                _ => break,
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, attempt: &Ended<'_>) {
    let host = attempt.host.get(..attempt.host.floor_char_boundary(MAX_HOST)).unwrap_or_default();
    bytes.push(host.len() as u8);
    bytes.extend_from_slice(host.as_bytes());
    bytes.extend_from_slice(&attempt.ordinal.to_le_bytes());
    bytes.extend_from_slice(&attempt.status.to_le_bytes());
    bytes.extend_from_slice(&attempt.started.to_le_bytes());
    bytes.extend_from_slice(&attempt.ended.to_le_bytes());
}

/// The attempts in `bytes`, up to where they stop making sense.
fn read(mut bytes: &[u8]) -> impl Iterator<Item = Ended<'_>> {
    core::iter::from_fn(move || {
        let (length, rest) = bytes.split_first()?;
        let (host, rest) = rest.split_at_checked(usize::from(*length))?;
        let (ordinal, rest) = rest.split_first_chunk()?;
        let (status, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let (ended, rest) = rest.split_first_chunk()?;
        bytes = rest;
        Some(Ended {
            host: core::str::from_utf8(host).ok()?,
            ordinal: u32::from_le_bytes(*ordinal),
            status: u16::from_le_bytes(*status),
            started: u64::from_le_bytes(*started),
            ended: u64::from_le_bytes(*ended),
        })
    })
}

/// The attempts of one exchange, as the core takes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttemptLog<'a> {
    attempts: Vec<Attempt<'a>>,
    /// Two attempts ran at the same time.
    pub(crate) hedged: bool,
}

/// What the exchange knows of its attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome<'a> {
    /// How many there were.
    pub(crate) attempts: u32,
    /// The host of the newest.
    pub(crate) host: Option<&'a str>,
    /// What the caller got.
    pub(crate) status: u16,
    /// Nothing is said to have gone wrong with the newest: an upstream has answered.
    pub(crate) answered: bool,
    /// How long the answer took until its last byte.
    pub(crate) latency: Option<Micros>,
}

impl<'a> AttemptLog<'a> {
    /// The attempts in order, the one that answered last. One that nobody saw had no host to go to.
    pub(crate) fn new(bytes: &'a [u8], outcome: &Outcome<'a>) -> Self {
        let mut seen: Vec<Ended<'a>> = read(bytes).collect();
        if seen.is_empty() {
            return Self::of_answer(outcome);
        }
        let answer = answer(&seen, outcome);
        order(&mut seen);
        let mut log = Self { attempts: Vec::with_capacity(MAX_ATTEMPT_LOG + 1), hedged: is_hedged(&seen) };
        let first = outcome.attempts.saturating_sub(MAX_ATTEMPT_LOG as u32).saturating_add(1);
        for ordinal in first..=outcome.attempts {
            let mut missing = true;
            for attempt in seen.iter().filter(|attempt| attempt.ordinal == ordinal) {
                missing = false;
                if answer != Some(*attempt) {
                    log.attempts.push(attempt_of(attempt));
                }
            }
            if missing {
                let host = outcome.host.filter(|_| ordinal == outcome.attempts && answer.is_none());
                log.attempts.push(Attempt { host, ..Attempt::default() });
            }
        }
        if let Some(answer) = answer {
            let attempt = attempt_of(&answer);
            log.attempts.push(Attempt { duration: outcome.latency.or(attempt.duration), ..attempt });
        }
        let surplus = log.attempts.len().saturating_sub(MAX_ATTEMPT_LOG);
        log.attempts.drain(..surplus);
        log
    }

    /// Nobody saw the attempts: all that can be told is how long the one that answered took.
    fn of_answer(outcome: &Outcome<'a>) -> Self {
        let answer =
            |latency| Attempt { host: outcome.host, status: Some(outcome.status), duration: Some(latency) };
        Self { attempts: outcome.latency.map(answer).into_iter().collect(), hedged: false }
    }

    /// The attempts; none if nobody saw any.
    pub(crate) fn attempts(&self) -> &[Attempt<'a>] {
        &self.attempts
    }
}

/// The attempt whose answer the caller got: of those with its status the one that ended last, unless something went wrong
/// after it.
fn answer<'a>(ended: &[Ended<'a>], outcome: &Outcome<'_>) -> Option<Ended<'a>> {
    let last = ended.iter().rev().find(|attempt| attempt.status != 0)?;
    let is_newest = last.ordinal == outcome.attempts;
    (last.status == outcome.status && (outcome.answered || is_newest)).then_some(*last)
}

/// Whether an attempt began while one before it was under way. Needs them in the order of their ordinals.
fn is_hedged(attempts: &[Ended<'_>]) -> bool {
    let mut latest_end = 0;
    attempts.iter().any(|attempt| {
        let overlaps = attempt.started < latest_end;
        latest_end = latest_end.max(attempt.ended);
        overlaps
    })
}

fn attempt_of<'a>(ended: &Ended<'a>) -> Attempt<'a> {
    Attempt {
        host: Some(ended.host).filter(|host| !host.is_empty()),
        status: Some(ended.status).filter(|status| *status != 0),
        duration: Some(Micros::new(ended.ended.saturating_sub(ended.started))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    fn ended(ordinal: u32, host: &str, status: u16, from: u64, to: u64) -> Ended<'_> {
        Ended { host, ordinal, status, started: from * MS, ended: to * MS }
    }

    fn bytes(attempts: &[Ended<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attempts.iter().for_each(|attempt| write(&mut bytes, attempt));
        bytes
    }

    fn attempt(host: &str, status: Option<u16>, ms: u64) -> Attempt<'_> {
        Attempt { host: Some(host), status, duration: Some(Micros::from_millis(ms)) }
    }

    #[test]
    fn what_is_written_is_read_and_rubbish_is_not() {
        let attempts = [ended(1, "a:80", 503, 0, 12), ended(2, "", 0, 20, 520)];
        let bytes = bytes(&attempts);
        assert_eq!(read(&bytes).collect::<Vec<_>>(), attempts);
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).count() < 2);
        }
        assert_eq!(read(&[255; 40]).count(), 0);
    }

    #[test]
    fn a_story_is_told_in_order() {
        let bytes =
            bytes(&[ended(1, "a", 503, 0, 12), ended(2, "b", 0, 20, 520), ended(3, "c", 200, 530, 561)]);
        let outcome = Outcome { attempts: 3, status: 200, answered: true, ..Outcome::default() };
        let log = AttemptLog::new(&bytes, &outcome);
        assert_eq!(
            log.attempts(),
            [attempt("a", Some(503), 12), attempt("b", None, 500), attempt("c", Some(200), 31)]
        );
        assert!(!log.hedged);
    }

    #[test]
    fn an_attempt_that_nobody_saw_never_connected() {
        let bytes = bytes(&[ended(2, "b", 503, 0, 10), ended(4, "d", 200, 20, 30)]);
        let outcome = Outcome { attempts: 4, status: 200, answered: true, ..Outcome::default() };
        let unknown = Attempt::default();
        assert_eq!(
            AttemptLog::new(&bytes, &outcome).attempts(),
            [unknown, attempt("b", Some(503), 10), unknown, attempt("d", Some(200), 10)]
        );
    }

    #[test]
    fn a_refusal_after_the_last_answer_comes_last() {
        let bytes = bytes(&[ended(1, "a", 503, 0, 10)]);
        let outcome = Outcome { attempts: 2, status: 503, host: Some("b"), ..Outcome::default() };
        let refused = Attempt { host: Some("b"), ..Attempt::default() };
        assert_eq!(AttemptLog::new(&bytes, &outcome).attempts(), [attempt("a", Some(503), 10), refused]);
    }

    #[test]
    fn the_winner_of_a_hedge_comes_last() {
        let late = bytes(&[ended(2, "b", 200, 100, 130), ended(1, "a", 0, 0, 130)]);
        let outcome = Outcome { attempts: 2, status: 200, answered: true, ..Outcome::default() };
        let log = AttemptLog::new(&late, &outcome);
        assert!(log.hedged);
        assert_eq!(log.attempts(), [attempt("a", None, 130), attempt("b", Some(200), 30)]);
        let early = bytes(&[ended(1, "a", 200, 0, 140), ended(2, "b", 0, 100, 140)]);
        let log = AttemptLog::new(&early, &outcome);
        assert!(log.hedged);
        assert_eq!(log.attempts(), [attempt("b", None, 40), attempt("a", Some(200), 140)]);
    }

    #[test]
    fn the_last_eight_are_kept() {
        let all: Vec<_> = (3..=10u32)
            .map(|n| ended(n, "a", if n == 10 { 200 } else { 503 }, u64::from(n) * 10, u64::from(n) * 10 + 5))
            .collect();
        let bytes = bytes(&all);
        let outcome = Outcome { attempts: 10, status: 200, answered: true, ..Outcome::default() };
        let log = AttemptLog::new(&bytes, &outcome);
        assert_eq!((log.attempts().len(), log.attempts()[7].status), (8, Some(200)));
    }
}
