//! Drives the core with a load of many upstreams, to measure what an exchange costs and what an upstream weighs.
//!
//! The same code runs natively and as a wasm module: exports that begin with `load_` take and return numbers only.

use nearmiss::{Attempt, Config, Exchange, Feed, Micros, Monitor, Timestamp};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts what is allocated.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed on to the system's allocator as it came; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as u64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

/// How many exchanges are prepared; the load repeats them with later times.
const PREPARED: usize = 1 << 16;
/// Time from one exchange to the next: ten thousand a second.
const STEP: Micros = Micros::new(100);

/// A monitor and the exchanges it is fed with.
pub struct Load {
    monitor: Monitor,
    upstreams: Vec<String>,
    hosts: Vec<String>,
    prepared: Vec<Prepared>,
    at: usize,
    now: Timestamp,
}

#[derive(Clone, Copy)]
struct Prepared {
    upstream: u32,
    host: u8,
    route: u8,
    attempts: u8,
    status: u16,
    duration: Micros,
}

const ROUTES: [&str; 8] = ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"];

impl Load {
    /// `upstreams` of them, the n-th with a share of 1/n; one exchange in a hundred is retried, one in a thousand fails.
    pub fn new(upstreams: u32) -> Self {
        let config = Config::parse(r#"{"max_upstreams":100000}"#).expect("a good configuration");
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
                let rescued = random.share();
                Prepared {
                    upstream: cumulated.partition_point(|share| *share < drawn) as u32,
                    host: (random.next() % 10) as u8,
                    route: (random.next() % 4) as u8,
                    attempts: if rescued < 0.01 { 2 } else { 1 },
                    status: if rescued > 0.999 { 503 } else { 200 },
                    duration: Micros::new(5_000 + (1_000.0 / (random.share() + 0.001)) as u64),
                }
            })
            .collect();
        let upstreams =
            (0..upstreams).map(|n| format!("outbound|80||service-{n}.shop.svc.cluster.local")).collect();
        // 64 bytes, the longest that is kept whole.
        let hosts =
            (0..10).map(|n| format!("{:x<62}:{n}", "pod-of-a-deployment-with-a-long-name.")).collect();
        Self {
            monitor: Monitor::new(config, Feed::Live, "load"),
            upstreams,
            hosts,
            prepared,
            at: 0,
            now: Timestamp::from_seconds(1_795_423_550),
        }
    }

    /// Feeds `exchanges` of them; returns how many left a record.
    pub fn run(&mut self, exchanges: u32) -> u32 {
        let mut recorded = 0;
        for _ in 0..exchanges {
            let prepared = self.prepared[self.at];
            self.at = (self.at + 1) % PREPARED;
            self.now = self.now.after(STEP);
            let host = self.hosts[usize::from(prepared.host)].as_str();
            let attempt = |status| Attempt { host: Some(host), status, duration: Some(prepared.duration) };
            let log = [attempt(None), attempt(Some(prepared.status))];
            let observed = self.monitor.observe(&Exchange {
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
            recorded += u32::from(observed.recorded);
            while self.monitor.poll_record().is_some() {}
        }
        recorded
    }

    /// Fills every slot of every upstream: all hosts and routes, durations over the whole range, both kinds of fate.
    pub fn fill(&mut self) {
        for round in 0..64u64 {
            for upstream in &self.upstreams {
                self.now = self.now.after(Micros::new(3_000));
                self.monitor.observe(&Exchange {
                    ts: self.now,
                    upstream,
                    host: Some(&self.hosts[round as usize % self.hosts.len()]),
                    route: Some(ROUTES[round as usize % ROUTES.len()]),
                    status: if round % 16 == 15 { 503 } else { 200 },
                    duration: Micros::new(100 << (round % 26)),
                    attempts: Some(1),
                    ..Exchange::default()
                });
                while self.monitor.poll_record().is_some() {}
            }
        }
    }
}

/// Allocations since the start of the process.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Relaxed)
}

/// Bytes that are allocated now.
pub fn bytes() -> u64 {
    BYTES.load(Relaxed)
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

thread_local! {
    static LOAD: RefCell<Option<Load>> = const { RefCell::new(None) };
}

/// Makes the load of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_new(upstreams: u32) {
    LOAD.set(Some(Load::new(upstreams)));
}

/// Runs the load of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_run(exchanges: u32) -> u32 {
    LOAD.with_borrow_mut(|load| load.as_mut().map_or(0, |load| load.run(exchanges)))
}

/// Fills the upstreams of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_fill() {
    LOAD.with_borrow_mut(|load| load.iter_mut().for_each(Load::fill));
}

/// Bytes that are allocated in the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_bytes() -> u64 {
    bytes()
}

/// Allocations so far in the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_allocations() -> u64 {
    allocations()
}
