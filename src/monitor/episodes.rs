//! Seals buckets and emits the records of episodes that open and close with them.

use super::{Monitor, share};
use crate::config::ReferenceConfig;
use crate::episode::{Change, OpenEpisode, Pattern, Reference};
use crate::fleet::Entry;
use crate::histogram::Log2;
use crate::outbox::Outbox;
use crate::record::{self, EpisodeContext, Head, Phase};
use crate::sort;
use crate::timeline;
use alloc::vec::Vec;
use core::cmp::Reverse;

impl Monitor {
    /// Seals the buckets that are due, or all of them.
    pub(super) fn seal(&mut self, all: bool) {
        while let Some(bucket) = self.timeline.seal_next(all) {
            let is_gap = !self.fleet.iter().any(|entry| entry.upstream.is_open());
            self.seal_one(bucket);
            if is_gap {
                // No bucket waits for its seal; silence still closes open episodes.
                self.timeline.skip_to_due(all);
                let last = self.timeline.sealed().saturating_sub(1);
                if last > bucket {
                    self.seal_one(last);
                }
            }
        }
    }

    fn seal_one(&mut self, bucket: u64) {
        let Self { fleet, engine, timeline, .. } = self;
        let next_comparable = timeline.comparable(bucket + 1);
        let mut position = 0;
        while let Some(entry) = fleet.by_name(position).and_then(|index| fleet.get_mut(index)) {
            let sealed = entry.upstream.seal(bucket, next_comparable);
            entry.detector.settle_hosts(bucket, &sealed.hosts);
            // The bucket is weighed before its seal replaces a route.
            engine.evaluate(bucket, entry.id.get(), &mut entry.detector);
            if let Some(slot) = sealed.replaced_route {
                entry.detector.forget_route(slot);
            }
            position += 1;
        }
        engine.combine(bucket);
        let mut changes = Vec::new();
        let mut position = 0;
        while let Some(entry) = fleet.by_name(position).and_then(|index| fleet.get_mut(index)) {
            let id = entry.id.get();
            engine.update(bucket, id, &mut entry.detector, |change| changes.push((id, change)));
            position += 1;
        }
        engine.clear();
        // Of episodes that open together the one with the largest shift comes first.
        let rank = |(order, (_, change)): &(usize, (u32, Change))| match change {
            Change::Opened(open) => (true, Reverse(open.shift_bp()), *order),
            Change::Closed(_) | Change::Deviated(_) => (false, Reverse(None), *order),
        };
        let mut changes: Vec<_> = changes.into_iter().enumerate().collect();
        sort::sort_by(&mut changes, |a, b| rank(a) < rank(b));
        for (_, (id, change)) in changes {
            match change {
                Change::Opened(open) => self.record_episode(id, Phase::Open, &open),
                Change::Closed(open) => self.record_episode(id, Phase::Close, &open),
                Change::Deviated(deviation) => {
                    let Some(entry) = self.fleet.iter().find(|entry| entry.id.get() == id) else { continue };
                    let name = entry.upstream.name();
                    for phase in [Phase::Open, Phase::Close] {
                        let head = Head::Episode { is_open: phase == Phase::Open, pattern: Pattern::Deviant };
                        self.outbox.push(head, deviation.end(), name, |json| {
                            record::deviation(json, phase, &deviation, name);
                        });
                    }
                }
            }
        }
    }

    /// Closes the episodes that are still open at the end of input.
    pub(super) fn truncate_episodes(&mut self) {
        let mut position = 0;
        while let Some(entry) = self.fleet.by_name(position).and_then(|index| self.fleet.get_mut(index)) {
            position += 1;
            let id = entry.id.get();
            if let Some(open) = entry.detector.close() {
                self.record_episode(id, Phase::Truncated, &open);
            }
        }
    }

    fn record_episode(&mut self, id: u32, phase: Phase, open: &OpenEpisode) {
        let hosts = self.host_names();
        let Self { fleet, outbox, .. } = self;
        let entry = |id: u32| fleet.iter().find(|entry| entry.id.get() == id);
        let Some(Entry { upstream, .. }) = entry(id) else { return };
        let mut related: Vec<&str> =
            open.related.iter().filter_map(|id| entry(*id)).map(|entry| entry.upstream.name()).collect();
        sort::sort_by(&mut related, |a, b| a < b);
        let context = EpisodeContext { upstream, hosts, related: &related };
        push(outbox, phase, open, context);
    }
}

fn push(outbox: &mut Outbox, phase: Phase, open: &OpenEpisode, context: EpisodeContext<'_>) {
    let time = if phase == Phase::Open { open.detected } else { open.last };
    let head = Head::Episode { is_open: phase == Phase::Open, pattern: open.pattern() };
    outbox.push(head, share::end_of(time.into()), context.upstream.name(), |json| {
        record::episode(json, phase, open, context)
    });
}

impl From<&ReferenceConfig> for Reference {
    fn from(config: &ReferenceConfig) -> Self {
        Self {
            from: timeline::bucket_of(config.since) as u32,
            near_misses: config.near_misses,
            log2: Log2::of(config.typical).0,
            expires: config.expires.map_or(0, |at| timeline::bucket_of(at) as u32),
        }
    }
}
