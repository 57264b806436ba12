//! Ticks of a time axis.

use crate::display::time::{DAY_MS, Date, TimeOfDay};

/// Customary steps between ticks, in seconds.
const STEPS: [u64; 20] = [
    10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800,
    604_800, 2_419_200, 31_536_000,
];

/// Returns at most `max_ticks` ticks between two times, with their labels.
pub(super) fn ticks(from: u64, to: u64, max_ticks: u64) -> Vec<(u64, String)> {
    let fits = |step: &&u64| to.saturating_sub(from) / (**step * 1_000) < max_ticks;
    let step = STEPS.iter().find(fits).copied().unwrap_or((to - from) / 1_000 / max_ticks.max(1) + 1) * 1_000;
    let first = from.div_ceil(step);
    (first..=to / step)
        .map(|tick| tick * step)
        .map(|at| {
            (
                at,
                if at.is_multiple_of(DAY_MS) && (step >= DAY_MS || at > from) {
                    Date(at).to_string()
                } else {
                    TimeOfDay(at).to_string()
                },
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_times_in_utc_and_dates_at_midnight() {
        let labels = |from, to| ticks(from, to, 7).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(
            labels(1_795_392_000_000, 1_795_478_400_000),
            ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24 Nov"]
        );
        assert_eq!(labels(1_795_392_000_000, 1_795_392_020_000), ["00:00", "00:00:10", "00:00:20"]);
        assert!(labels(0, u64::MAX / 1_000).len() <= 8);
    }
}
