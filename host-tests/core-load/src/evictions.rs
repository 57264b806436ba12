//! A full monitor in which every newcomer replaces an idle upstream.

use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};

/// Time of the exchanges that fill the monitor.
const START: Timestamp = Timestamp::from_seconds(1_795_423_550);
/// Time after which every upstream may be replaced.
const LATER: Micros = Micros::from_seconds(3_700);

/// A monitor whose upstreams have all been idle for an hour.
pub struct Evictions {
    monitor: Monitor,
    newcomers: u32,
}

impl Evictions {
    /// Fills a monitor with `upstreams` upstreams, at most 100 000.
    pub fn new(upstreams: u32) -> Self {
        let config =
            Config::parse(&format!(r#"{{"max_upstreams":{upstreams}}}"#)).expect("a good configuration");
        let mut evictions = Self { monitor: Monitor::new(config, Feed::Live, "evictions"), newcomers: 0 };
        for number in 0..upstreams {
            evictions.observe(START, &format!("upstream-{number}"));
        }
        evictions.monitor.wake(START.after(LATER));
        while evictions.monitor.poll_record().is_some() {}
        evictions
    }

    /// Observes one exchange of each of `newcomers` new upstreams.
    pub fn run(&mut self, newcomers: u32) {
        for _ in 0..newcomers {
            self.newcomers += 1;
            self.observe(START.after(LATER), &format!("newcomer-{}", self.newcomers));
        }
    }

    fn observe(&mut self, ts: Timestamp, upstream: &str) {
        self.monitor.observe(&Exchange {
            ts,
            upstream,
            status: 200,
            attempts: Some(1),
            ..Exchange::default()
        });
        while self.monitor.poll_record().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_newcomer_replaces_an_upstream() {
        let mut evictions = Evictions::new(100);
        evictions.run(100);
        assert_eq!(evictions.monitor.upstreams(), 100, "nothing counts as `other`");
    }
}
