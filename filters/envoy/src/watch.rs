//! A monitor with its outlets: exchanges go in, metrics, filter state, headers and records come out.
//!
//! One per plugin and VM, shared by a plugin and the one that takes over from it in an update.

use crate::host::{Call, Level};
use crate::metrics::Metrics;
use crate::outlet::Outlet;
use crate::tiers::Tiers;
use crate::voice::Voice;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::{LazyCell, RefCell};
use nearmiss::config::Attach;
use nearmiss::{Config, Exchange, Fate, RecordKind, Timestamp, record, verdict};

/// A watch, as roots hold it.
pub(crate) type Shared = Rc<RefCell<Watch>>;

/// What one plugin watches with.
pub(crate) struct Watch {
    identity: String,
    config: Config,
    voice: Voice,
    metrics: Metrics,
    outlet: Outlet,
    /// What hosts are marked as.
    pub(crate) tiers: Tiers,
    /// Exchanges since the last sign of life.
    exchanges: u64,
    last: Timestamp,
    told: Timestamp,
    text: String,
    has_warned: bool,
}

/// The final verdict's place in filter state, `wasm.nearmiss` for access logs.
const ANNOTATION: &str = "nearmiss";
/// The provisional verdict's header.
const HEADER: &str = "near-miss";

impl Watch {
    /// A watch that has seen nothing.
    pub(crate) fn shared(identity: String, config: Config) -> Shared {
        Rc::new(RefCell::new(Self {
            voice: Voice::new(alloc::format!("nearmiss/{}/{identity}", config.envoy.attach as u8)),
            identity,
            metrics: Metrics::new(config.max_upstreams),
            config,
            outlet: Outlet::default(),
            tiers: Tiers::default(),
            exchanges: 0,
            last: Timestamp::default(),
            told: Timestamp::default(),
            text: String::new(),
            has_warned: false,
        }))
    }

    /// Whether it belongs to a plugin of that name, attached like that.
    pub(crate) fn is(&self, attach: Attach, identity: &str) -> bool {
        self.config.envoy.attach == attach && self.identity == identity
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Goes on under another configuration.
    pub(crate) fn reconfigure(&mut self, config: Config) {
        self.metrics.bound(config.max_upstreams);
        self.voice.reconfigure(&config);
        self.config = config;
    }

    /// The host's clock; where it does not answer, the last time it did.
    pub(crate) fn clock(&self, call: &Call) -> Timestamp {
        call.now().map_or(self.last, |now| Timestamp::from_micros(now / 1_000))
    }

    /// Counts and judges one exchange, and says what is to be said.
    pub(crate) fn observe(&mut self, call: &Call, exchange: &Exchange<'_>) {
        self.exchanges += u64::from(!self.voice.is_spoken_for());
        self.last = exchange.ts;
        let Self { voice, config, metrics, text, told, .. } = self;
        if !voice.has_begun() {
            *told = exchange.ts;
        }
        let (monitor, observed) = voice.observe(call, config, exchange);
        metrics.count(call, monitor, &observed, exchange);
        if observed.verdict.fate != Fate::Clean {
            text.clear();
            record::header(text, &observed.verdict, exchange.attempts);
            let _ = call.leave(ANNOTATION, text.as_bytes());
        }
        self.drain(call);
    }

    /// Counts one attempt of an exchange that nobody judges, and says so once.
    pub(crate) fn count_attempt(&mut self, call: &Call, cluster: &str) {
        self.metrics.count_attempt(call, &nearmiss::upstream_name(cluster));
        if !core::mem::replace(&mut self.has_warned, true) {
            call.log(
                Level::Info,
                "nearmiss: attached to upstreams only, so attempts are counted and nothing is judged; \
                 attach it as an HTTP filter or an access logger with the same vm_id as well",
            );
        }
    }

    /// Adds the header for what is known of an exchange under way.
    ///
    /// `cluster` asks for its upstream, which is dear, and needed only where upstreams have limits of their own or there is
    /// something to say.
    pub(crate) fn annotate_response<'a>(
        &mut self,
        call: &Call,
        exchange: &Exchange<'_>,
        cluster: impl Fn() -> &'a str,
    ) {
        let cluster = LazyCell::new(|| nearmiss::upstream_name(cluster()));
        let configured = if self.config.upstreams.is_empty() { None } else { self.config.upstream(&cluster) };
        let configured = configured.map(|upstream| upstream.limits).unwrap_or_default();
        let limits = nearmiss::limits::Limits {
            timeout: exchange.timeout,
            deadline: exchange.deadline,
            max_attempts: exchange.max_attempts,
        };
        let verdict = verdict::judge(exchange, &limits.or(configured), self.config.tight_margin, None, None);
        if verdict.fate != Fate::Clean && *cluster != nearmiss::NO_UPSTREAM {
            self.text.clear();
            record::header(&mut self.text, &verdict, exchange.attempts);
            let _ = call.add_response_header(HEADER, &self.text);
        }
    }

    /// Time passes: what is due leaves, and now and then a sign of life.
    pub(crate) fn tick(&mut self, call: &Call) {
        const SIGN_OF_LIFE: nearmiss::Micros = nearmiss::Micros::from_seconds(60);
        let Ok(now) = call.now().map(|now| Timestamp::from_micros(now / 1_000)) else { return };
        self.voice.tick(call, &self.config, now);
        let (heard, upstreams) = self.voice.heard();
        if heard > 0 {
            self.last = now;
        }
        self.exchanges += heard;
        if self.voice.is_mute() {
            self.exchanges = 0;
        }
        if self.exchanges > 0 && now.since(self.told) >= SIGN_OF_LIFE {
            call.log(
                Level::Info,
                &alloc::format!(
                    "nearmiss: {} exchanges in the last minute, {upstreams} upstreams known, the last exchange {} s ago",
                    self.exchanges,
                    now.since(self.last).get() / 1_000_000,
                ),
            );
            self.told = now;
            self.exchanges = 0;
        }
        self.drain(call);
        self.outlet.tick(call, now, self.config.envoy.collector.as_ref());
    }

    /// A call of its own is answered.
    pub(crate) fn answered(&mut self, call: &Call, token: u32, size: usize) {
        let now = self.clock(call);
        self.outlet.answered(call, token, size, now);
    }

    /// The plugin goes: everything leaves.
    pub(crate) fn finish(mut self, call: &Call) {
        let now = self.clock(call);
        self.voice.finish(call, &self.config, now);
        self.drain(call);
        self.outlet.finish(call);
    }

    fn drain(&mut self, call: &Call) {
        let Self { voice, metrics, outlet, config, .. } = self;
        voice.drain(|record| {
            if record.kind == RecordKind::Episode {
                metrics.count_episode(call, record.json);
            }
            outlet.emit(call, record, config.envoy.collector.as_ref());
        });
    }
}
