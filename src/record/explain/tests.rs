use super::*;
use crate::episode::{BucketCounts, Cause, Deviation, OpenEpisode, Reference};
use crate::exchange::{Attempt, Exchange, Quota, Substitute};
use crate::flags::Flags;
use crate::limits::{Limits, OtherLimits};
use crate::record::{EpisodeContext, HostNames};
use crate::thresholds::{ClientRetries, Thresholds};
use crate::timeline::{Feed, Timeline};
use crate::units::{Micros, Timestamp, Used};
use crate::upstream::UpstreamState;
use crate::verdict::{LatencyBaseline, Past, judge};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

const THRESHOLDS: Thresholds = Thresholds {
    tight: Used::from_basis_points(1_000).unwrap(),
    abandon_after: Micros::from_seconds(1),
    client_retries: ClientRetries::UnlessExternal,
};

const LIMITS: Limits = Limits {
    timeout: Some(Micros::from_millis(500)),
    deadline: Some(Micros::from_millis(2_000)),
    max_attempts: Some(4),
};

/// Returns the sentence of an exchange on an upstream whose responses typically take 20 ms.
fn of(exchange: Exchange<'_>) -> String {
    let baseline = LatencyBaseline { limit: Micros::from_millis(100), median: Micros::from_millis(20) };
    let verdict = judge(&exchange, &LIMITS, &THRESHOLDS, Past { baseline: Some(baseline), late: false });
    let mut sentence = String::new();
    super::exchange(&mut sentence, &exchange, &verdict, HostNames::Plain);
    sentence
}

fn ok() -> Exchange<'static> {
    let host = Some("10.0.0.1:80");
    Exchange {
        status: 200,
        host,
        attempts: Some(1),
        duration: Micros::from_millis(12),
        ..Exchange::default()
    }
}

fn failed(status: u16, flags: &str) -> Exchange<'static> {
    Exchange { status, flags: Flags::parse(flags), ..ok() }
}

fn attempt(host: &'static str, status: Option<u16>, millis: u64) -> Attempt<'static> {
    Attempt { host: Some(host), status, duration: Some(Micros::from_millis(millis)), reason: None }
}

fn retried(attempts: u32, log: Vec<Attempt<'static>>) -> Exchange<'static> {
    Exchange { attempts: Some(attempts), attempt_log: Box::leak(log.into_boxed_slice()), ..ok() }
}

fn after(millis: u64) -> Exchange<'static> {
    Exchange { duration: Micros::from_millis(millis), ..ok() }
}

/// Returns one exchange of each kind, by a description of it.
fn exchanges() -> Vec<(&'static str, Exchange<'static>)> {
    let (bad, refused) = (attempt("10.0.0.2:80", Some(503), 12), attempt("10.0.0.2:80", None, 500));
    let good = attempt("10.0.0.1:80", Some(200), 18);
    let gone = Exchange { status: 0, aborted: true, ..after(1_800) };
    let reason = Attempt { reason: Some("connection refused"), status: None, ..bad };
    let quota = Some(Quota { limit: 100, remaining: 3 });
    vec![
        ("retried, hosts unknown", retried(3, vec![])),
        ("retried, attempts known", retried(3, vec![bad, refused, good])),
        ("retried, with the reason of an attempt", retried(2, vec![reason, good])),
        ("retried, number of attempts unknown", Exchange { attempts: None, flags: Flags::URX, ..ok() }),
        (
            "retried, and the last answer was a 404",
            Exchange { status: 404, ..retried(2, vec![bad, attempt("10.0.0.1:80", Some(404), 9)]) },
        ),
        ("a hedged attempt answered", Exchange { hedged: true, ..retried(2, vec![refused, good]) }),
        ("the client retried", Exchange { client_attempt: Some(2), ..ok() }),
        ("a fallback", Exchange { substitute: Some(Substitute::Fallback), ..ok() }),
        (
            "a fallback after failed attempts",
            Exchange { substitute: Some(Substitute::Fallback), ..retried(2, vec![bad, refused]) },
        ),
        ("authorization failed open", Exchange { fail_open: true, ..ok() }),
        ("a stale copy", Exchange { substitute: Some(Substitute::Stale), ..ok() }),
        ("failover", Exchange { substitute: Some(Substitute::Failover), ..ok() }),
        ("tight: timeout", after(471)),
        ("tight: deadline", Exchange { attempts: None, ..after(1_900) }),
        ("tight: quota", Exchange { quota, ..ok() }),
        ("tight: breaker", Exchange { flags: Flags::UO, ..ok() }),
        ("tight: pool", Exchange { pool: true, ..ok() }),
        ("slow", after(210)),
        ("retried and slow", retried(2, vec![bad, attempt("10.0.0.1:80", Some(200), 210)])),
        ("partial: cut off", Exchange { flags: Flags::UC, ..ok() }),
        ("partial: gRPC status", Exchange { grpc_status: Some(14), bytes: Some(512), ..ok() }),
        (
            "partial: error of a proxy",
            Exchange { proxy_status: Some("edge; error=http_response_incomplete"), ..ok() },
        ),
        ("partial: the body says so", Exchange { partial: true, ..ok() }),
        ("failed: the upstream's own 503", failed(503, "")),
        ("failed: all attempts", Exchange { attempts: Some(4), ..failed(503, "URX") }),
        ("failed: connection", Exchange { reason: Some("delayed connect error: 111"), ..failed(503, "UF") }),
        ("failed: name", Exchange { host: None, ..failed(503, "UF,DF") }),
        ("failed: no healthy host", Exchange { host: None, attempts: Some(0), ..failed(503, "UH") }),
        (
            "failed: no healthy host, answered with 404",
            Exchange { host: None, attempts: Some(0), ..failed(404, "UH") },
        ),
        ("failed: unknown cluster", Exchange { host: None, attempts: Some(0), ..failed(503, "NC") }),
        ("failed: timeout", Exchange { duration: Micros::from_millis(500), ..failed(504, "UT") }),
        ("failed: deadline", Exchange { duration: Micros::from_millis(2_000), ..failed(504, "DT") }),
        ("failed: breaker", Exchange { host: None, attempts: Some(0), ..failed(503, "UO") }),
        ("failed: overload", Exchange { host: None, attempts: Some(0), ..failed(503, "OM") }),
        (
            "failed: queue",
            Exchange { host: None, pool: true, duration: Micros::from_seconds(51), ..failed(503, "") },
        ),
        (
            "failed: dead check",
            Exchange {
                host: None,
                attempts: Some(0),
                reason: Some("ext_authz_error"),
                ..failed(403, "UAEX")
            },
        ),
        ("failed: reset", failed(503, "UC")),
        ("failed: protocol", failed(502, "UPE")),
        ("failed: gRPC", Exchange { grpc_status: Some(13), bytes: Some(0), ..ok() }),
        ("failed: no response at all", failed(0, "LR")),
        ("rejected: rate limit", Exchange { host: None, attempts: Some(0), ..failed(429, "RL") }),
        ("rejected: injected fault", Exchange { host: None, attempts: Some(0), ..failed(503, "FI") }),
        (
            "rejected: another policy",
            Exchange {
                host: None,
                attempts: Some(0),
                rejected: true,
                termination_state: Some("PR--"),
                ..failed(503, "")
            },
        ),
        ("abandoned: after a long wait", gone.clone()),
        (
            "abandoned: during retries",
            Exchange { attempts: Some(3), attempt_log: Box::leak(Box::new([bad, refused])), ..gone },
        ),
        ("clean: aborted", Exchange { status: 0, aborted: true, ..ok() }),
    ]
}

/// Returns one episode of each kind, by a description of it.
fn episodes(context: EpisodeContext<'_>) -> Vec<(&'static str, String)> {
    let counts =
        |near_misses, failed| BucketCounts { exchanges: 812, near_misses, failed, ..BucketCounts::default() };
    let start = 179_542_355;
    let example =
        |cause, near_misses, failed| OpenEpisode::example(start, cause, counts(near_misses, failed));
    let of = |open: &OpenEpisode, context: EpisodeContext<'_>, hosts: &[(&str, u64)]| {
        let mut sentence = String::new();
        episode(&mut sentence, open, open.pattern(), context, hosts);
        sentence
    };
    let plain = |open: OpenEpisode| of(&open, context, &[]);
    let related = EpisodeContext { related: &["ledger"], ..context };
    let day = Deviation {
        day: Default::default(),
        reference: Reference {
            from: 0,
            near_misses: Used::from_basis_points(40).unwrap(),
            log2: 1_000,
            expires: 0,
        },
        near_misses: Used::from_basis_points(312).unwrap(),
        log2: 1_256,
    };
    let mut deviant = String::new();
    deviation(&mut deviant, &day);
    vec![
        ("attempts fail", plain(example(Cause::Errors, 61, 0))),
        ("attempts fail on one host", of(&example(Cause::Errors, 61, 4), context, &[("10.0.0.1:80", 9_100)])),
        ("one near miss", plain(example(Cause::Errors, 1, 0))),
        ("only failures", plain(example(Cause::Errors, 0, 4))),
        ("fallbacks", plain(example(Cause::Caught, 61, 0))),
        ("near a limit", plain(example(Cause::Late, 61, 0).slow())),
        ("a slow tail", plain(example(Cause::Tail, 20, 0).slow())),
        ("slow without near misses", plain(example(Cause::LocationShift, 0, 0).slow())),
        ("creeping", plain(example(Cause::Tail, 20, 0).creeping())),
        ("one host", plain(example(Cause::Host, 20, 0))),
        ("one route", plain(example(Cause::Errors, 61, 0).on_the_first_route())),
        ("recurring", plain(example(Cause::Periodicity, 61, 0).recurring(23, 89))),
        (
            "recurring, and then an outage",
            plain(example(Cause::Periodicity, 61, 90).recurring(23, 89).escalating_after(220)),
        ),
        ("several upstreams", of(&example(Cause::CrossUpstream, 20, 0), related, &[])),
        ("a retry storm", plain(example(Cause::Errors, 400, 9).amplified(240))),
        ("an outage later", plain(example(Cause::Errors, 400, 90).escalating_after(220))),
        ("an outage at once", plain(example(Cause::Errors, 0, 300).escalating_after(0))),
        ("a deviant day", deviant),
    ]
}

/// Returns an upstream that knows two hosts and one route.
fn upstream() -> UpstreamState {
    let mut timeline = Timeline::new(Feed::Log, Micros::default());
    let ts = Timestamp::from_seconds(1_795_423_554);
    timeline.arrive(ts);
    let mut upstream = UpstreamState::new("cart", 1, ts);
    let bucket = crate::timeline::bucket_of(ts);
    for host in ["10.0.0.1:80", "10.0.0.2:80"] {
        let exchange = Exchange { ts, host: Some(host), route: Some("checkout"), ..ok() };
        upstream.observe(
            &exchange,
            OtherLimits { configured: LIMITS, learned_timeout: None },
            &THRESHOLDS,
            Some(timeline.open_at(bucket)),
            false,
        );
    }
    upstream.seal(bucket, bucket);
    upstream
}

#[test]
fn the_documentation_shows_the_sentence_of_every_kind() {
    let upstream = upstream();
    let context = EpisodeContext { upstream: &upstream, hosts: HostNames::Plain, related: &[] };
    let exchanges = exchanges().into_iter().map(|(kind, exchange)| (kind, of(exchange)));
    let shown: Vec<_> = exchanges
        .chain(episodes(context))
        .map(|(kind, sentence)| format!("| {kind} | {sentence} |"))
        .collect();
    assert!(shown.len() >= 50, "{}", shown.len());
    let page = include_str!("../../../docs/records.md");
    let section = page.split("## Sentences\n").nth(1).expect("the section of sentences");
    let section = section.split("\n## ").next().unwrap_or_default();
    let documented: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(documented, shown, "docs/records.md, Sentences:\n{}", shown.join("\n"));
}

#[test]
fn durations_are_rounded_for_people() {
    let shown = |micros| {
        let mut out = String::new();
        phrases::push_duration(&mut out, Micros::new(micros));
        out
    };
    assert_eq!(shown(0), "0 ms");
    assert_eq!(shown(1_149), "1.1 ms");
    assert_eq!(shown(9_949), "9.9 ms");
    assert_eq!(shown(9_950), "10 ms");
    assert_eq!(shown(98_701), "99 ms");
    assert_eq!(shown(9_999_499), "9999 ms");
    assert_eq!(shown(9_999_500), "10 s");
    assert_eq!(shown(2_200_000_000), "36 min 40 s");
    assert_eq!(shown(7_200_000_000), "2 h");
}
