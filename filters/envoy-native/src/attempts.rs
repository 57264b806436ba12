//! The attempts of exchanges that run, on each worker thread.
//!
//! Envoy takes the filter state from an upstream filter before it ends, so attempts wait here, under a number in the filter state of their
//! exchange. The most recent exchanges have a place.

use core::cell::RefCell;
use nearmiss::Timestamp;
use nearmiss_envoy_exchange::attempt::Attempt;
use nearmiss_envoy_exchange::attempt_propagation::{EndedAttempt, RESET, encode};
use std::collections::VecDeque;

/// Number of exchanges whose attempts a thread keeps.
const CAPACITY: usize = 2_048;

/// The number of an exchange on its thread.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ExchangeNumber(u64);

impl ExchangeNumber {
    /// Encodes the number for the filter state.
    pub(crate) const fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// Decodes the number in the filter state.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(u64::from_le_bytes(bytes)))
    }
}

/// The attempts of one exchange.
#[derive(Debug)]
struct Attempts {
    exchange: ExchangeNumber,
    /// Attempts that have ended, encoded.
    ended: Vec<u8>,
    /// Ordinal, host and start of those that run.
    running: Vec<(u32, String, u64)>,
}

#[derive(Debug)]
struct Table {
    next: u64,
    exchanges: VecDeque<Attempts>,
}

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table { next: 1, exchanges: VecDeque::new() }) };
}

impl Table {
    fn get(&mut self, exchange: ExchangeNumber) -> Option<&mut Attempts> {
        let index = self.exchanges.binary_search_by_key(&exchange, |attempts| attempts.exchange).ok()?;
        self.exchanges.get_mut(index)
    }
}

/// Begins an exchange with its first attempt.
pub(crate) fn begin() -> ExchangeNumber {
    TABLE.with_borrow_mut(|table| {
        let exchange = ExchangeNumber(table.next);
        table.next += 1;
        if table.exchanges.len() >= CAPACITY {
            table.exchanges.pop_front();
        }
        table.exchanges.push_back(Attempts { exchange, ended: Vec::new(), running: Vec::new() });
        exchange
    })
}

/// Notes an attempt that begins.
pub(crate) fn start(exchange: ExchangeNumber, attempt: &Attempt) {
    let Some((ordinal, host, started)) = attempt.running() else { return };
    TABLE.with_borrow_mut(|table| {
        if let Some(attempts) = table.get(exchange) {
            attempts.running.push((ordinal, host.to_owned(), started));
        }
    });
}

/// Notes that an attempt has ended.
pub(crate) fn stop(exchange: ExchangeNumber, ordinal: u32) {
    TABLE.with_borrow_mut(|table| {
        if let Some(attempts) = table.get(exchange) {
            attempts.running.retain(|(running, _, _)| *running != ordinal);
        }
    });
}

/// Replaces the encoded attempts that have ended.
pub(crate) fn set_ended(exchange: ExchangeNumber, ended: &[u8]) {
    TABLE.with_borrow_mut(|table| {
        if let Some(attempts) = table.get(exchange) {
            attempts.ended.clear();
            attempts.ended.extend_from_slice(ended);
        }
    });
}

/// Returns the encoded attempts that have ended; with `now`, those that run as well, as if they ended now without a response.
pub(crate) fn read(exchange: ExchangeNumber, now: Option<Timestamp>) -> Option<Vec<u8>> {
    TABLE.with_borrow_mut(|table| {
        let attempts = table.get(exchange)?;
        let mut bytes = attempts.ended.clone();
        for (ordinal, host, started) in attempts.running.iter().filter(|_| now.is_some()) {
            let ended = now.map_or(*started, |now| now.micros());
            let (ordinal, started) = (*ordinal, *started);
            encode(
                &mut bytes,
                &EndedAttempt { host, ordinal, started, ended, reason: RESET, ..EndedAttempt::default() },
            );
        }
        Some(bytes)
    })
}
