//! What JavaScript holds: exchanges in, outcomes, headers and records out.

use crate::draft::{Draft, Mark, Quantity, Words};
use crate::names::Names;
use crate::{number, outcome};
use alloc::string::{String, ToString};
use nearmiss::limits::Limits;
use nearmiss::{Config, Exchange, Feed, Monitor, Verdict, record, verdict};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A monitor, before and after its first exchange.
///
/// After an outcome that says so, and after `wake` and `finish`, call `record` until it gives nothing.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Watch {
    /// For the monitor, until that has begun.
    config: Config,
    /// Begun by the first exchange: only then is there a time to begin at.
    monitor: Option<Monitor>,
    names: Names,
    draft: Draft,
    /// What the header of the last exchange is made of.
    last: (Verdict, Option<u32>),
}

#[wasm_bindgen]
impl Watch {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// Says which field is wrong, what was found there, and what it takes.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str) -> Result<Self, JsError> {
        let config = parse(config)?;
        Ok(Self {
            names: Names::new(config.max_upstreams as usize),
            config,
            monitor: None,
            draft: Draft::default(),
            last: Default::default(),
        })
    }

    /// Begins under the name by which summaries will tell this run of this instance from others.
    pub fn begin(&mut self, source: &str) {
        let config = &mut self.config;
        self.monitor.get_or_insert_with(|| Monitor::new(core::mem::take(config), Feed::Live, source));
    }

    /// Whether responses get the `near-miss` header.
    #[wasm_bindgen(js_name = wantsHeader)]
    pub fn wants_header(&self) -> bool {
        self.config().edge.header
    }

    /// Whether responses get a `Server-Timing` entry.
    #[wasm_bindgen(js_name = wantsServerTiming)]
    pub fn wants_server_timing(&self) -> bool {
        self.config().edge.server_timing
    }

    /// How many bytes of a body are looked at; 0 looks at none.
    #[wasm_bindgen(js_name = inspectBytes)]
    pub fn inspect_bytes(&self) -> u32 {
        self.config().edge.inspect_bytes
    }

    /// The response header whose presence says that a fallback answered.
    #[wasm_bindgen(js_name = fallbackHeader)]
    pub fn fallback_header(&self) -> Option<String> {
        self.config().fallback_header.clone()
    }

    /// The number of an upstream, 1 or more.
    pub fn upstream(&mut self, name: &str) -> u32 {
        self.names.intern(name)
    }

    /// The name of that number, as records have it.
    pub fn name(&self, upstream: f64) -> Option<String> {
        self.names.get(upstream).map(ToString::to_string)
    }

    /// Notes a number of the exchange that is observed next; false if it is none of its kind.
    pub fn number(&mut self, quantity: Quantity, value: f64) -> bool {
        self.draft.number(quantity, value)
    }

    /// Notes that something is so with the exchange that is observed next.
    pub fn mark(&mut self, mark: Mark) {
        self.draft.mark(mark);
    }

    /// Notes a text of the exchange that is observed next.
    pub fn text(&mut self, words: Words, value: &str) {
        self.draft.text(words, value);
    }

    /// Notes the next attempt of the exchange that is observed next; NaN and the empty host are unknown.
    pub fn attempt(&mut self, host: &str, status: f64, duration_ms: f64) -> bool {
        self.draft.attempt(host, status, duration_ms)
    }

    /// Judges and counts one exchange with all that was noted, and says in one number what is to be said of it.
    pub fn observe(
        &mut self,
        upstream: f64,
        ended_ms: f64,
        status: f64,
        duration_ms: f64,
        attempts: f64,
    ) -> u32 {
        let Self { monitor: Some(monitor), names, draft, last, .. } = self else { return outcome::INVALID };
        let Some(exchange) = exchange(names, upstream, ended_ms, status, duration_ms, attempts) else {
            draft.clear();
            return outcome::INVALID;
        };
        *last = (Verdict::default(), exchange.attempts);
        last.0 = draft.complete(exchange, |exchange| monitor.observe(exchange)).verdict;
        let waits = if monitor.has_records() { outcome::HAS_RECORDS } else { 0 };
        outcome::of(&last.0) | waits
    }

    /// Judges an exchange that is under way, by what was noted: nothing is counted and nothing compared with the past.
    pub fn preview(
        &mut self,
        upstream: f64,
        now_ms: f64,
        status: f64,
        duration_ms: f64,
        attempts: f64,
    ) -> u32 {
        let Self { config, monitor, names, draft, last } = self;
        let config = monitor.as_ref().map_or(&*config, Monitor::config);
        let Some(exchange) = exchange(names, upstream, now_ms, status, duration_ms, attempts) else {
            draft.clear();
            return outcome::INVALID;
        };
        let configured =
            config.upstream(exchange.upstream).map(|upstream| upstream.limits).unwrap_or_default();
        let is_judged = exchange.upstream != nearmiss::NO_UPSTREAM;
        *last = (Verdict::default(), exchange.attempts);
        if is_judged {
            last.0 = draft.complete(exchange, |exchange| {
                let told = Limits {
                    timeout: exchange.timeout,
                    deadline: exchange.deadline,
                    max_attempts: exchange.max_attempts,
                };
                verdict::judge(exchange, &told.or(configured), config.tight_margin, None, None)
            });
        }
        draft.clear();
        outcome::of(&last.0)
    }

    /// The `near-miss` header of the exchange that was observed or previewed last; empty for a clean one.
    pub fn header(&self) -> String {
        let mut text = String::new();
        record::header(&mut text, &self.last.0, self.last.1);
        text
    }

    /// The next record, one JSON object.
    pub fn record(&mut self) -> Option<String> {
        self.monitor.as_mut()?.poll_record().map(|record| record.json.into())
    }

    /// Does what is due by the clock.
    pub fn wake(&mut self, now_ms: f64) {
        if let Some((monitor, now)) = self.monitor.as_mut().zip(number::timestamp(now_ms)) {
            monitor.wake(now);
        }
    }

    /// The end: what was learned and counted leaves.
    pub fn finish(&mut self) {
        if let Some(monitor) = &mut self.monitor {
            monitor.finish();
        }
    }

    /// Takes a new configuration and keeps what was learned and counted.
    ///
    /// # Errors
    ///
    /// As for the first one; then the old one stays in force.
    pub fn reconfigure(&mut self, config: &str) -> Result<(), JsError> {
        let config = parse(config)?;
        self.names.set_max(config.max_upstreams as usize);
        match &mut self.monitor {
            Some(monitor) => monitor.reconfigure(config),
            None => self.config = config,
        }
        Ok(())
    }
}

impl Watch {
    fn config(&self) -> &Config {
        self.monitor.as_ref().map_or(&self.config, Monitor::config)
    }
}

fn parse(config: &str) -> Result<Config, JsError> {
    Config::parse(config).map_err(|error| JsError::new(&error.to_string()))
}

/// The exchange that these numbers tell of, if each of them is one.
fn exchange(
    names: &Names,
    upstream: f64,
    ended_ms: f64,
    status: f64,
    duration_ms: f64,
    attempts: f64,
) -> Option<Exchange<'_>> {
    Some(Exchange {
        ts: number::timestamp(ended_ms)?,
        upstream: names.get(upstream)?,
        status: number::status(status)?,
        duration: number::span(duration_ms)?,
        attempts: Some(number::count(attempts)?),
        ..Exchange::default()
    })
}
