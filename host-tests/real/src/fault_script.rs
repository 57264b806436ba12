//! Fault scripts: a request header says what the origin does, attempt by attempt.

use std::time::Duration;

/// Request header with the exchange's id, which its attempts share.
pub const EXCHANGE: &str = "x-exchange";
/// Request header with one action per attempt, separated by commas; the last one is repeated.
pub const SCRIPT: &str = "x-script";
/// Request header with a `name: value` to add to the response; may be repeated.
pub(super) const RESPOND: &str = "x-respond";

/// An origin's action for one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// `503`: responds with this status.
    Status(u16),
    /// `late:600`: responds with 200 after this many milliseconds.
    Late(Duration),
    /// `reset`: resets the connection before the first byte of the response.
    Reset,
    /// `hang`: reads the request and never responds; ends when the peer closes the connection.
    Hang,
    /// `cut`: closes the connection in the middle of the announced body.
    Cut,
    /// `stream:600`: sends the headers at once, and the body after this many milliseconds.
    Stream(Duration),
    /// `no-status`: a gRPC response with a message and without trailers.
    NoStatus,
    /// `trailers:14`: gRPC headers and a message, then this status in the trailers.
    Trailers(u16),
    /// `trailers-only:14`: a gRPC trailers-only response, with this status and no body.
    TrailersOnly(u16),
}

impl Action {
    /// Returns the action for an attempt, counted from 0; status 200 if the script is empty.
    ///
    /// # Panics
    ///
    /// If a word of the script is not an action.
    pub fn for_attempt(script: &str, attempt: usize) -> Self {
        let words: Vec<_> = script.split(',').filter(|word| !word.is_empty()).collect();
        let Some(word) = words.get(attempt).or(words.last()) else { return Self::Status(200) };
        Self::parse(word).unwrap_or_else(|| panic!("`{word}` is not an action of an origin"))
    }

    fn parse(word: &str) -> Option<Self> {
        match word.split_once(':') {
            Some(("late", ms)) => Some(Self::Late(Duration::from_millis(ms.parse().ok()?))),
            Some(("stream", ms)) => Some(Self::Stream(Duration::from_millis(ms.parse().ok()?))),
            Some(("trailers", status)) => Some(Self::Trailers(status.parse().ok()?)),
            Some(("trailers-only", status)) => Some(Self::TrailersOnly(status.parse().ok()?)),
            Some(_) => None,
            None => match word {
                "reset" => Some(Self::Reset),
                "hang" => Some(Self::Hang),
                "cut" => Some(Self::Cut),
                "no-status" => Some(Self::NoStatus),
                status => Some(Self::Status(status.parse().ok()?)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_action_of_a_script_is_repeated() {
        let actions: Vec<_> = (0..4).map(|attempt| Action::for_attempt("503,late:20,200", attempt)).collect();
        let late = Action::Late(Duration::from_millis(20));
        assert_eq!(actions, [Action::Status(503), late, Action::Status(200), Action::Status(200)]);
        assert_eq!(Action::for_attempt("", 0), Action::Status(200));
    }
}
