//! Seals the bucket of an upstream, and emits the records of episodes that open and close with it.

use super::Monitor;
use crate::config::ReferenceConfig;
use crate::episode::{Change, OpenEpisode, Pattern, Reference};
use crate::fleet::Entry;
use crate::histogram::Log2;
use crate::outbox::Outbox;
use crate::record::{self, EpisodeContext, Head, Phase};
use crate::sort;
use crate::timeline;
use alloc::vec::Vec;

impl Monitor {
    /// Seals a bucket of one upstream and evaluates it.
    pub(super) fn evaluate(&mut self, bucket: u64, index: usize) {
        let next_comparable = self.timeline.comparable(bucket + 1);
        let Some(entry) = self.fleet.get_mut(index) else { return };
        let sealed = entry.upstream.seal(bucket, next_comparable);
        entry.detector.settle_hosts(bucket, &sealed.hosts);
        // The bucket is weighed before its seal replaces a route.
        self.engine.evaluate(bucket, entry.id.get(), &mut entry.detector);
        if let Some(slot) = sealed.replaced_route {
            entry.detector.forget_route(slot);
        }
    }

    /// Closes and opens the episodes of one upstream, once all are evaluated.
    pub(super) fn update(&mut self, bucket: u64, index: usize, changes: &mut Vec<(u32, Change)>) {
        let Some(entry) = self.fleet.get_mut(index) else { return };
        let id = entry.id.get();
        self.engine.update(bucket, id, &mut entry.detector, |change| changes.push((id, change)));
    }

    /// Emits the records of a change.
    pub(super) fn record_change(&mut self, id: u32, change: &Change) {
        match change {
            Change::Opened(open) => self.record_episode(id, Phase::Open, open),
            Change::Closed(open) => self.record_episode(id, Phase::Close, open),
            Change::Deviated(deviation) => {
                let Some(entry) = self.fleet.iter().find(|entry| entry.id.get() == id) else { return };
                let name = entry.upstream.name();
                for phase in [Phase::Open, Phase::Close] {
                    let head = Head::Episode { is_open: phase == Phase::Open, pattern: Pattern::Deviant };
                    self.outbox.push(head, deviation.end(), name, |json| {
                        record::deviation(json, phase, deviation, name);
                    });
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
    outbox.push(head, timeline::end_of(time.into()), context.upstream.name(), |json| {
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
