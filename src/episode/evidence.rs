//! Evidence of one sealed bucket, in nats by cause.

use super::bucket::BucketCounts;
use super::dimensions::ROUTES;
use super::hosts::OutlierHost;
use super::periodicity::Periodicity;
use super::residual::BINS;

/// Cause of an alarm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// Attempts failed.
    Errors,
    /// Safety nets other than retries caught exchanges.
    Caught,
    /// Responses came near a limit.
    Late,
    /// The tail grew.
    Tail,
    /// All responses were slower.
    LocationShift,
    /// One host was an outlier.
    Host,
    /// The same blip recurred.
    Periodicity,
    /// Several upstreams had weak evidence at once.
    CrossUpstream,
}

impl Cause {
    pub(super) const COUNT: usize = 8;

    /// Returns true if durations raised the alarm.
    pub(super) fn is_timing(self) -> bool {
        matches!(self, Self::Tail | Self::LocationShift | Self::CrossUpstream)
    }
}

/// Evidence of a sealed bucket.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) counts: BucketCounts,
    pub(super) residuals: [u16; BINS],
    /// Significant shift of all durations, in nats; 0 without one.
    pub(super) shift: f32,
    /// Microseconds that the shift adds to a typical duration; 0 without one.
    pub(super) slowdown: f32,
    pub(super) alarm: Option<Cause>,
    /// Evidence of the alarm as a multiple of its threshold.
    pub(super) alarm_ratio: f32,
    /// Nats by cause.
    pub(super) nats: [f32; Cause::COUNT],
    /// True if anything crossed the threshold that keeps an open episode alive.
    pub(super) is_alive: bool,
    pub(super) outlier: Option<OutlierHost>,
    /// Impact on each route, and its attempts.
    pub(super) routes: [(u16, u16); ROUTES],
    pub(super) periodicity: Option<Periodicity>,
    /// Nats to combine with the evidence of other upstreams.
    pub(super) cross_upstream: f32,
    /// True if slowness had been adding up for minutes before this bucket.
    pub(super) drifted: bool,
    /// True if far more exchanges failed than the baseline explains.
    pub(super) is_outage: bool,
}

impl Evidence {
    /// Creates the evidence of a bucket before any method has evaluated it.
    pub(super) fn new(counts: BucketCounts, residuals: [u16; BINS]) -> Self {
        Self {
            counts,
            residuals,
            shift: 0.0,
            slowdown: 0.0,
            alarm: None,
            alarm_ratio: 0.0,
            nats: [0.0; Cause::COUNT],
            is_alive: false,
            outlier: None,
            routes: [(0, 0); ROUTES],
            periodicity: None,
            cross_upstream: 0.0,
            drifted: false,
            is_outage: false,
        }
    }

    /// Raises an alarm. The cause with the largest ratio to its threshold wins.
    pub(super) fn raise(&mut self, cause: Cause, ratio: f32) {
        if self.alarm.is_none() || ratio > self.alarm_ratio {
            self.alarm = Some(cause);
            self.alarm_ratio = ratio;
        }
        self.is_alive = true;
    }

    /// Records the evidence for a cause; the largest counts.
    pub(super) fn record(&mut self, cause: Cause, nats: f32) {
        if let Some(most) = self.nats.get_mut(cause as usize) {
            *most = most.max(nats);
        }
    }
}
