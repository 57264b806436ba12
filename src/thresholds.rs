//! The configured parts of a verdict.

use crate::exchange::Exchange;
use crate::units::{Micros, Used};

/// Configured parts of a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Thresholds {
    /// Margin strictly below which a success is tight.
    pub(crate) tight: Used,
    /// Wait above which a client that gives up may have done so because of the upstream.
    pub(crate) abandon_after: Micros,
    /// Clients whose hints about their own retries are believed.
    pub(crate) client_retries: ClientRetries,
}

/// Clients whose hints about their own retries are believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientRetries {
    /// All but those that the host marks as coming from outside.
    UnlessExternal,
    /// All.
    Always,
    /// None.
    Never,
}

impl ClientRetries {
    /// Returns true if the hints of this exchange's client are believed.
    pub(crate) fn believes(self, exchange: &Exchange<'_>) -> bool {
        match self {
            Self::UnlessExternal => exchange.client_trusted != Some(false),
            Self::Always => true,
            Self::Never => false,
        }
    }
}
