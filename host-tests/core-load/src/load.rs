//! A monitor with its traffic, next to a hand-written counter on the same traffic.

use crate::{ByHand, Traffic};
use nearmiss::{Config, Feed, Micros, Monitor, Timestamp};

/// Interval between wakes by the host.
const WAKE_EVERY: Micros = Micros::from_seconds(1);

/// The monitor and the counter under load.
pub struct Load {
    traffic: Traffic,
    monitor: Monitor,
    by_hand: ByHand,
    next_wake: Timestamp,
}

impl Load {
    /// Creates a load of `upstreams` upstreams, with `step` between exchanges.
    pub fn new(upstreams: u32, step: Micros) -> Self {
        let config = Config::parse(r#"{"max_upstreams":100000}"#).expect("a good configuration");
        Self {
            traffic: Traffic::new(upstreams, step),
            monitor: Monitor::new(config, Feed::Live, "load"),
            by_hand: ByHand::default(),
            next_wake: Timestamp::default(),
        }
    }

    /// Feeds `exchanges` exchanges to the core and wakes it every second, as a host does. Returns the number of
    /// exchanges that emitted a record.
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

    /// Feeds `exchanges` exchanges to the hand-written counter.
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
