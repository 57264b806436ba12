//! A monitor and the traffic it is fed with; beside it, what counts the same by hand.

use crate::{ByHand, Traffic};
use nearmiss::{Config, Feed, Micros, Monitor, Timestamp};

/// How often a host wakes the core.
const WAKE_EVERY: Micros = Micros::from_seconds(1);

/// What is measured.
pub struct Load {
    traffic: Traffic,
    monitor: Monitor,
    by_hand: ByHand,
    next_wake: Timestamp,
}

impl Load {
    /// So many upstreams, `step` from one exchange to the next.
    pub fn new(upstreams: u32, step: Micros) -> Self {
        let config = Config::parse(r#"{"max_upstreams":100000}"#).expect("a good configuration");
        Self {
            traffic: Traffic::new(upstreams, step),
            monitor: Monitor::new(config, Feed::Live, "load"),
            by_hand: ByHand::default(),
            next_wake: Timestamp::default(),
        }
    }

    /// Feeds `exchanges` of them to the core, which is woken every second as by a host; returns how many left a record.
    pub fn run(&mut self, exchanges: u32) -> u32 {
        let (monitor, next_wake, mut recorded) = (&mut self.monitor, &mut self.next_wake, 0);
        self.traffic.play(exchanges, |exchange| {
            recorded += u32::from(monitor.observe(exchange).recorded);
            if exchange.ts >= *next_wake {
                *next_wake = exchange.ts.after(WAKE_EVERY);
                monitor.wake(exchange.ts);
            }
            while monitor.poll_record().is_some() {}
        });
        recorded
    }

    /// Feeds as many to what counts by hand.
    pub fn run_by_hand(&mut self, exchanges: u32) {
        self.traffic.play(exchanges, |exchange| self.by_hand.observe(exchange));
    }

    /// Fills every slot of every upstream.
    pub fn fill(&mut self) {
        let monitor = &mut self.monitor;
        self.traffic.fill(|exchange| {
            monitor.observe(exchange);
            while monitor.poll_record().is_some() {}
        });
    }
}
