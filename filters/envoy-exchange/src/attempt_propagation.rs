//! Attempt propagation: passes attempts from the upstream filters to the filter or logger that observes the exchange.
//!
//! Attempts are stored in the filter state of their exchange, so they cannot be attributed to a concurrent exchange. The last
//! eight attempts are kept, in the order in which they ended.

use crate::host::{Host, State};
use alloc::vec::Vec;
use core::cell::Cell;
use nearmiss::{Attempt, MAX_ATTEMPT_LOG, Micros, Timestamp, is_error};
use nearmiss_wasm_rt::local;

/// An attempt that has ended. Times are in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EndedAttempt<'a> {
    /// The upstream host.
    pub host: &'a str,
    /// The number of the attempt in its exchange, from 1.
    pub ordinal: u32,
    /// The response status; 0 if there was no response.
    pub status: u16,
    /// When the request was forwarded.
    pub started: u64,
    /// When the response headers arrived, or the attempt ended without any.
    pub ended: u64,
    /// The reason why there was no response; empty if it is unknown.
    pub reason: &'a str,
    /// The cluster, if the response may be replaced by that of another cluster; otherwise empty.
    pub cluster: &'a str,
}

// When an attempt last failed, on any exchange of this VM.
local! {
    static LAST_FAILURE: Cell<u64> = Cell::new(0);
}

/// Returns true if an attempt on any exchange of this VM has failed at `start` or shortly before. If not, no attempts need to be read of
/// an exchange that began at `start` and succeeded.
pub fn has_failed_since(start: Timestamp) -> bool {
    // On a busy machine an exchange is logged later than it ended, so its start is estimated too late.
    const SLACK: Micros = Micros::from_seconds(1);
    LAST_FAILURE.with(|failure| failure.get() >= start.before(SLACK).micros())
}

/// Appends an attempt to those of the current exchange.
pub fn append(envoy: &impl Host, attempt: &EndedAttempt<'_>) {
    if is_error(attempt.status) {
        LAST_FAILURE.with(|failure| failure.set(attempt.ended));
    }
    let before = envoy.filter_state(State::Attempts).unwrap_or_default();
    let mut bytes = Vec::with_capacity(before.len() + 96);
    let skip = decode(before).count().saturating_sub(MAX_ATTEMPT_LOG - 1);
    for kept in decode(before).skip(skip) {
        encode(&mut bytes, &kept);
    }
    encode(&mut bytes, attempt);
    envoy.set_filter_state(State::Attempts, &bytes);
}

/// Returns the encoded attempts of the current exchange.
pub fn read(envoy: &impl Host) -> Option<&[u8]> {
    envoy.filter_state(State::Attempts)
}

/// Returns the cluster of the last attempt, if its upstream filter read it.
pub fn last_cluster(bytes: &[u8]) -> Option<&str> {
    decode(bytes).last().map(|attempt| attempt.cluster).filter(|cluster| !cluster.is_empty())
}

/// The maximum length of a text; addresses and the names of most clusters are shorter.
const MAX_LENGTH: usize = 128;

/// Sorts by ordinal. A stable insertion sort suffices: there are eight attempts at most, usually in order already.
fn sort_by_ordinal(attempts: &mut [EndedAttempt<'_>]) {
    for end in 1..attempts.len() {
        for index in (1..=end).rev() {
            match attempts.get_mut(index - 1..=index) {
                Some([before, after]) if before.ordinal > after.ordinal => core::mem::swap(before, after),
                _ => break,
            }
        }
    }
}

/// Appends an attempt to encoded ones.
pub fn encode(bytes: &mut Vec<u8>, attempt: &EndedAttempt<'_>) {
    for text in [attempt.host, attempt.reason, attempt.cluster] {
        let text = text.get(..text.floor_char_boundary(MAX_LENGTH)).unwrap_or_default();
        bytes.push(text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&attempt.ordinal.to_le_bytes());
    bytes.extend_from_slice(&attempt.status.to_le_bytes());
    bytes.extend_from_slice(&attempt.started.to_le_bytes());
    bytes.extend_from_slice(&attempt.ended.to_le_bytes());
}

/// Decodes attempts, up to the first corrupt one.
fn decode(mut bytes: &[u8]) -> impl Iterator<Item = EndedAttempt<'_>> {
    core::iter::from_fn(move || {
        let (host, rest) = split_text(bytes)?;
        let (reason, rest) = split_text(rest)?;
        let (cluster, rest) = split_text(rest)?;
        let (ordinal, rest) = rest.split_first_chunk()?;
        let (status, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let (ended, rest) = rest.split_first_chunk()?;
        bytes = rest;
        Some(EndedAttempt {
            host,
            reason,
            cluster,
            ordinal: u32::from_le_bytes(*ordinal),
            status: u16::from_le_bytes(*status),
            started: u64::from_le_bytes(*started),
            ended: u64::from_le_bytes(*ended),
        })
    })
}

/// Splits off a text that follows its length.
fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((core::str::from_utf8(text).ok()?, rest))
}

/// The attempts of one exchange, in the form that the core takes.
#[derive(Clone, Debug, Default)]
pub struct AttemptLog<'a> {
    attempts: Vec<Attempt<'a>>,
    /// True if two attempts ran at the same time.
    pub hedged: bool,
}

/// The result of an exchange, without its attempt log.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExchangeResult<'a> {
    /// The number of attempts.
    pub attempts: u32,
    /// The host of the last attempt.
    pub host: Option<&'a str>,
    /// The status of the response.
    pub status: u16,
    /// True unless the response is known to be Envoy's own.
    pub is_upstreams: bool,
    /// True if no response flag is set, so an upstream has answered.
    pub answered: bool,
    /// The time until the last byte of the response.
    pub latency: Option<Micros>,
    /// The timeout of an attempt.
    pub timeout: Option<Micros>,
}

impl<'a> AttemptLog<'a> {
    /// Reconstructs all attempts by their ordinals, with the winning attempt moved to the end. An attempt that no upstream filter
    /// saw had no host to connect to.
    pub fn new(bytes: &'a [u8], result: &ExchangeResult<'a>) -> Self {
        let mut seen: Vec<EndedAttempt<'a>> = decode(bytes).collect();
        if seen.is_empty() {
            return Self::winner_only(result);
        }
        let winner = winning_attempt(&seen, result);
        sort_by_ordinal(&mut seen);
        let mut log = Self { attempts: Vec::with_capacity(MAX_ATTEMPT_LOG + 1), hedged: is_hedged(&seen) };
        let first = result.attempts.saturating_sub(MAX_ATTEMPT_LOG as u32).saturating_add(1);
        for ordinal in first..=result.attempts {
            let mut missing = true;
            for attempt in seen.iter().filter(|attempt| attempt.ordinal == ordinal) {
                missing = false;
                if winner != Some(*attempt) {
                    log.attempts.push(to_attempt(attempt));
                }
            }
            if missing {
                let host = result.host.filter(|_| ordinal == result.attempts && winner.is_none());
                log.attempts.push(Attempt { host, ..Attempt::default() });
            }
        }
        if let Some(winner) = winner {
            log.attempts.push(to_attempt(&winner));
        }
        for attempt in log.attempts.iter_mut().filter(|attempt| attempt.reason == Some(RESET)) {
            // The filter sees the attempt begin a moment after its timer does.
            let limit = result.timeout.map(|timeout| Micros::new(timeout.get() / 100 * 95));
            let has_timed_out = limit.is_some_and(|limit| attempt.duration >= Some(limit));
            attempt.reason = match has_timed_out {
                true => Some(TIMEOUT),
                // Envoy resets the attempts that another one has overtaken.
                false => Some(RESET).filter(|_| !log.hedged),
            };
        }
        let surplus = log.attempts.len().saturating_sub(MAX_ATTEMPT_LOG);
        log.attempts.drain(..surplus);
        log
    }

    /// Builds the log if no upstream filter saw the attempts: only the winning one is known.
    fn winner_only(result: &ExchangeResult<'a>) -> Self {
        let winner = |latency| Attempt {
            host: result.host,
            status: result.is_upstreams.then_some(result.status),
            duration: Some(latency),
            ..Attempt::default()
        };
        Self { attempts: result.latency.map(winner).into_iter().collect(), hedged: false }
    }

    /// Returns the attempts.
    pub fn attempts(&self) -> &[Attempt<'a>] {
        &self.attempts
    }
}

/// Returns the attempt whose response the caller got: the last one that ended with a response, if its status is the exchange's
/// and nothing went wrong after it.
fn winning_attempt<'a>(ended: &[EndedAttempt<'a>], result: &ExchangeResult<'_>) -> Option<EndedAttempt<'a>> {
    let last = ended.iter().rev().find(|attempt| attempt.status != 0)?;
    let is_newest = last.ordinal == result.attempts;
    (last.status == result.status && (result.answered || is_newest)).then_some(*last)
}

/// The reason of an attempt that ended before its response, for no other known reason.
pub const RESET: &str = "reset";
/// The reason of an attempt that Envoy reset after its timeout.
const TIMEOUT: &str = "timeout";

/// Returns true if an attempt began while an earlier one was running. Takes attempts in the order of their ordinals.
fn is_hedged(attempts: &[EndedAttempt<'_>]) -> bool {
    let mut latest_end = 0;
    attempts.iter().any(|attempt| {
        let overlaps = attempt.started < latest_end;
        latest_end = latest_end.max(attempt.ended);
        overlaps
    })
}

fn to_attempt<'a>(ended: &EndedAttempt<'a>) -> Attempt<'a> {
    Attempt {
        host: Some(ended.host).filter(|host| !host.is_empty()),
        status: Some(ended.status).filter(|status| *status != 0),
        duration: Some(Micros::new(ended.ended.saturating_sub(ended.started))),
        reason: Some(ended.reason).filter(|reason| !reason.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    fn ended(ordinal: u32, host: &str, status: u16, from: u64, to: u64) -> EndedAttempt<'_> {
        EndedAttempt { host, ordinal, status, started: from * MS, ended: to * MS, ..EndedAttempt::default() }
    }

    fn bytes(attempts: &[EndedAttempt<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attempts.iter().for_each(|attempt| encode(&mut bytes, attempt));
        bytes
    }

    fn attempt(host: &str, status: Option<u16>, ms: u64) -> Attempt<'_> {
        Attempt { host: Some(host), status, duration: Some(Micros::from_millis(ms)), ..Attempt::default() }
    }

    #[test]
    fn attempts_round_trip_and_decoding_stops_at_corrupt_bytes() {
        let refused = EndedAttempt { reason: "connection refused", ..ended(2, "", 0, 20, 520) };
        let attempts = [ended(1, "a:80", 503, 0, 12), refused];
        let bytes = bytes(&attempts);
        assert_eq!(decode(&bytes).collect::<Vec<_>>(), attempts);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).count() < 2);
        }
        assert_eq!(decode(&[255; 40]).count(), 0);
    }

    #[test]
    fn attempts_are_listed_by_ordinal() {
        let bytes =
            bytes(&[ended(1, "a", 503, 0, 12), ended(2, "b", 0, 20, 520), ended(3, "c", 200, 530, 561)]);
        let result = ExchangeResult { attempts: 3, status: 200, answered: true, ..ExchangeResult::default() };
        let log = AttemptLog::new(&bytes, &result);
        assert_eq!(
            log.attempts(),
            [attempt("a", Some(503), 12), attempt("b", None, 500), attempt("c", Some(200), 31)]
        );
        assert!(!log.hedged);
    }

    #[test]
    fn an_attempt_that_no_filter_saw_never_connected() {
        let bytes = bytes(&[ended(2, "b", 503, 0, 10), ended(4, "d", 200, 20, 30)]);
        let result = ExchangeResult { attempts: 4, status: 200, answered: true, ..ExchangeResult::default() };
        let unknown = Attempt::default();
        assert_eq!(
            AttemptLog::new(&bytes, &result).attempts(),
            [unknown, attempt("b", Some(503), 10), unknown, attempt("d", Some(200), 10)]
        );
    }

    #[test]
    fn a_refused_connection_after_the_last_response_comes_last() {
        let bytes = bytes(&[ended(1, "a", 503, 0, 10)]);
        let result =
            ExchangeResult { attempts: 2, status: 503, host: Some("b"), ..ExchangeResult::default() };
        let refused = Attempt { host: Some("b"), ..Attempt::default() };
        assert_eq!(AttemptLog::new(&bytes, &result).attempts(), [attempt("a", Some(503), 10), refused]);
    }

    #[test]
    fn the_winner_of_a_hedge_comes_last() {
        let late = bytes(&[ended(2, "b", 200, 100, 130), ended(1, "a", 0, 0, 130)]);
        let result = ExchangeResult { attempts: 2, status: 200, answered: true, ..ExchangeResult::default() };
        let log = AttemptLog::new(&late, &result);
        assert!(log.hedged);
        assert_eq!(log.attempts(), [attempt("a", None, 130), attempt("b", Some(200), 30)]);
        let early = bytes(&[ended(1, "a", 200, 0, 140), ended(2, "b", 0, 100, 140)]);
        let log = AttemptLog::new(&early, &result);
        assert!(log.hedged);
        assert_eq!(log.attempts(), [attempt("b", None, 40), attempt("a", Some(200), 140)]);
    }

    #[test]
    fn the_last_eight_attempts_are_kept() {
        let all: Vec<_> = (3..=10u32)
            .map(|n| ended(n, "a", if n == 10 { 200 } else { 503 }, u64::from(n) * 10, u64::from(n) * 10 + 5))
            .collect();
        let bytes = bytes(&all);
        let result =
            ExchangeResult { attempts: 10, status: 200, answered: true, ..ExchangeResult::default() };
        let log = AttemptLog::new(&bytes, &result);
        assert_eq!((log.attempts().len(), log.attempts()[7].status), (8, Some(200)));
    }
}
