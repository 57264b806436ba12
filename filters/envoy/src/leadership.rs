//! Leader election: one VM reports episodes and summaries for the whole Envoy, each exactly once.
//!
//! Envoy runs a VM on each worker and one more on its main thread, which never sees traffic. A VM without peers runs
//! standalone. Otherwise one VM is the *leader* and the others are *followers*: a follower publishes a delta for each bucket, the
//! leader merges the deltas, emits episodes and summaries for all VMs, and publishes the baselines it has learned. The main
//! thread's VM starts first and is idle, so it usually leads. A leader that sees traffic is a follower as well, for its own
//! exchanges, and hands over to a VM without traffic. VMs may end in any order: one that ends after the leader takes the lease and
//! reports what is left.
//!
//! VMs communicate through shared data, which Envoy copies under one lock for the whole process. So it is accessed on ticks
//! only, each VM writes only to its own keys and the lease, and a write fails if the entry has changed since it was read.
//! Nothing is counted twice: the leader absorbs deltas only after it has written their numbers to the lease. A VM that is
//! silent for the lease timeout loses the lease and its mailbox; the leader has absorbed its deltas by then.

mod baselines;
mod candidate;
mod follower;
mod heartbeat;
mod leader;
mod lease;
mod mailbox;

use crate::hosts_key;
use crate::identity;
use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::string::String;
use alloc::sync::Arc;
use follower::Follower;
use leader::{Leader, Successor};
use lease::Lease;
use nearmiss::{Exchange, Feed, Monitor, Observed, Record, Timestamp};
use nearmiss_envoy_exchange::config::PluginConfig;

/// Takeover grace: a VM with traffic acquires a free lease only after this many ticks, so that VMs without traffic go first.
const TAKEOVER_GRACE: u32 = 5;

/// The role of one VM in the leader election of one plugin.
pub(crate) struct Leadership {
    /// The prefix of all keys in shared data: plugins with different identities elect different leaders.
    key: String,
    /// The id of this VM; 0 until the first tick.
    id: u32,
    /// Judges this VM's own exchanges; created by the first one.
    own: Option<Monitor>,
    /// Set if this VM reports its exchanges via a leader.
    follower: Option<Follower>,
    /// Set if this VM leads.
    leader: Option<Leader>,
    /// The monitor of a leader that has stepped down, until its last records are drained.
    former_leader: Option<Monitor>,
    /// Ticks since a leader was last seen.
    ticks_without_leader: u32,
    /// True once a lease was read. If there is none later, the hostcall has failed.
    had_leader: bool,
}

impl Leadership {
    /// Creates the state of a VM that has no id, no exchanges and no known peers.
    pub(crate) const fn new(key: String) -> Self {
        Self {
            key,
            id: 0,
            own: None,
            follower: None,
            leader: None,
            former_leader: None,
            ticks_without_leader: 0,
            had_leader: false,
        }
    }

    /// Returns true if this VM has seen an exchange.
    pub(crate) const fn has_observed(&self) -> bool {
        self.own.is_some()
    }

    /// Returns true if this VM's exchanges are reported by a leader, which may be itself.
    pub(crate) const fn reports_via_leader(&self) -> bool {
        self.follower.is_some()
    }

    /// Returns true if another VM reports for this one.
    pub(crate) const fn is_follower(&self) -> bool {
        self.follower.is_some() && self.leader.is_none()
    }

    /// Judges and counts one exchange of this VM.
    pub(crate) fn observe(
        &mut self,
        hostcalls: &Hostcalls,
        config: &PluginConfig,
        exchange: &Exchange<'_>,
    ) -> (&Monitor, Observed) {
        if self.own.is_none()
            && self.follower.is_none()
            && Lease::read(hostcalls, &self.key).is_some_and(|lease| lease.is_held(exchange.ts))
        {
            self.follower = Some(Follower::default());
        }
        let is_worker = self.follower.is_some();
        let monitor = self.own.get_or_insert_with(|| {
            let mut monitor = new_monitor(hostcalls, config, exchange.ts);
            if is_worker {
                monitor.become_worker();
                baselines::apply(hostcalls, &self.key, &mut monitor);
            }
            monitor
        });
        if !monitor.has_config(&config.core) {
            // Two listeners have the plugin, with different configurations.
            reconfigure(hostcalls, monitor, config);
        }
        let observed = monitor.observe(exchange);
        (monitor, observed)
    }

    /// Applies a new configuration to the monitors.
    pub(crate) fn reconfigure(&mut self, hostcalls: &Hostcalls, config: &PluginConfig) {
        let leader = self.leader.as_mut().and_then(Leader::monitor);
        self.own.iter_mut().chain(leader).for_each(|monitor| reconfigure(hostcalls, monitor, config));
    }

    /// Updates the role, publishes as a follower and reports as the leader.
    pub(crate) fn on_tick(&mut self, hostcalls: &Hostcalls, config: &PluginConfig, now: Timestamp) {
        self.ensure_id(hostcalls, now);
        self.former_leader = None;
        let lease = Lease::read(hostcalls, &self.key);
        let has_failed = lease.is_none() && self.had_leader;
        self.had_leader |= lease.is_some();
        let lease = lease.unwrap_or_default();
        if !has_failed {
            self.update_role(hostcalls, &lease, now);
        }
        if let Some(own) = &mut self.own {
            own.wake(now);
            if let Some(follower) = &mut self.follower {
                follower.on_tick(hostcalls, &self.key, self.id, &lease, own, now);
            }
        }
        self.lead(hostcalls, config, now, false);
    }

    /// Returns true if this VM leads and a report is in progress.
    pub(crate) fn is_reporting(&self) -> bool {
        self.leader.as_ref().is_some_and(Leader::is_reporting)
    }

    /// Continues the report in progress.
    pub(crate) fn continue_report(&mut self, hostcalls: &Hostcalls) {
        self.leader.iter_mut().for_each(|leader| leader.continue_report(hostcalls, &self.key));
    }

    /// Ends this VM's role: reports everything that is left, or publishes it to the leader.
    pub(crate) fn finish(&mut self, hostcalls: &Hostcalls, config: &PluginConfig, now: Timestamp) {
        if self.id == 0 && self.own.is_none() {
            // A VM that only validates a configuration, or ends as soon as it has begun.
            return;
        }
        self.ensure_id(hostcalls, now);
        if let Some(own) = &mut self.own {
            own.finish();
            if let Some(follower) = &mut self.follower {
                follower.finish(hostcalls, &self.key, self.id, own, now);
            }
        }
        if self.leader.is_none() {
            self.succeed_leader(hostcalls, now);
        }
        self.lead(hostcalls, config, now, true);
    }

    /// Takes the lease if the leader has ended before this VM, to report what was published since.
    fn succeed_leader(&mut self, hostcalls: &Hostcalls, now: Timestamp) {
        // The write is retried once: it fails if another VM publishes or takes the lease at the same time.
        for _ in 0..2 {
            match Lease::read(hostcalls, &self.key) {
                Some(lease) if lease.holder == 0 => {
                    if lease.acquire(hostcalls, &self.key, self.id, now) {
                        self.leader = Some(Leader::new(now));
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    fn ensure_id(&mut self, hostcalls: &Hostcalls, now: Timestamp) {
        if self.id == 0 {
            self.id = identity::vm(hostcalls, &self.key, now);
        }
    }

    /// Passes every queued record to `emit`.
    pub(crate) fn drain(&mut self, mut emit: impl FnMut(&Record<'_>)) {
        let leader = self.leader.as_mut().and_then(Leader::monitor);
        for monitor in self.own.iter_mut().chain(leader).chain(&mut self.former_leader) {
            while let Some(record) = monitor.poll_record() {
                emit(&record);
            }
        }
    }

    /// Returns the number of exchanges that the leader has absorbed since the last call, and the number of upstreams that the
    /// reporting monitor knows. Both are 0 in a VM that only follows.
    pub(crate) fn take_absorbed(&mut self) -> (u64, usize) {
        let leader = self
            .leader
            .as_mut()
            .map(|leader| (leader.take_absorbed(), leader.monitor().map(|monitor| monitor.upstreams())));
        let own = self.own.as_ref().filter(|_| self.follower.is_none()).map_or(0, Monitor::upstreams);
        leader.map_or((0, own), |(absorbed, upstreams)| (absorbed, upstreams.unwrap_or(own)))
    }

    /// Returns the monitor that reports; `None` in a VM that only follows.
    pub(crate) fn reporting(&mut self) -> Option<&mut Monitor> {
        let own = self.own.as_mut().filter(|_| self.follower.is_none());
        self.leader.as_mut().and_then(Leader::monitor).or(own)
    }

    /// Follows the holder of the lease, or acquires the lease if it is free.
    fn update_role(&mut self, hostcalls: &Hostcalls, lease: &Lease, now: Timestamp) {
        if lease.holder == self.id {
            // A former leader has handed the lease over if this VM does not lead yet.
            self.leader.get_or_insert_with(|| Leader::new(now));
            return;
        }
        if let Some(leader) = self.leader.take() {
            self.former_leader = leader.step_down();
        }
        if lease.is_held(now) {
            self.ticks_without_leader = 0;
            if self.follower.is_none() {
                self.own.iter_mut().for_each(Monitor::become_worker);
                self.follower = Some(Follower::default());
            }
            if lease.has_traffic && self.own.is_none() {
                candidate::announce(hostcalls, &self.key, self.id, now);
            }
            return;
        }
        self.ticks_without_leader += 1;
        let may_lead = self.own.is_none() || self.ticks_without_leader > TAKEOVER_GRACE;
        if may_lead && lease.acquire(hostcalls, &self.key, self.id, now) {
            self.leader = Some(Leader::new(now));
            self.ticks_without_leader = 0;
        }
    }

    /// Does the leader's work, if this VM leads.
    fn lead(&mut self, hostcalls: &Hostcalls, config: &PluginConfig, now: Timestamp, is_last: bool) {
        let Some(leader) = &mut self.leader else { return };
        if leader.read_mailboxes(hostcalls, &self.key) && leader.monitor().is_none() {
            if self.follower.is_none()
                && let Some(own) = self.own.take()
            {
                // The first peer has appeared. The leader goes on with what this VM has learned, and this VM's own exchanges
                // are from now on counted like those of any follower.
                self.follower = Some(Follower::default());
                leader.start_reporting(own);
            } else {
                let mut monitor = new_monitor(hostcalls, config, now);
                baselines::apply(hostcalls, &self.key, &mut monitor);
                leader.start_reporting(monitor);
            }
        }
        let successor = Successor::new(hostcalls, &self.key, self.own.is_some(), is_last, now);
        if !leader.lead(hostcalls, &self.key, self.id, now, successor)
            && let Some(leader) = self.leader.take()
        {
            self.former_leader = leader.step_down();
        }
    }
}

fn new_monitor(hostcalls: &Hostcalls, config: &PluginConfig, now: Timestamp) -> Monitor {
    let mut monitor = Monitor::new(Arc::clone(&config.core), Feed::Live, &identity::source(hostcalls, now));
    reconfigure(hostcalls, &mut monitor, config);
    monitor
}

fn reconfigure(hostcalls: &Hostcalls, monitor: &mut Monitor, config: &PluginConfig) {
    monitor.reconfigure(Arc::clone(&config.core));
    provide_hosts_key(hostcalls, monitor);
    if config.envoy.collector.is_some() {
        monitor.note_tokens();
    }
}

fn provide_hosts_key(hostcalls: &Hostcalls, monitor: &mut Monitor) {
    if monitor.lacks_hosts_key()
        && let Some(key) = hosts_key::shared(hostcalls)
    {
        monitor.set_hosts_key(key);
    }
}
