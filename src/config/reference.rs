//! Reads references: restored after a restart, or accepted by an operator.

use super::error::ConfigError;
use super::field::Field;
use crate::settings::ReferenceConfig;
use crate::time;
use crate::units::{Timestamp, Used};

const DAY: &str = "a day or a time such as \"2026-11-23\" or \"2026-11-23T08:00:00.000Z\"";

impl ReferenceConfig {
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

/// Reads a day or a time in UTC, to the second.
fn time(field: &Field<'_>) -> Result<Timestamp, ConfigError> {
    let ts = time::parse(field.any_text(DAY)?).ok_or_else(|| field.error(DAY))?;
    Ok(Timestamp::from_seconds(ts.seconds()))
}
