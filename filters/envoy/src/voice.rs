//! Who speaks for an Envoy: one VM reports for all of them, and nobody says anything twice.
//!
//! Each worker has a VM, and the main thread one more that never sees traffic. A VM that knows of no other does everything by
//! itself. Otherwise one VM has the *desk*: the others post what they have counted of each bucket, the desk takes it, tells
//! episodes and summaries for all, and publishes what is usual. The main thread's VM is there first and has nothing else to
//! do, so the desk is usually its.
//!
//! All of it is shared data: copies under one lock of the whole Envoy. So it is touched on ticks only, each VM writes to keys
//! of its own, and a write that another has overtaken is one that did not happen. Nothing is taken twice: what the desk has
//! read counts once its own entry, which says so, is written. A VM that is silent for [`LEASE`] loses its desk, and its
//! place among the posts once everything there was taken.

mod board;
mod desk;
mod post;

use crate::host::Call;
use alloc::string::String;
use board::Board;
pub(crate) use board::source;
use desk::Desk;
use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Observed, Record, Timestamp};
use post::Post;

/// A VM that has not been heard of for so long is gone.
const LEASE: Micros = Micros::from_seconds(30);
/// Ticks for which a VM with traffic leaves an empty desk to one without.
const COURTESY: u32 = 5;

/// One plugin's part in it, in one VM.
pub(crate) struct Voice {
    /// What all its keys begin with: plugins of other names have a voice of their own.
    key: String,
    /// Names this VM among the others; 0 until the first tick.
    id: u32,
    /// Judges this VM's own exchanges; begun by the first.
    own: Option<Monitor>,
    /// Where it posts what it has counted, if it knows of others.
    post: Option<Post>,
    /// Where it reports.
    desk: Option<Desk>,
    /// What it reported with until another took the desk over: its last records wait.
    retired: Option<Monitor>,
    /// Ticks in which nobody had the desk.
    deserted: u32,
    /// There was an entry of the desk: if there is none now, the host does not answer.
    has_met: bool,
}

impl Voice {
    /// Nothing is known of anybody.
    pub(crate) const fn new(key: String) -> Self {
        Self { key, id: 0, own: None, post: None, desk: None, retired: None, deserted: 0, has_met: false }
    }

    /// Whether this VM has seen an exchange.
    pub(crate) const fn has_begun(&self) -> bool {
        self.own.is_some()
    }

    /// Whether what this VM sees goes to a desk, be it its own.
    pub(crate) const fn is_spoken_for(&self) -> bool {
        self.post.is_some()
    }

    /// Whether this VM reports nothing.
    pub(crate) const fn is_mute(&self) -> bool {
        self.post.is_some() && self.desk.is_none()
    }

    /// Judges and counts one exchange of this VM.
    pub(crate) fn observe(
        &mut self,
        call: &Call,
        config: &Config,
        exchange: &Exchange<'_>,
    ) -> (&Monitor, Observed) {
        if self.own.is_none()
            && self.post.is_none()
            && Board::read(call, &self.key).is_some_and(|board| board.is_held(exchange.ts))
        {
            self.post = Some(Post::default());
        }
        let is_worker = self.post.is_some();
        let monitor = self.own.get_or_insert_with(|| {
            let mut monitor = monitor(call, config, exchange.ts);
            if is_worker {
                monitor.become_worker();
                desk::adopt(call, &self.key, &mut monitor);
            }
            monitor
        });
        let observed = monitor.observe(exchange);
        (monitor, observed)
    }

    /// Goes on under another configuration.
    pub(crate) fn reconfigure(&mut self, config: &Config) {
        let desk = self.desk.as_mut().and_then(Desk::monitor);
        self.own.iter_mut().chain(desk).for_each(|monitor| monitor.reconfigure(config.clone()));
    }

    /// Time passes: posts what was counted, and at the desk takes what others have posted.
    pub(crate) fn tick(&mut self, call: &Call, config: &Config, now: Timestamp) {
        if self.id == 0 {
            self.id = board::identify(call, &self.key, now);
        }
        self.retired = None;
        let board = Board::read(call, &self.key);
        let is_silence = board.is_none() && self.has_met;
        self.has_met |= board.is_some();
        let board = board.unwrap_or_default();
        if !is_silence {
            self.settle(call, &board, now);
        }
        if let Some(own) = &mut self.own {
            own.wake(now);
            if let Some(post) = &mut self.post {
                post.tick(call, &self.key, self.id, &board, own, now);
            }
        }
        self.report(call, config, now, false);
    }

    /// The plugin goes: what it has leaves, or is left to the one who reports.
    pub(crate) fn finish(&mut self, call: &Call, config: &Config, now: Timestamp) {
        if let Some(own) = &mut self.own {
            own.finish();
            if let Some(post) = &mut self.post {
                post.leave(call, &self.key, self.id, own, now);
            }
        }
        self.report(call, config, now, true);
    }

    /// Lets `each` have every record that waits.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(&Record<'_>)) {
        let desk = self.desk.as_mut().and_then(Desk::monitor);
        for monitor in self.own.iter_mut().chain(desk).chain(&mut self.retired) {
            while let Some(record) = monitor.poll_record() {
                each(&record);
            }
        }
    }

    /// How many exchanges the desk has heard of since this was asked, and how many upstreams are known to who reports.
    pub(crate) fn heard(&mut self) -> (u64, usize) {
        let desk = self
            .desk
            .as_mut()
            .map(|desk| (desk.take_heard(), desk.monitor().map(|monitor| monitor.upstreams())));
        let own = self.own.as_ref().filter(|_| self.post.is_none()).map_or(0, Monitor::upstreams);
        desk.map_or((0, own), |(heard, upstreams)| (heard, upstreams.unwrap_or(own)))
    }

    /// Finds out who has the desk, and takes it if nobody has.
    fn settle(&mut self, call: &Call, board: &Board, now: Timestamp) {
        if board.holder == self.id && self.desk.is_some() {
            return;
        }
        if let Some(desk) = self.desk.take() {
            self.retired = desk.retire();
        }
        if board.is_held(now) {
            self.deserted = 0;
            if self.post.is_none() {
                self.own.iter_mut().for_each(Monitor::become_worker);
                self.post = Some(Post::default());
            }
            return;
        }
        self.deserted += 1;
        if (self.own.is_none() || self.deserted > COURTESY) && board.take(call, &self.key, self.id, now) {
            self.desk = Some(Desk::new(now));
            self.deserted = 0;
        }
    }

    /// Does what there is to do at the desk.
    fn report(&mut self, call: &Call, config: &Config, now: Timestamp, is_last: bool) {
        let Some(desk) = &mut self.desk else { return };
        if desk.look(call, &self.key) && desk.monitor().is_none() {
            if self.post.is_none() && self.own.is_some() {
                // Not alone any more: what it has learned goes to the desk, and its own exchanges are counted like any other's.
                self.post = Some(Post::default());
                desk.begin(self.own.take());
            } else {
                let mut fresh = monitor(call, config, now);
                desk::adopt(call, &self.key, &mut fresh);
                desk.begin(Some(fresh));
            }
        }
        if !desk.work(call, &self.key, self.id, now, is_last)
            && let Some(desk) = self.desk.take()
        {
            self.retired = desk.retire();
        }
    }
}

fn monitor(call: &Call, config: &Config, now: Timestamp) -> Monitor {
    Monitor::new(config.clone(), Feed::Live, &source(call, now))
}
