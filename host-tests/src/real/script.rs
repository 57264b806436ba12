//! How an origin is told to misbehave: in the request, attempt by attempt.

use std::time::Duration;

/// Names the exchange, so that its attempts can be told from others'.
pub(super) const EXCHANGE: &str = "x-exchange";
/// What to do at the first attempt, the second, …; the last is repeated.
pub(super) const SCRIPT: &str = "x-script";
/// `name: value` to add to the answer; may come more than once.
pub(super) const RESPOND: &str = "x-respond";

/// What an origin does with one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// `503`: answers with this status.
    Status(u16),
    /// `late:600`: answers 200 after so many milliseconds.
    Late(Duration),
    /// `reset`: resets the connection before a byte of the answer.
    Reset,
    /// `hang`: reads the request and never answers; ends when the other side gives up.
    Hang,
    /// `cut`: promises a body and closes in the middle of it.
    Cut,
    /// `trailers:14`: gRPC, headers and a message, then this status in the trailers.
    Trailers(u16),
    /// `bare:14`: gRPC, this status before any body.
    Bare(u16),
}

impl Action {
    /// The action for the `attempt`-th arrival (from 0); 200 if the script is empty.
    ///
    /// # Panics
    ///
    /// If the script has a word that is none.
    pub fn of(script: &str, attempt: usize) -> Self {
        let words: Vec<_> = script.split(',').filter(|word| !word.is_empty()).collect();
        let Some(word) = words.get(attempt).or(words.last()) else { return Self::Status(200) };
        Self::parse(word).unwrap_or_else(|| panic!("`{word}` is nothing an origin can do"))
    }

    fn parse(word: &str) -> Option<Self> {
        match word.split_once(':') {
            Some(("late", ms)) => Some(Self::Late(Duration::from_millis(ms.parse().ok()?))),
            Some(("trailers", status)) => Some(Self::Trailers(status.parse().ok()?)),
            Some(("bare", status)) => Some(Self::Bare(status.parse().ok()?)),
            Some(_) => None,
            None => match word {
                "reset" => Some(Self::Reset),
                "hang" => Some(Self::Hang),
                "cut" => Some(Self::Cut),
                status => Some(Self::Status(status.parse().ok()?)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_a_script_is_repeated() {
        let acted: Vec<_> = (0..4).map(|attempt| Action::of("503,late:20,200", attempt)).collect();
        let late = Action::Late(Duration::from_millis(20));
        assert_eq!(acted, [Action::Status(503), late, Action::Status(200), Action::Status(200)]);
        assert_eq!(Action::of("", 0), Action::Status(200));
    }
}
