//! JSON Schema of the records that nearmiss emits. Its words (fates, signals, patterns) come from the core.

use nearmiss::record::SCHEMA;
use nearmiss::{Fate, Pattern, Signals};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Returns the schema of one record.
pub(crate) fn schema() -> Value {
    let mut schema = schema_for!(Record).to_value();
    without_null(&mut schema);
    schema
}

/// Removes `null` from the types of optional fields: an unknown value is absent.
fn without_null(schema: &mut Value) {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| !word.is_null());
    }
    if let Some(types) = schema.get_mut("type") {
        let known: Vec<_> = types.as_array().into_iter().flatten().filter(|name| *name != "null").collect();
        if let [only] = known[..] {
            *types = only.clone();
        }
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(without_null),
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// One line of nearmiss' output.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case", deny_unknown_fields, title = "Record of nearmiss")]
#[expect(dead_code, reason = "only the schema of the type is used")]
enum Record {
    /// A near miss or a failure.
    Exchange {
        schema: SchemaNumber,
        /// Time at which the response was complete.
        time: Time,
        /// Logical service that was called.
        upstream: String,
        /// The exclusive outcome of the exchange.
        fate: FateName,
        /// Room left before the nearest limit, in basis points.
        #[schemars(range(max = 10_000))]
        margin_bp: Option<u16>,
        /// Reasons for the verdict.
        signals: Vec<SignalName>,
        /// Number of attempts, if known.
        attempts: Option<u32>,
        /// The attempts in order; if there are fewer than `attempts`, the first ones are unknown.
        #[schemars(length(min = 1))]
        attempt_log: Option<Vec<Attempt>>,
        /// Status that the caller received; 0 without a response.
        status: u16,
        /// The host's own short words: response flags or termination state.
        flags: Option<String>,
        /// Reason in the words of the host.
        reason: Option<String>,
        /// Duration of the whole exchange.
        #[schemars(range(min = 0))]
        duration_ms: f64,
        /// Host of the last attempt.
        host: Option<String>,
        /// Route, or the first segment of the path.
        route: Option<String>,
        /// Trace identifier.
        #[schemars(regex(pattern = "^[0-9a-fA-F]{32}$"))]
        trace_id: Option<String>,
        /// Limits that were learned instead of configured.
        learned: Option<Vec<String>>,
        /// Records of this upstream that were dropped since the previous one.
        suppressed: Option<u32>,
        /// Cause, distance to the limits, and where to look next.
        explain: String,
    },
    /// A period in which near misses stand out, when it opens and when it closes.
    Episode {
        schema: SchemaNumber,
        phase: Phase,
        /// Name of the episode, the same in its open and close records.
        id: String,
        /// Logical service that was called.
        upstream: String,
        /// Kind of the episode.
        pattern: PatternName,
        /// Start of the first bucket with evidence.
        start: Time,
        /// End of the bucket that raised the alarm.
        detected: Option<Time>,
        /// End of the last bucket with evidence.
        end: Option<Time>,
        outcome: Option<Outcome>,
        /// Seconds for which near misses were visible before the outage.
        lead_s: Option<u64>,
        /// True if the input ended before the episode did.
        truncated: Option<bool>,
        exchanges: u64,
        near_misses: u64,
        failed: u64,
        abandoned: Option<u64>,
        /// Smallest margin, in basis points.
        #[schemars(range(max = 10_000))]
        margin_min_bp: Option<u16>,
        /// Successful exchanges with one attempt and no safety net; only in merged episodes.
        first_try: Option<u64>,
        /// Share of success without safety nets, in basis points.
        #[schemars(range(max = 10_000))]
        first_try_success_bp: Option<u16>,
        /// Share of actual success, in basis points.
        #[schemars(range(max = 10_000))]
        final_success_bp: Option<u16>,
        /// Largest ratio of durations to those before the episode, in basis points.
        shift_bp: Option<u64>,
        /// Exchanges by signal.
        signals: SignalCounts,
        /// Hosts with the failed or slow attempts, largest share first.
        hosts: Vec<HostShare>,
        /// Upstreams that showed the same problem at the same time.
        related: Vec<String>,
        /// Other patterns that fit.
        also: Option<Vec<PatternName>>,
        /// Times that a recurring blip was seen.
        count: Option<u64>,
        /// Seconds between two recurring blips.
        interval_s: Option<u64>,
        /// Most attempts per exchange over half a minute, in basis points.
        amplification_bp: Option<u64>,
        /// Route that causes most of the episode.
        routes: Option<Vec<RouteShare>>,
        /// Parts of a merged episode.
        members: Option<Vec<String>>,
        /// Deviation that stood out, and where to look next.
        explain: String,
    },
    /// The counts of one upstream since its previous summary.
    Summary {
        schema: SchemaNumber,
        /// One run of one instance.
        source: String,
        /// Number of the summary among those of its source and upstream.
        seq: u64,
        /// Logical service that was called.
        upstream: String,
        start: Time,
        end: Time,
        /// Exchanges by fate.
        fates: FateCounts,
        /// Exchanges that another instance had judged and reports, by fate.
        relayed: Option<FateCounts>,
        attempts: u64,
        /// Exchanges by signal.
        signals: SignalCounts,
        /// Successful exchanges with one attempt and no safety net.
        first_try: u64,
        /// Share of success without safety nets, in basis points.
        #[schemars(range(max = 10_000))]
        first_try_success_bp: Option<u16>,
        /// Share of actual success, in basis points.
        #[schemars(range(max = 10_000))]
        final_success_bp: Option<u16>,
        /// Time spent on failed attempts.
        #[schemars(range(min = 0))]
        failed_attempts_ms: f64,
        /// Exchanges by tenths of margin, smallest margin first.
        #[schemars(length(equal = 10))]
        margins: Vec<u64>,
        /// Exchanges that arrived after their bucket was sealed.
        late: u64,
        /// Records that were dropped.
        suppressed: u64,
        /// Log records that could not be read; only in summaries of upstream `none`.
        unread: Option<u64>,
        latency: Latency,
        hosts: Vec<HostCounts>,
        routes: Vec<RouteCounts>,
        /// Number of attempts allowed, learned from exchanges.
        max_attempts_learned: Option<u32>,
        /// Timeout of an attempt, learned from attempts that timed out.
        timeout_ms_learned: Option<f64>,
        burn_bp: Option<Burn>,
        reference: Option<Reference>,
        /// Sequence numbers of the merged summaries by source; two numbers are a range.
        parts: Option<Parts>,
        /// The same for sources that relay exchanges.
        relays: Option<Parts>,
    },
}

/// One attempt; without `status`, it got no response.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct Attempt {
    host: Option<String>,
    status: Option<u16>,
    #[schemars(range(min = 0))]
    duration_ms: Option<f64>,
    reason: Option<String>,
}

/// Phase of an episode.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
enum Phase {
    Open,
    Close,
}

/// Outcome of an episode: `escalated` if it became an outage.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
enum Outcome {
    Contained,
    Escalated,
}

/// A host and its share, in basis points.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct HostShare {
    host: String,
    #[schemars(range(max = 10_000))]
    share_bp: u16,
}

/// A route and its share, in basis points.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct RouteShare {
    route: String,
    #[schemars(range(max = 10_000))]
    share_bp: u16,
}

/// OpenTelemetry exponential histogram of milliseconds.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct Latency {
    scale: i32,
    offset: i32,
    counts: Vec<u64>,
}

/// Counts of a host.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct HostCounts {
    host: String,
    attempts: u64,
    failed: u64,
    near_misses: u64,
}

/// Counts of a route.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct RouteCounts {
    route: String,
    exchanges: u64,
    near_misses: u64,
}

/// Near misses over the budget, by window; 10000 spends the budget exactly.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct Burn {
    #[schemars(rename = "5m")]
    five_minutes: u64,
    #[schemars(rename = "30m")]
    half_an_hour: u64,
    #[schemars(rename = "1h")]
    an_hour: u64,
    #[schemars(rename = "6h")]
    six_hours: u64,
}

/// The frozen reference that whole days are compared with.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "only the schema of the type is used")]
struct Reference {
    since: Time,
    #[schemars(range(max = 10_000))]
    near_miss_bp: u16,
    typical_ms: f64,
    expires: Option<Time>,
    reason: Option<String>,
}

/// Declares types of which only the schema matters.
macro_rules! schema_types {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)+) => {$(
        $(#[$doc])*
        struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

schema_types! {
    /// Version of the format of records.
    SchemaNumber => json_schema!({"type": "integer", "const": SCHEMA});
    /// RFC 3339 in UTC with milliseconds.
    Time => json_schema!({
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
    });
    /// One of the fates.
    FateName => json_schema!({"type": "string", "enum": fates()});
    /// One of the patterns.
    PatternName => json_schema!({"type": "string", "enum": patterns()});
    /// One of the signals.
    SignalName => json_schema!({"type": "string", "enum": Signals::NAMES});
    /// A count for each fate.
    FateCounts => json_schema!({
        "type": "object",
        "properties": counts(&fates()),
        "required": fates(),
        "additionalProperties": false,
    });
    /// A count for each signal that occurred.
    SignalCounts => json_schema!({
        "type": "object",
        "properties": counts(&Signals::NAMES),
        "additionalProperties": false,
    });
    /// Sequence numbers by source: single ones, and ranges that include both ends.
    Parts => {
        let number = json!({"type": "integer", "minimum": 0});
        let range = json!({"type": "array", "items": number, "minItems": 2, "maxItems": 2});
        json_schema!({
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"anyOf": [number, range]}},
        })
    };
}

fn fates() -> Vec<&'static str> {
    Fate::ALL.iter().map(|fate| fate.name()).collect()
}

fn patterns() -> Vec<&'static str> {
    Pattern::ALL.iter().map(|pattern| pattern.name()).collect()
}

/// Returns a schema of a count for each name.
fn counts(names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), json!({"type": "integer", "minimum": 0}))).collect()
}
