//! References: restored after a restart, or accepted by an operator.

use super::error::ConfigError;
use super::field::Field;
use super::fields::Fields;
use super::takes::Takes;
use crate::time;
use crate::units::{Micros, Timestamp, Used};
use alloc::string::String;

/// A reference that was restored after a restart or accepted by an operator, as summaries carry it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReferenceConfig {
    /// Start of its day, or the time of its acceptance.
    pub since: Timestamp,
    /// Share of near misses.
    pub near_misses: Used,
    /// Typical duration.
    pub typical: Micros,
    /// Time from which a new reference replaces it.
    pub expires: Option<Timestamp>,
    /// Reason of an acceptance.
    pub reason: Option<String>,
}

crate::config_fields! {
    /// The fields of a reference, before the check that all required ones are there.
    struct ReferenceFields {
        since: Option<Timestamp> = None, time;
        near_miss_bp: Option<Used> = None, |field| {
            let share = field.number(0..=10_000)?;
            Ok(Used::from_basis_points(share as u16))
        };
        typical_ms: Option<Micros> = None, |field| field.millis().map(Some);
        reason: Option<String> = None, |field| field.text().map(Some);
        expires: Option<Timestamp> = None, time;
    }
}

impl ReferenceConfig {
    pub(super) fn read(section: &Field<'_>) -> Result<Self, ConfigError> {
        let mut fields = ReferenceFields::default();
        fields.read(section)?;
        let ReferenceFields { since, near_miss_bp, typical_ms, reason, expires } = fields;
        if reason.is_some() && expires.is_none() {
            let takes = Takes::Condition("an acceptance with a reason and with a day in `expires`");
            return Err(section.error(takes));
        }
        match (since, near_miss_bp, typical_ms) {
            (Some(since), Some(near_misses), Some(typical)) => {
                Ok(Self { since, near_misses, typical, expires, reason })
            }
            _ => Err(section.error(Takes::Object { required: &["since", "near_miss_bp", "typical_ms"] })),
        }
    }

    /// Returns true if the reference is valid at `now`.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Reads a day or a time in UTC, to the second.
fn time(field: &Field<'_>) -> Result<Option<Timestamp>, ConfigError> {
    let ts = field.any_text().and_then(time::parse).ok_or_else(|| field.error(Takes::DayOrTime))?;
    Ok(Some(Timestamp::from_seconds(ts.seconds())))
}
