//! Runs the passes over the upstreams that are due.
//!
//! A pass may stop after any upstream, for a host that spreads its work. Nothing happens in between: each call that observes, absorbs,
//! wakes, ends or changes the configuration completes the pass first.

use super::Monitor;
use super::pass::{Bucket, Pass, Task};
use super::steps::{HEAVY, Steps};
use crate::units::Timestamp;

impl Monitor {
    /// Seals the buckets that are due, or all of them, and, unless all, emits the summaries that are due. Returns false if it must
    /// be continued.
    #[inline(never)]
    pub(super) fn run_passes(&mut self, all: bool, steps: &mut Steps) -> bool {
        while let Some(mut pass) = self.pass.take().or_else(|| self.next_pass(all)) {
            if !self.run_pass(&mut pass, all, steps) {
                self.pass = Some(pass);
                return false;
            }
        }
        true
    }

    /// Emits the summaries of all upstreams.
    pub(super) fn summarise_all(&mut self, end: Timestamp) {
        self.run_pass(&mut Pass::new(Task::Summarise(end)), false, &mut Steps::all());
    }

    fn next_pass(&mut self, all: bool) -> Option<Pass> {
        if let Some(number) = self.timeline.seal_next(all) {
            let is_gap = !self.fleet.iter().any(|entry| entry.upstream.is_open());
            return Some(Pass::new(Task::Evaluate(Bucket { number, is_gap })));
        }
        // The end of time comes again and again: nothing falls due there.
        let is_due =
            |watermark: &Timestamp| *watermark >= self.summary_due && self.summary_due < Timestamp::MAX;
        let watermark = self.timeline.watermark().filter(|watermark| !all && is_due(watermark))?;
        let every = self.config.summary_every.get();
        let passed = Timestamp::from_micros(watermark.micros() / every * every);
        let is_first = self.summary_due == Timestamp::default();
        self.summary_due = passed.after(self.config.summary_every);
        (!is_first).then(|| Pass::new(Task::Summarise(passed)))
    }

    /// Returns false if steps were wanting.
    fn run_pass(&mut self, pass: &mut Pass, all: bool, steps: &mut Steps) -> bool {
        loop {
            let index = match pass.task {
                Task::Record(_) => pass.changes.len().checked_sub(1),
                _ => self.fleet.by_name(pass.position),
            };
            let Some(index) = index else {
                match self.next_task(pass, all) {
                    Some(task) => (pass.task, pass.position) = (task, 0),
                    None => return true,
                }
                continue;
            };
            if !steps.take(if let Task::Update(_) = pass.task { 1 } else { HEAVY }) {
                return false;
            }
            pass.position += 1;
            match pass.task {
                Task::Evaluate(bucket) => self.evaluate(bucket.number, index),
                Task::Update(bucket) => self.update(bucket.number, index, &mut pass.changes),
                Task::Record(_) => {
                    if let Some((id, change)) = pass.next_change() {
                        self.record_change(id, &change);
                    }
                }
                Task::Summarise(end) => self.summarise(index, end),
            }
        }
    }

    /// Returns the task after one that is complete.
    fn next_task(&mut self, pass: &mut Pass, all: bool) -> Option<Task> {
        match pass.task {
            Task::Evaluate(bucket) => {
                self.engine.combine(bucket.number);
                Some(Task::Update(bucket))
            }
            Task::Update(bucket) => {
                self.engine.clear();
                Some(Task::Record(bucket))
            }
            Task::Record(Bucket { number, is_gap: true }) => {
                // No bucket waits for its seal; silence still closes open episodes.
                self.timeline.skip_to_due(all);
                let last = self.timeline.sealed().saturating_sub(1);
                (last > number).then_some(Task::Evaluate(Bucket { number: last, is_gap: false }))
            }
            Task::Record(_) | Task::Summarise(_) => None,
        }
    }
}
