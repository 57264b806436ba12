//! Cases: the request, the ground truth, and the verdict that a log can show.

use nearmiss::{Fate, is_error};
use real::{Action, Arrival, Response};

/// One request and its fault script.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Id of the exchange.
    pub name: &'static str,
    /// Path, which selects the route.
    pub path: &'static str,
    /// Fault script: an action per attempt.
    pub script: &'static str,
    /// Headers that the origins add to their responses.
    pub respond: &'static [&'static str],
    /// Number of attempts that no origin sees because the connection is refused.
    pub refused: u32,
    /// True if the client disconnects once the request has arrived.
    pub client_aborts: bool,
    /// Delay before the request, in milliseconds.
    pub delay_ms: u64,
}

impl Case {
    /// Returns a case for a path and a fault script.
    pub const fn new(name: &'static str, path: &'static str, script: &'static str) -> Self {
        Self { name, path, script, respond: &[], refused: 0, client_aborts: false, delay_ms: 0 }
    }

    /// Sets the headers that the origins add to their responses.
    pub const fn respond(mut self, headers: &'static [&'static str]) -> Self {
        self.respond = headers;
        self
    }

    /// Sets the number of attempts that are refused before one arrives.
    pub const fn refused(mut self, attempts: u32) -> Self {
        self.refused = attempts;
        self
    }

    /// Makes the client disconnect before the response.
    pub const fn client_aborts(mut self) -> Self {
        self.client_aborts = true;
        self
    }

    /// Sets the delay before the request.
    pub const fn delay_ms(mut self, millis: u64) -> Self {
        self.delay_ms = millis;
        self
    }
}

/// Cases of a proxy that does not retry.
pub(super) const SINGLE_ATTEMPTS: [Case; 8] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("error-500", "/search/", "500"),
    Case::new("error-503", "/search/", "503"),
    Case::new("quota", "/search/", "429"),
    Case::new("exhausted-reset", "/search/", "reset"),
    Case::new("all-refused", "/refused/", "200").refused(1),
];

/// The true course of one exchange.
#[derive(Clone, Debug)]
pub struct GroundTruth {
    /// The fate that follows from the origins' actions and the client's response.
    pub fate: Fate,
    /// Number of attempts that reached the upstream or were refused.
    pub attempts: u32,
}

/// The verdict that a line must have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expected {
    /// The fate.
    pub fate: Fate,
    /// Number of attempts; `None` if the format does not show it.
    pub attempts: Option<u32>,
}

impl GroundTruth {
    /// Derives the ground truth from the attempts that arrived and the client's response. `fallback` is the port of the
    /// fallback host, whose attempts are not the upstream's; the response header `x-stand-in` marks a stale copy or a static
    /// page.
    pub fn of(case: &Case, arrivals: &[Arrival], fallback: Option<u16>, response: Option<&Response>) -> Self {
        let upstream: Vec<_> = arrivals.iter().filter(|arrival| Some(arrival.port) != fallback).collect();
        let attempts = upstream.len() as u32 + case.refused;
        let fell_back = arrivals.len() > upstream.len();
        let Some(response) = response else { return Self { fate: Fate::Clean, attempts } };
        let marked = |mark: &str| response.header("x-stand-in") == Some(mark);
        let last_failed = upstream.last().is_none_or(|arrival| !is_good(arrival.action));
        let fate = if is_error(response.status) {
            Fate::Failed
        } else if !response.complete {
            Fate::Partial
        } else if marked("stale") && last_failed {
            Fate::Stale
        } else if (fell_back || marked("static")) && (attempts == 0 || last_failed) {
            Fate::Fallback
        } else if attempts > 1 {
            Fate::Retried
        } else {
            Fate::Clean
        };
        Self { fate, attempts }
    }
}

fn is_good(action: Action) -> bool {
    match action {
        Action::Status(status) => !is_error(status),
        Action::Late(_) | Action::Cut => true,
        _ => false,
    }
}
