//! Buckets are sealed here, and what opens and closes with them leaves as records.

use super::{Monitor, share};
use crate::episode::{Change, OpenEpisode, Reference};
use crate::fleet::Entry;
use crate::histogram::Log2;
use crate::outbox::Outbox;
use crate::record::{self, EpisodeContext, HostNames, Phase, RecordKind};
use crate::settings::ReferenceConfig;
use crate::sort;
use crate::timeline;
use alloc::vec::Vec;

impl Monitor {
    /// Seals every bucket that is due, or all.
    pub(super) fn seal(&mut self, all: bool) {
        while let Some(bucket) = self.timeline.seal_next(all) {
            let is_gap = !self.fleet.iter().any(|entry| entry.upstream.is_open());
            self.seal_one(bucket);
            if is_gap {
                // Nothing is waiting for a seal; silence closes what is open all the same.
                self.timeline.skip_to_due(all);
                let last = self.timeline.sealed().saturating_sub(1);
                if last > bucket {
                    self.seal_one(last);
                }
            }
        }
    }

    fn seal_one(&mut self, bucket: u64) {
        let Self { fleet, engine, .. } = self;
        let mut rank = 0;
        while let Some(entry) = fleet.by_name(rank).and_then(|place| fleet.get_mut(place)) {
            let sealed = entry.upstream.seal(bucket);
            // First what the bucket says, by the routes as they were.
            engine.weigh(bucket, entry.id.get(), &mut entry.detector);
            (0..8)
                .filter(|slot| sealed.replaced_routes >> slot & 1 == 1)
                .for_each(|slot| entry.detector.forget_route(slot));
            rank += 1;
        }
        engine.combine(bucket);
        let mut changes = Vec::new();
        let mut rank = 0;
        while let Some(entry) = fleet.by_name(rank).and_then(|place| fleet.get_mut(place)) {
            let id = entry.id.get();
            engine.settle(bucket, id, &mut entry.detector, |change| changes.push((id, change)));
            rank += 1;
        }
        engine.clear();
        for (id, change) in changes {
            match change {
                Change::Opened(open) => self.record_episode(id, Phase::Open, &open),
                Change::Closed(open) => self.record_episode(id, Phase::Close, &open),
                Change::Deviated(deviation) => {
                    let Some(entry) = self.fleet.iter().find(|entry| entry.id.get() == id) else { continue };
                    let name = entry.upstream.name();
                    for phase in [Phase::Open, Phase::Close] {
                        self.outbox.push(RecordKind::Episode, deviation.end(), |out| {
                            record::deviation(out, phase, &deviation, name);
                        });
                    }
                }
            }
        }
    }

    /// Closes what is still open at the end of input.
    pub(super) fn truncate_episodes(&mut self) {
        let mut rank = 0;
        while let Some(entry) = self.fleet.by_name(rank).and_then(|place| self.fleet.get_mut(place)) {
            rank += 1;
            let id = entry.id.get();
            if let Some(open) = entry.detector.close(0) {
                self.record_episode(id, Phase::Truncated, &open);
            }
        }
    }

    fn record_episode(&mut self, id: u32, phase: Phase, open: &OpenEpisode) {
        let Self { fleet, outbox, config, .. } = self;
        let entry = |id: u32| fleet.iter().find(|entry| entry.id.get() == id);
        let Some(Entry { upstream, .. }) = entry(id) else { return };
        let mut related: Vec<&str> =
            open.related.iter().filter_map(|id| entry(*id)).map(|entry| entry.upstream.name()).collect();
        sort::sort_by(&mut related, |a, b| a < b);
        let context = EpisodeContext { upstream, hosts: HostNames(config.hosts), related: &related };
        leave(outbox, phase, open, context);
    }
}

fn leave(outbox: &mut Outbox, phase: Phase, open: &OpenEpisode, context: EpisodeContext<'_>) {
    let time = if phase == Phase::Open { open.detected } else { open.last };
    outbox.push(RecordKind::Episode, share::end_of(time.into()), |out| {
        record::episode(out, phase, open, context)
    });
}

impl From<&ReferenceConfig> for Reference {
    fn from(config: &ReferenceConfig) -> Self {
        Self {
            from: timeline::bucket_of(config.since) as u32,
            near: config.near_misses,
            log2: Log2::of(config.typical).0,
            expires: config.expires.map_or(0, |at| timeline::bucket_of(at) as u32),
        }
    }
}
