//! Numbers with a unit: points in time, durations, shares.
//!
//! All are integers, so a verdict is bit for bit the same on every host.

/// Point in time, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of time, at which additions saturate.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the time `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the time `seconds` seconds after the Unix epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Returns the microseconds since the Unix epoch.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Returns the time since `earlier`; zero if that is later, because clocks may step back.
    pub const fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time `span` later, saturating.
    pub const fn after(self, span: Micros) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Returns the time `span` earlier, at least the epoch.
    pub const fn before(self, span: Micros) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// Duration in microseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Micros(u64);

impl Micros {
    /// Returns a duration of `micros` microseconds.
    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns a duration of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Returns a duration of `seconds` seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Returns the duration in microseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the sum of both durations, saturating.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Used share of a limit in basis points, 0 to 10 000; 10 000 is the limit itself.
///
/// Floored, and capped at the limit.
///
/// ```
/// use nearmiss::Used;
///
/// let used = Used::of(465, 500).unwrap();
/// assert_eq!((used.basis_points(), used.margin()), (9_300, 700));
/// assert_eq!(Used::of(700, 500), Some(Used::ALL));
/// assert_eq!(Used::of(1, 0), None);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Used(u16);

impl Used {
    /// The whole limit.
    pub const ALL: Self = Self(10_000);

    /// Returns the share of `whole` that `part` is; `None` if `whole` is zero.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        if whole == 0 {
            return None;
        }
        if part >= whole {
            return Some(Self::ALL);
        }
        // part < whole: the quotient is below 10 000, and the wide product is only needed for spans over 58 000 years.
        let share = match part.checked_mul(10_000) {
            Some(product) => product / whole,
            None => part / (whole / 10_000).max(1),
        };
        Some(Self(share.min(10_000) as u16))
    }

    /// Returns the share in basis points, 0 to 10 000.
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// Returns the unused share of the limit, in basis points.
    pub const fn margin(self) -> u16 {
        10_000 - self.0
    }

    /// Returns a share given in basis points; `None` above 10 000.
    pub const fn from_basis_points(basis_points: u16) -> Option<Self> {
        if basis_points <= 10_000 { Some(Self(basis_points)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_is_floored_and_capped() {
        assert_eq!(Used::of(2, 3), Used::from_basis_points(6_666));
        assert_eq!(Used::of(9_999, 10_000).map(Used::margin), Some(1));
        assert_eq!(Used::of(7, 5), Some(Used::ALL));
        assert_eq!(Used::of(1, 0), None);
        assert_eq!(Used::of(u64::MAX - 1, u64::MAX), Used::from_basis_points(10_000));
    }

    #[test]
    fn a_clock_that_steps_back_gives_no_negative_span() {
        let (early, late) = (Timestamp::from_seconds(1), Timestamp::from_seconds(2));
        assert_eq!(early.since(late), Micros::new(0));
        assert_eq!(early.before(Micros::from_seconds(9)), Timestamp::from_micros(0));
        assert_eq!(Timestamp::MAX.after(Micros::new(1)).micros(), u64::MAX);
    }
}
