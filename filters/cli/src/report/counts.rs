//! Counts that add, and the shares that follow from them.

use nearmiss::Fate;

/// What was counted of some exchanges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) fates: [u64; Fate::ALL.len()],
    pub(crate) aborted: u64,
    /// Those that left a record and no count of the clean ones beside them: they are in no share.
    pub(crate) noted: u64,
    pub(crate) attempts: u64,
    /// Successes of one attempt that no safety net carried.
    pub(crate) first_try: u64,
}

/// What kept an exchange from being clean, in five classes that are told apart at a glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    Failed,
    Partial,
    Caught,
    Tight,
    Slow,
}

impl Class {
    /// All of them, the gravest first.
    pub(crate) const ALL: [Self; 5] = [Self::Failed, Self::Partial, Self::Caught, Self::Tight, Self::Slow];

    /// The class of a fate; `None` for a clean one.
    pub(crate) fn of(fate: Fate) -> Option<Self> {
        match fate {
            Fate::Clean => None,
            Fate::Slow => Some(Self::Slow),
            Fate::Tight => Some(Self::Tight),
            Fate::ClientRetried | Fate::Retried | Fate::Failover | Fate::Stale | Fate::Fallback => {
                Some(Self::Caught)
            }
            Fate::Partial => Some(Self::Partial),
            Fate::Failed => Some(Self::Failed),
        }
    }

    /// The word for people and for style sheets.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Caught => "caught",
            Self::Tight => "tight",
            Self::Slow => "slow",
        }
    }

    /// What it means, in half a sentence.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "the caller got an error",
            Self::Partial => "success outside, failure inside",
            Self::Caught => "a safety net caught it",
            Self::Tight => "little room left to a limit",
            Self::Slow => "slow against its own past",
        }
    }
}

impl Counts {
    /// One exchange, of which no more is known than its fate.
    pub(crate) fn of_one(fate: Fate) -> Self {
        Self::of_many(fate, 1)
    }

    /// Exchanges of which no more is known than their fate.
    pub(crate) fn of_many(fate: Fate, count: u64) -> Self {
        let unaided =
            matches!(fate, Fate::Clean | Fate::Slow | Fate::Tight | Fate::ClientRetried | Fate::Partial);
        let first_try = if unaided { count } else { 0 };
        let mut many = Self { attempts: count, first_try, ..Self::default() };
        many.count(fate, count);
        many
    }

    /// One exchange that left a record.
    pub(crate) fn of_record(fate: Fate) -> Self {
        Self { noted: 1, ..Self::of_one(fate) }
    }

    pub(crate) fn count(&mut self, fate: Fate, count: u64) {
        if let Some(held) = self.fates.get_mut(fate as usize) {
            *held = held.saturating_add(count);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.fates.iter_mut().zip(other.fates).for_each(|(held, more)| *held = held.saturating_add(more));
        self.aborted = self.aborted.saturating_add(other.aborted);
        self.noted = self.noted.saturating_add(other.noted);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.first_try = self.first_try.saturating_add(other.first_try);
    }

    pub(crate) fn of(&self, fate: Fate) -> u64 {
        self.fates.get(fate as usize).copied().unwrap_or(0)
    }

    pub(crate) fn class(&self, class: Class) -> u64 {
        Fate::ALL.into_iter().filter(|fate| Class::of(*fate) == Some(class)).map(|fate| self.of(fate)).sum()
    }

    pub(crate) fn exchanges(&self) -> u64 {
        self.fates.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Those whose callers stayed, as far as all of them were counted.
    pub(crate) fn judged(&self) -> u64 {
        self.exchanges().saturating_sub(self.aborted).saturating_sub(self.noted)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.of(Fate::Failed)
    }

    pub(crate) fn near_misses(&self) -> u64 {
        self.exchanges().saturating_sub(self.of(Fate::Clean)).saturating_sub(self.failed())
    }

    /// Near misses that say more than that an answer was slow, which alone proves nothing.
    pub(crate) fn close_calls(&self) -> u64 {
        self.near_misses().saturating_sub(self.of(Fate::Slow))
    }

    /// What callers saw, in basis points, floored.
    pub(crate) fn final_success(&self) -> Option<u64> {
        share(self.judged().saturating_sub(self.failed()), self.judged())
    }

    /// What they would have seen without safety nets.
    pub(crate) fn first_try_success(&self) -> Option<u64> {
        share(self.first_try, self.judged())
    }

    /// Successes that only safety nets made.
    pub(crate) fn carried(&self) -> u64 {
        self.judged().saturating_sub(self.failed()).saturating_sub(self.first_try)
    }

    /// Attempts for each exchange, in hundredths.
    pub(crate) fn amplification(&self) -> Option<u64> {
        let counted = self.exchanges().saturating_sub(self.noted);
        let attempts = self.attempts.saturating_sub(self.noted);
        (u128::from(attempts) * 100).checked_div(counted.into()).map(|share| share as u64)
    }
}

/// A share in basis points, floored.
pub(crate) fn share(part: u64, whole: u64) -> Option<u64> {
    (u128::from(part) * 10_000).checked_div(whole.into()).map(|share| share as u64)
}
