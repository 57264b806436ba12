//! The object that JavaScript holds: exchanges go in; verdicts, headers and records come out.

use crate::exchange_builder::{ExchangeBuilder, Flag, NumberField, TextField};
use crate::upstream_interner::UpstreamInterner;
use crate::{number, packed_verdict};
use alloc::string::{String, ToString};
use nearmiss::config::Fields;
use nearmiss::record::HeaderParameters;
use nearmiss::{
    Config, Exchange, Feed, Head, Monitor, Record, SipKey, Verdict, is_mirrored, otlp, preview, record,
};
use nearmiss_edge_config::{EdgeConfig, SECTION};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A monitor for JavaScript.
///
/// Call `pollRecord` until it returns nothing: after `observe` returned a verdict with the bit `HAS_RECORDS`, and after `wake`
/// and `finish`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Handle {
    /// Configuration for the monitor; unused once the monitor exists.
    config: Config,
    section: EdgeConfig,
    /// Created by `start`, since some runtimes have no clock before the first exchange.
    monitor: Option<Monitor>,
    upstreams: UpstreamInterner,
    builder: ExchangeBuilder,
    /// Verdict and number of attempts of the exchange that was observed or previewed last, for its header.
    last: (Verdict, Option<u32>),
}

#[wasm_bindgen]
impl Handle {
    /// Reads a configuration that the package has parsed (`package/src/config-document.js`).
    ///
    /// # Errors
    ///
    /// Names the invalid field, its value and the values that it accepts.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str) -> Result<Self, JsError> {
        let (config, section) = parse(config)?;
        Ok(Self {
            upstreams: UpstreamInterner::new(config.max_upstreams as usize),
            config,
            section,
            monitor: None,
            builder: ExchangeBuilder::default(),
            last: Default::default(),
        })
    }

    /// Creates the monitor; a second call only sets the key. Summaries carry `source`, which identifies this run of this instance.
    /// `secret` are random bytes for the key of host hashes; without any, hashed hosts are withheld unless the configuration has a
    /// key.
    pub fn start(&mut self, source: &str, secret: &[u8]) {
        let config = &mut self.config;
        let monitor = self.monitor.get_or_insert_with(|| {
            let mut monitor = Monitor::new(core::mem::take(config), Feed::Live, source);
            monitor.note_tokens();
            monitor
        });
        if !secret.is_empty() {
            monitor.set_hosts_key(SipKey::derive(secret));
        }
    }

    /// Returns the name of a field of the section `edge`, by its index.
    #[wasm_bindgen(js_name = sectionName)]
    pub fn section_name(&self, index: u32) -> Option<String> {
        self.section.names().get(index as usize).map(|name| (*name).into())
    }

    /// Returns the value of a field of the section `edge`, by its index; a flag is 0 or 1.
    #[wasm_bindgen(js_name = sectionValue)]
    pub fn section_value(&self, index: u32) -> u32 {
        self.section.values().nth(index as usize).unwrap_or(0)
    }

    /// Returns the name of the response header that marks a fallback.
    #[wasm_bindgen(js_name = fallbackHeader)]
    pub fn fallback_header(&self) -> Option<String> {
        self.config().fallback_header.clone()
    }

    /// Returns the number that identifies an upstream in later calls, at least 1.
    pub fn intern(&mut self, name: &str) -> u32 {
        self.upstreams.intern(name)
    }

    /// Returns the name of an upstream as it appears in records.
    pub fn name(&self, upstream: f64) -> Option<String> {
        self.upstreams.name(upstream).map(ToString::to_string)
    }

    /// Returns the reason why an exchange with this request is left out: 1 for a health check, 2 for a mirrored request, else 0.
    #[wasm_bindgen(js_name = leftOut)]
    pub fn left_out(&self, user_agent: &str, path: &str, authority: &str) -> u32 {
        if self.config().ignore.matches(Some(user_agent.as_bytes()), Some(path.as_bytes())) {
            return 1;
        }
        u32::from(is_mirrored(authority.as_bytes())) * 2
    }

    /// Returns one of the configured upstreams that have had no exchange, by its index.
    #[wasm_bindgen(js_name = unmatchedUpstream)]
    pub fn unmatched_upstream(&self, index: u32) -> Option<String> {
        self.monitor.as_ref()?.unmatched_upstreams().nth(index as usize).map(ToString::to_string)
    }

    /// Sets a number of the next exchange. Returns false if the value is not valid for the field.
    #[wasm_bindgen(js_name = setNumber)]
    pub fn set_number(&mut self, field: NumberField, value: f64) -> bool {
        self.builder.set_number(field, value)
    }

    /// Sets a flag of the next exchange.
    #[wasm_bindgen(js_name = setFlag)]
    pub fn set_flag(&mut self, flag: Flag) {
        self.builder.set_flag(flag);
    }

    /// Sets a text of the next exchange.
    #[wasm_bindgen(js_name = setText)]
    pub fn set_text(&mut self, field: TextField, value: &str) {
        self.builder.set_text(field, value);
    }

    /// Adds an attempt to the next exchange; NaN and an empty host mean unknown. Returns false if a number is invalid.
    #[wasm_bindgen(js_name = addAttempt)]
    pub fn add_attempt(&mut self, host: &str, status: f64, duration_ms: f64) -> bool {
        self.builder.add_attempt(host, status, duration_ms)
    }

    /// Judges and counts one exchange, including the optional fields set since the previous one. Returns the packed verdict.
    pub fn observe(
        &mut self,
        upstream: f64,
        ended_ms: f64,
        status: f64,
        duration_ms: f64,
        attempts: f64,
    ) -> u32 {
        let Self { monitor: Some(monitor), upstreams, builder, last, .. } = self else {
            return packed_verdict::INVALID;
        };
        let Some(exchange) = exchange(upstreams, upstream, ended_ms, status, duration_ms, attempts) else {
            builder.clear();
            return packed_verdict::INVALID;
        };
        *last = (Verdict::default(), exchange.attempts);
        let packed = builder.build(exchange, |exchange| {
            last.0 = monitor.observe(exchange).verdict;
            packed_verdict::pack_with_reason(&last.0, exchange)
        });
        let has_records = if monitor.has_records() { packed_verdict::HAS_RECORDS } else { 0 };
        packed | has_records
    }

    /// Judges an exchange in progress, including the optional fields set so far, without counting it or comparing it with a
    /// baseline.
    pub fn preview(
        &mut self,
        upstream: f64,
        now_ms: f64,
        status: f64,
        duration_ms: f64,
        attempts: f64,
    ) -> u32 {
        let Self { config, monitor, upstreams, builder, last, .. } = self;
        let config = monitor.as_ref().map_or(&*config, Monitor::config);
        let Some(exchange) = exchange(upstreams, upstream, now_ms, status, duration_ms, attempts) else {
            builder.clear();
            return packed_verdict::INVALID;
        };
        let (name, attempts) = (exchange.upstream, exchange.attempts);
        let verdict = builder.build(exchange, |exchange| preview(config, exchange, || name));
        *last = (verdict, attempts);
        packed_verdict::pack(&last.0)
    }

    /// Returns the `near-miss` header of the exchange that was observed or previewed last; empty for a clean one.
    pub fn header(&self) -> String {
        let mut text = String::new();
        let parameters = HeaderParameters { attempts: self.last.1, ..HeaderParameters::default() };
        record::header(&mut text, &self.last.0, parameters);
        text
    }

    /// Returns the next record, one JSON object.
    #[wasm_bindgen(js_name = pollRecord)]
    pub fn poll_record(&mut self) -> Option<String> {
        Some(self.monitor.as_mut()?.poll_record()?.json.into())
    }

    /// Returns the polled record as an OpenTelemetry log record in OTLP's JSON, which `source` sends at `now_ms` as its `number`th.
    #[wasm_bindgen(js_name = logRecord)]
    pub fn log_record(&self, source: &str, number: f64, now_ms: f64) -> Option<String> {
        let mut text = String::new();
        let number = number::safe_integer(number)?;
        otlp::push(&mut text, &self.polled()?, (source, number), number::timestamp(now_ms)?);
        Some(text)
    }

    /// Returns the upstream of the polled record.
    #[wasm_bindgen(js_name = polledUpstream)]
    pub fn polled_upstream(&self) -> Option<String> {
        Some(self.polled()?.upstream.into())
    }

    /// Returns the pattern of the polled record if it opens an episode.
    #[wasm_bindgen(js_name = openedPattern)]
    pub fn opened_pattern(&self) -> Option<String> {
        match self.polled()?.head {
            Head::Episode { is_open: true, pattern } => Some(pattern.name().into()),
            _ => None,
        }
    }

    /// Returns the number of suppressed records that the polled record reports, or else that of late exchanges.
    #[wasm_bindgen(js_name = summaryCount)]
    pub fn summary_count(&self, of_suppressed: bool) -> f64 {
        match self.polled().map(|record| record.head) {
            Some(Head::Summary { suppressed, .. }) if of_suppressed => suppressed as f64,
            Some(Head::Summary { late, .. }) => late as f64,
            _ => 0.0,
        }
    }

    /// Runs time-based work that is due.
    pub fn wake(&mut self, now_ms: f64) {
        if let Some((monitor, now)) = self.monitor.as_mut().zip(number::timestamp(now_ms)) {
            monitor.wake(now);
        }
    }

    /// Ends monitoring and emits all pending summaries and episodes.
    pub fn finish(&mut self) {
        if let Some(monitor) = &mut self.monitor {
            monitor.finish();
        }
    }

    /// Replaces the configuration and keeps counters and baselines.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new); the previous configuration then stays in effect.
    pub fn reconfigure(&mut self, config: &str) -> Result<(), JsError> {
        let (config, section) = parse(config)?;
        self.section = section;
        self.upstreams.set_max(config.max_upstreams as usize);
        match &mut self.monitor {
            Some(monitor) => monitor.reconfigure(config),
            None => self.config = config,
        }
        Ok(())
    }
}

impl Handle {
    fn polled(&self) -> Option<Record<'_>> {
        self.monitor.as_ref()?.polled_record()
    }

    fn config(&self) -> &Config {
        self.monitor.as_ref().map_or(&self.config, Monitor::config)
    }
}

fn parse(config: &str) -> Result<(Config, EdgeConfig), JsError> {
    let mut section = EdgeConfig::default();
    Config::read_parsed(config, &mut [(SECTION, &mut section)])
        .map(|config| (config, section))
        .map_err(|error| JsError::new(&error.to_string()))
}

/// Builds an exchange, or returns `None` if one of the numbers is invalid.
fn exchange(
    upstreams: &UpstreamInterner,
    upstream: f64,
    ended_ms: f64,
    status: f64,
    duration_ms: f64,
    attempts: f64,
) -> Option<Exchange<'_>> {
    Some(Exchange {
        ts: number::timestamp(ended_ms)?,
        upstream: upstreams.name(upstream)?,
        status: number::status(status)?,
        duration: number::duration(duration_ms)?,
        attempts: Some(number::count(attempts)?),
        ..Exchange::default()
    })
}
