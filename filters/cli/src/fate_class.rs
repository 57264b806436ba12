//! Classes of fates.

use nearmiss::Fate;

/// Five classes of fates other than clean and rejected, few enough to be distinguished at a glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FateClass {
    Failed,
    Partial,
    Caught,
    Tight,
    Slow,
}

impl FateClass {
    /// All classes, the most severe first.
    pub(crate) const ALL: [Self; 5] = [Self::Failed, Self::Partial, Self::Caught, Self::Tight, Self::Slow];

    /// Returns the class of a fate, `None` for clean and rejected.
    pub(crate) fn of(fate: Fate) -> Option<Self> {
        match fate {
            Fate::Clean | Fate::Rejected => None,
            Fate::Slow => Some(Self::Slow),
            Fate::Tight => Some(Self::Tight),
            Fate::ClientRetried | Fate::Retried | Fate::Failover | Fate::Stale | Fate::Fallback => {
                Some(Self::Caught)
            }
            Fate::Partial => Some(Self::Partial),
            Fate::Failed | Fate::Abandoned => Some(Self::Failed),
        }
    }

    /// Returns the name, for people and for style sheets.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Caught => "caught",
            Self::Tight => "tight",
            Self::Slow => "slow",
        }
    }

    /// Returns a short explanation for the legend.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "the caller got an error or gave up",
            Self::Partial => "success outside, failure inside",
            Self::Caught => "a safety net caught it",
            Self::Tight => "little room left to a limit",
            Self::Slow => "slow against its own past",
        }
    }
}
