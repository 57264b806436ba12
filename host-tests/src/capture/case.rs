//! What is asked, what really happened, and what a log can show of it.

use crate::real::{Action, Arrival, Response};
use nearmiss::Fate;
use nearmiss::exchange::is_error;

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Names the exchange.
    pub name: &'static str,
    /// Where it goes; picks the route.
    pub path: &'static str,
    /// What the origins do at each attempt.
    pub script: &'static str,
    /// Headers for the origins to answer with.
    pub respond: &'static [&'static str],
    /// Attempts that no origin can know of, because the connection is refused.
    pub refused: u32,
    /// The client leaves as soon as the request has arrived.
    pub leaves: bool,
    /// Waits so long before asking, in milliseconds.
    pub after_ms: u64,
}

impl Case {
    /// A request to `path` that the origins answer after `script`.
    pub const fn new(name: &'static str, path: &'static str, script: &'static str) -> Self {
        Self { name, path, script, respond: &[], refused: 0, leaves: false, after_ms: 0 }
    }

    /// The origins add this header to their answers.
    pub const fn respond(mut self, headers: &'static [&'static str]) -> Self {
        self.respond = headers;
        self
    }

    /// So many attempts are refused before one arrives.
    pub const fn refused(mut self, attempts: u32) -> Self {
        self.refused = attempts;
        self
    }

    /// The client leaves without an answer.
    pub const fn leaves(mut self) -> Self {
        self.leaves = true;
        self
    }

    /// Asks only after a while.
    pub const fn after_ms(mut self, millis: u64) -> Self {
        self.after_ms = millis;
        self
    }
}

/// What really happened to one exchange.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The fate, by what the origins did and the client saw.
    pub fate: Fate,
    /// The attempts that the upstream itself got, or refused.
    pub attempts: u32,
}

/// What a line must come out as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expected {
    /// The fate.
    pub fate: Fate,
    /// The attempts; `None` where the format cannot tell.
    pub attempts: Option<u32>,
}

impl Truth {
    /// What `arrivals` at the origins, of which `spare` stands in for the others, and the client's `response` prove.
    /// `served_stale` is what the response says of itself.
    pub fn of(case: &Case, arrivals: &[Arrival], spare: Option<u16>, response: Option<&Response>) -> Self {
        let own: Vec<_> = arrivals.iter().filter(|arrival| Some(arrival.port) != spare).collect();
        let attempts = own.len() as u32 + case.refused;
        let rescued = arrivals.len() > own.len();
        let Some(response) = response else { return Self { fate: Fate::Clean, attempts } };
        let marked = |header: &str| response.header("x-stand-in") == Some(header);
        let last_failed = own.last().is_none_or(|arrival| !is_good(arrival.action));
        let fate = if is_error(response.status) {
            Fate::Failed
        } else if !response.complete {
            Fate::Partial
        } else if marked("stale") && last_failed {
            Fate::Stale
        } else if (rescued || marked("static")) && (attempts == 0 || last_failed) {
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
