//! The columns of all tables of upstreams: their titles, widths and cells.

use super::numbers::{GroupedCount, Percent};
use crate::counts::Counts;
use core::fmt;
use nearmiss::Fate;

/// A column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UpstreamColumn {
    Exchanges,
    FirstTry,
    Final,
    NearMisses,
    Failed,
    Rejected,
    Abandoned,
    Margin,
}

/// Figures of one upstream, for the cells of its row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpstreamFigures {
    pub(crate) exchanges: u64,
    /// Success rates without and with safety nets, in basis points.
    pub(crate) first_try_bp: Option<u64>,
    pub(crate) final_bp: Option<u64>,
    pub(crate) near_misses: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
    pub(crate) abandoned: u64,
    /// The smallest margin of a success, in basis points.
    pub(crate) margin_bp: Option<u16>,
}

impl UpstreamFigures {
    pub(crate) fn new(counts: &Counts, margin_bp: Option<u16>) -> Self {
        Self {
            exchanges: counts.exchanges(),
            first_try_bp: counts.first_try_success(),
            final_bp: counts.final_success(),
            near_misses: counts.near_misses(),
            failed: counts.of(Fate::Failed),
            rejected: counts.of(Fate::Rejected),
            abandoned: counts.of(Fate::Abandoned),
            margin_bp,
        }
    }
}

/// The content of a cell. It is formatted in groups of digits for people; with `{:#}` plain, for tables in logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cell {
    Count(u64),
    /// A share in basis points, if known.
    Share(Option<u64>),
}

/// Severity of what a cell shows, for its color.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    Neutral,
    Warning,
    Alarm,
}

impl UpstreamColumn {
    /// All columns.
    pub(crate) const ALL: [Self; 8] = [
        Self::Exchanges,
        Self::FirstTry,
        Self::Final,
        Self::NearMisses,
        Self::Failed,
        Self::Rejected,
        Self::Abandoned,
        Self::Margin,
    ];

    /// The columns that tables without a margin have: all but the last.
    pub(crate) const COUNTS: &[Self] = Self::ALL.split_at(Self::ALL.len() - 1).0;

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Exchanges => "exchanges",
            Self::FirstTry => "first try",
            Self::Final => "final",
            Self::NearMisses => "near misses",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Abandoned => "abandoned",
            Self::Margin => "margin",
        }
    }

    /// Returns the width in columns of a terminal.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Exchanges => 10,
            Self::FirstTry | Self::Final | Self::Abandoned => 9,
            Self::NearMisses => 11,
            Self::Failed | Self::Rejected | Self::Margin => 8,
        }
    }

    pub(crate) fn cell(self, figures: &UpstreamFigures) -> Cell {
        match self {
            Self::Exchanges => Cell::Count(figures.exchanges),
            Self::FirstTry => Cell::Share(figures.first_try_bp),
            Self::Final => Cell::Share(figures.final_bp),
            Self::NearMisses => Cell::Count(figures.near_misses),
            Self::Failed => Cell::Count(figures.failed),
            Self::Rejected => Cell::Count(figures.rejected),
            Self::Abandoned => Cell::Count(figures.abandoned),
            Self::Margin => Cell::Share(figures.margin_bp.map(u64::from)),
        }
    }

    pub(crate) fn tone(self, figures: &UpstreamFigures) -> Tone {
        match self {
            Self::NearMisses if figures.near_misses > 0 => Tone::Warning,
            Self::Failed if figures.failed > 0 => Tone::Alarm,
            _ => Tone::Neutral,
        }
    }

    /// Returns true if rows with small values come first when a table is sorted by this column.
    pub(crate) fn is_worst_when_small(self) -> bool {
        matches!(self, Self::FirstTry | Self::Final | Self::Margin)
    }
}

impl Cell {
    /// Returns the value to sort by; unknown values are the largest.
    pub(crate) fn rank(self) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => share.unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) if f.alternate() => write!(f, "{count}"),
            Self::Count(count) => GroupedCount(*count).fmt(f),
            Self::Share(Some(bp)) if f.alternate() => write!(f, "{}.{:02} %", bp / 100, bp % 100),
            Self::Share(None) if f.alternate() => f.write_str("-"),
            Self::Share(share) => Percent(*share).fmt(f),
        }
    }
}
