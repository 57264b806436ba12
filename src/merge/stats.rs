//! Counts of the records that a merger took.

/// Counts of the records that a merger took, by outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MergeStats {
    /// Summaries.
    pub summaries: u64,
    /// Episodes.
    pub episodes: u64,
    /// Repeats of either.
    pub repeated: u64,
    /// Merged summaries that were left out because only some of their parts had been counted.
    pub overlapping: u64,
    /// Summaries whose content differs from another one of the same source and sequence number: two runs share a name.
    pub contradicting: u64,
    /// Summaries older than the memory of counted ones.
    pub too_late: u64,
}
