//! Inputs that are too short for episodes.

use crate::display::numbers::Seconds;
use nearmiss::Micros;

/// Traffic that the detector needs to learn a baseline: thirty buckets of ten seconds.
const WARM_UP: Micros = Micros::from_seconds(300);

/// Returns a sentence if traffic of this length is too short for episodes.
pub(crate) fn too_short(span: Micros) -> Option<String> {
    let seconds = Seconds((span.get() / 1_000_000).max(1));
    (span < WARM_UP).then(|| {
        format!("Episodes need five minutes of traffic to learn a baseline from; this is {seconds}.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_traffic_shorter_than_five_minutes_is_too_short() {
        let sentence = too_short(Micros::from_seconds(75)).unwrap().replace('\u{202f}', " ");
        assert_eq!(
            sentence,
            "Episodes need five minutes of traffic to learn a baseline from; this is 1 min 15 s."
        );
        assert_eq!(too_short(Micros::from_seconds(300)), None);
    }
}
