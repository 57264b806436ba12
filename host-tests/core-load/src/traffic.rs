//! Generated exchanges: many upstreams with a Zipf load, ten hosts with long names, four routes.

use nearmiss::{Attempt, Exchange, Micros, Timestamp};

/// Number of prepared exchanges, which repeat with later times.
const PREPARED: usize = 1 << 16;

/// A generator of exchanges.
pub struct Traffic {
    upstreams: Vec<String>,
    hosts: Vec<String>,
    prepared: Vec<PreparedExchange>,
    at: usize,
    now: Timestamp,
    step: Micros,
}

#[derive(Clone, Copy)]
struct PreparedExchange {
    upstream: u32,
    host: u8,
    route: u8,
    attempts: u8,
    status: u16,
    duration: Micros,
}

const ROUTES: [&str; 8] = ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"];

impl Traffic {
    /// Prepares exchanges of `upstreams` upstreams, the n-th with a share of 1/n, `step` apart; one exchange in a hundred is
    /// retried, one in a thousand fails.
    pub fn new(upstreams: u32, step: Micros) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut cumulated = Vec::new();
        let mut total = 0.0;
        for n in 1..=upstreams {
            total += 1.0 / f64::from(n);
            cumulated.push(total);
        }
        let prepared = (0..PREPARED)
            .map(|_| {
                let drawn = random.share() * total;
                let draw = random.share();
                PreparedExchange {
                    upstream: cumulated.partition_point(|share| *share < drawn) as u32,
                    host: (random.next() % 10) as u8,
                    route: (random.next() % 4) as u8,
                    attempts: if draw < 0.01 { 2 } else { 1 },
                    status: if draw > 0.999 { 503 } else { 200 },
                    duration: Micros::new(5_000 + (1_000.0 / (random.share() + 0.001)) as u64),
                }
            })
            .collect();
        let upstreams =
            (0..upstreams).map(|n| format!("outbound|80||service-{n}.shop.svc.cluster.local")).collect();
        // 64 bytes, the longest name that is not truncated.
        let hosts =
            (0..10).map(|n| format!("{:x<62}:{n}", "pod-of-a-deployment-with-a-long-name.")).collect();
        Self { upstreams, hosts, prepared, at: 0, now: Timestamp::from_seconds(1_795_423_550), step }
    }

    /// Passes the next `exchanges` exchanges to `show`.
    pub fn play(&mut self, exchanges: u32, mut show: impl FnMut(&Exchange<'_>)) {
        for _ in 0..exchanges {
            let prepared = self.prepared[self.at];
            self.at = (self.at + 1) % PREPARED;
            self.now = self.now.after(self.step);
            let host = self.hosts[usize::from(prepared.host)].as_str();
            let attempt = |status| Attempt {
                host: Some(host),
                status,
                duration: Some(prepared.duration),
                reason: None,
            };
            let log = [attempt(None), attempt(Some(prepared.status))];
            show(&Exchange {
                ts: self.now,
                upstream: &self.upstreams[prepared.upstream as usize],
                host: Some(host),
                route: Some(ROUTES[usize::from(prepared.route)]),
                status: prepared.status,
                duration: prepared.duration,
                attempts: Some(prepared.attempts.into()),
                timeout: Some(Micros::from_seconds(10)),
                attempt_log: if prepared.attempts > 1 { &log } else { &[] },
                ..Exchange::default()
            });
        }
    }

    /// Passes exchanges to `show` that fill every slot of every upstream: all hosts and routes, durations over the
    /// whole range, success and failure.
    pub fn fill(&mut self, mut show: impl FnMut(&Exchange<'_>)) {
        for round in 0..64u64 {
            for upstream in &self.upstreams {
                self.now = self.now.after(Micros::new(3_000));
                show(&Exchange {
                    ts: self.now,
                    upstream,
                    host: Some(&self.hosts[round as usize % self.hosts.len()]),
                    route: Some(ROUTES[round as usize % ROUTES.len()]),
                    status: if round % 16 == 15 { 503 } else { 200 },
                    duration: Micros::new(100 << (round % 26)),
                    attempts: Some(1),
                    ..Exchange::default()
                });
            }
        }
    }
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn share(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 48) as f64
    }
}
