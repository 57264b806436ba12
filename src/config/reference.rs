//! References given back after a restart, or accepted anew.

use super::ConfigError;
use super::field::Field;
use crate::time;
use crate::units::{Micros, Timestamp, Used};
use alloc::string::String;

/// What an upstream's days are compared with; as its summaries carry it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReferenceConfig {
    /// When its day began, or when it was accepted.
    pub since: Timestamp,
    /// Its share of near misses.
    pub near_misses: Used,
    /// Its typical duration.
    pub typical: Micros,
    /// When it stops to hold and a new one is taken.
    pub expires: Option<Timestamp>,
    /// Why it was accepted, if somebody has accepted it.
    pub reason: Option<String>,
}

const DAY: &str = "a day or a time such as \"2026-11-23\" or \"2026-11-23T08:00:00.000Z\"";

impl ReferenceConfig {
    /// Whether it still holds at `now`.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    pub(super) fn read(section: &Field<'_>) -> Result<Self, ConfigError> {
        let (mut since, mut near_misses, mut typical, mut expires, mut reason) =
            (None, None, None, None, None);
        section.each(|key, field| {
            match key {
                "since" => since = Some(time(field)?),
                "near_miss_bp" => {
                    let share = field.number(0..=10_000, "0 to 10000")?;
                    near_misses = Used::from_basis_points(share as u16);
                }
                "typical_ms" => typical = Some(field.millis("milliseconds such as 42.1")?),
                "reason" => reason = Some(field.text()?).filter(|reason| !reason.is_empty()),
                "expires" => expires = Some(time(field)?),
                _ => return Err(field.unknown("since, near_miss_bp, typical_ms, reason, expires")),
            }
            Ok(())
        })?;
        let whole = "since, near_miss_bp and typical_ms";
        if reason.is_some() && expires.is_none() {
            return Err(section.error("an acceptance with a reason and with a day in `expires`"));
        }
        Ok(Self {
            since: since.ok_or_else(|| section.error(whole))?,
            near_misses: near_misses.ok_or_else(|| section.error(whole))?,
            typical: typical.ok_or_else(|| section.error(whole))?,
            expires,
            reason,
        })
    }
}

/// A day, or a time in UTC, to the second.
fn time(field: &Field<'_>) -> Result<Timestamp, ConfigError> {
    let ts = time::parse(field.any_text(DAY)?).ok_or_else(|| field.error(DAY))?;
    Ok(Timestamp::from_seconds(ts.seconds()))
}
