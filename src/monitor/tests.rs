use super::observed::Way;
use super::*;
use crate::exchange::Attempt;
use crate::flags::Flags;
use crate::verdict::Signals;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;
use serde_json::Value;

const T0: u64 = 1_795_423_550;

fn monitor(config: &str, feed: Feed) -> Monitor {
    Monitor::new(Config::parse(config).unwrap(), feed, "test")
}

fn ok(millis: u64) -> Exchange<'static> {
    Exchange {
        ts: Timestamp::from_micros(T0 * 1_000_000 + millis * 1_000),
        upstream: "cart",
        host: Some("10.0.0.1:80"),
        status: 200,
        duration: Micros::from_millis(20),
        attempts: Some(1),
        ..Exchange::default()
    }
}

fn drain(monitor: &mut Monitor) -> Vec<Value> {
    let mut records = Vec::new();
    while let Some(record) = monitor.poll_record() {
        records.push(serde_json::from_str(record.json).unwrap_or_else(|_| panic!("{}", record.json)));
    }
    records
}

fn of_type(records: &[Value], kind: &str) -> Vec<Value> {
    records.iter().filter(|record| record["type"] == kind).cloned().collect()
}

#[test]
fn a_retried_exchange_leaves_the_documented_record() {
    let mut monitor = monitor("{}", Feed::Log);
    let log = [
        Attempt {
            host: Some("10.0.0.2:80"),
            status: Some(503),
            duration: Some(Micros::new(12_100)),
            ..Attempt::default()
        },
        Attempt {
            host: Some("10.0.0.3:80"),
            status: None,
            duration: Some(Micros::from_millis(10)),
            ..Attempt::default()
        },
        Attempt {
            host: Some("10.0.0.1:80"),
            status: Some(200),
            duration: Some(Micros::from_millis(18)),
            ..Attempt::default()
        },
    ];
    let observed = monitor.observe(&Exchange {
        ts: Timestamp::from_micros(1_795_423_554_513_089),
        duration: Micros::new(42_460),
        route: Some("checkout?token=secret"),
        attempts: Some(3),
        max_attempts: Some(4),
        timeout: Some(Micros::from_millis(500)),
        attempt_log: &log,
        ..ok(0)
    });
    assert!(observed.recorded);
    assert_eq!(
        monitor.poll_record().unwrap().json,
        "{\"schema\":1,\"type\":\"exchange\",\"time\":\"2026-11-23T08:45:54.513Z\",\"upstream\":\"cart\",\"fate\":\"retried\",\
         \"margin_bp\":3334,\"signals\":[\"retry\"],\"attempts\":3,\"attempt_log\":[{\"host\":\"10.0.0.2:80\",\"status\":503,\
         \"duration_ms\":12.1},{\"host\":\"10.0.0.3:80\",\"duration_ms\":10},{\"host\":\"10.0.0.1:80\",\"status\":200,\
         \"duration_ms\":18}],\"status\":200,\"duration_ms\":42.46,\"host\":\"10.0.0.1:80\",\"route\":\"checkout\",\
         \"explain\":\"The exchange succeeded after 3 of 4 attempts: 10.0.0.2:80 503 after 12 ms → 10.0.0.3:80 no response in 10 ms → \
         10.0.0.1:80 200 after 18 ms; look at 10.0.0.2:80.\"}"
    );
    assert!(monitor.poll_record().is_none());
}

#[test]
fn hashed_hosts_show_no_address_anywhere() {
    let records = retried(monitor(r#"{"hosts":"hashed","hosts_key":"of the tests"}"#, Feed::Log));
    assert!(!format!("{records:?}").contains("10.0.0"), "{records:?}");
    assert_eq!(records[0]["attempt_log"][1]["host"], records[0]["host"]);
    assert_ne!(records[0]["attempt_log"][0]["host"], records[0]["host"]);
}

#[test]
fn a_hashed_host_cannot_be_found_without_the_key() {
    let host = |config: &str, key: Option<&[u8]>| {
        let mut monitor = monitor(config, Feed::Log);
        if let Some(key) = key {
            monitor.set_hosts_key(SipKey::derive(key));
        }
        retried(monitor)[0]["host"].as_str().unwrap().to_string()
    };
    const HASHED: &str = r#"{"hosts":"hashed"}"#;
    const KEYED: &str = r#"{"hosts":"hashed","hosts_key":"of the tests"}"#;
    let (one, other) = (host(HASHED, Some(b"one")), host(HASHED, Some(b"other")));
    assert_ne!(one, other, "the hash depends on the key");
    assert_eq!(one, host(HASHED, Some(b"one")), "one key, one hash");
    let digits = one.strip_prefix("host-").unwrap();
    assert!(digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{one}");
    assert_eq!(host(KEYED, Some(b"one")), host(KEYED, None), "the configured key overrides the host's");
}

#[test]
fn hashed_hosts_are_withheld_until_there_is_a_key() {
    let mut monitor = monitor(r#"{"hosts":"hashed"}"#, Feed::Log);
    assert!(monitor.lacks_hosts_key());
    let exchange = Exchange { attempts: Some(2), host: Some("10.0.0.1:80"), ..ok(0) };
    monitor.observe(&exchange);
    assert_eq!(drain(&mut monitor)[0]["host"], "host-withheld");
    monitor.set_hosts_key(SipKey::derive(b"one"));
    assert!(!monitor.lacks_hosts_key());
    monitor.observe(&exchange);
    assert_ne!(drain(&mut monitor)[0]["host"], "host-withheld");
    monitor.reconfigure(Config::default());
    assert!(!monitor.lacks_hosts_key(), "plain hosts need none");
}

/// Returns the records of one exchange that took two attempts on two hosts.
fn retried(mut monitor: Monitor) -> Vec<Value> {
    let log = [
        Attempt { host: Some("10.0.0.2:80"), status: Some(503), duration: None, ..Attempt::default() },
        Attempt { host: Some("10.0.0.1:80"), status: Some(200), duration: None, ..Attempt::default() },
    ];
    let exchange = Exchange { attempts: Some(2), attempt_log: &log, host: Some("10.0.0.1:80"), ..ok(0) };
    monitor.observe(&exchange);
    monitor.finish();
    drain(&mut monitor)
}

#[test]
fn a_summary_leaves_every_minute_and_starts_anew() {
    let mut monitor = monitor("{}", Feed::Live);
    for second in [0, 1, 59, 61, 125] {
        monitor.observe(&ok(second * 1_000));
    }
    monitor.finish();
    let summaries = of_type(&drain(&mut monitor), "summary");
    let counted: Vec<_> =
        summaries.iter().map(|summary| summary["fates"]["clean"].as_u64().unwrap()).collect();
    assert_eq!(counted, [2, 2, 1], "T0 is 10 s before a full minute");
    assert_eq!(
        summaries.iter().map(|summary| summary["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(summaries[1]["start"], summaries[0]["end"]);
    assert_eq!(summaries[0]["hosts"][0]["attempts"], 2);
}

#[test]
fn a_summary_leaves_early_before_a_count_is_too_large() {
    let mut monitor = monitor("{}", Feed::Live);
    for i in 0..200_000 {
        monitor.observe(&ok(i / 100));
    }
    monitor.finish();
    let summaries = of_type(&drain(&mut monitor), "summary");
    let counted = |summary: &Value| {
        summary["latency"]["counts"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(summaries.len(), 4);
    assert_eq!(summaries.iter().map(counted).sum::<u64>(), 200_000);
    assert!(summaries.iter().all(|summary| summary["fates"]["clean"].as_u64() == Some(counted(summary))));
}

#[test]
fn late_exchanges_are_counted_and_named() {
    let mut monitor = monitor("{}", Feed::Log);
    for second in [100, 3, 101] {
        monitor.observe(&Exchange { attempts: Some(2), ..ok(second * 1_000) });
    }
    monitor.finish();
    let records = drain(&mut monitor);
    assert_eq!(of_type(&records, "exchange").len(), 3);
    let summary = &of_type(&records, "summary")[0];
    assert_eq!((&summary["late"], &summary["fates"]["retried"]), (&1.into(), &3.into()));
}

#[test]
fn no_upstream_is_counted_and_never_judged() {
    let mut monitor = monitor("{}", Feed::Log);
    for upstream in ["", "-", "none"] {
        let observed =
            monitor.observe(&Exchange { upstream, status: 404, flags: Flags::parse("NR"), ..ok(0) });
        assert_eq!((observed.verdict.fate, observed.verdict.signals), (Fate::Clean, Signals::NONE));
    }
    monitor.observe(&Exchange { upstream: "", status: 503, ..ok(0) });
    monitor.finish();
    let records = drain(&mut monitor);
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["upstream"], &records[0]["fates"]["clean"]), (&"none".into(), &4.into()));
    assert_eq!(records[0].get("final_success_bp"), None, "nothing was judged");
}

#[test]
fn live_records_are_limited_and_the_next_one_says_so() {
    let mut monitor = monitor(r#"{"records_per_second":5}"#, Feed::Live);
    let mut sent = 0;
    for millis in 0..100 {
        sent += usize::from(monitor.observe(&Exchange { status: 503, ..ok(millis) }).recorded);
    }
    assert_eq!(sent, 10, "a burst of two seconds' worth");
    drain(&mut monitor);
    assert!(monitor.observe(&Exchange { status: 503, ..ok(1_100) }).recorded);
    assert_eq!(drain(&mut monitor)[0]["suppressed"], 90);
    monitor.finish();
    let summary = &drain(&mut monitor)[0];
    assert_eq!((&summary["suppressed"], &summary["fates"]["failed"]), (&90.into(), &101.into()));
}

#[test]
fn a_log_is_never_limited() {
    let mut monitor = monitor(r#"{"records_per_second":0}"#, Feed::Log);
    assert!((0..100).all(|millis| monitor.observe(&Exchange { status: 503, ..ok(millis) }).recorded));
}

#[test]
fn upstreams_beyond_the_bound_count_as_other_until_one_has_been_idle_for_an_hour() {
    let mut monitor = monitor(r#"{"max_upstreams":2}"#, Feed::Live);
    let mut see = |upstream: &str, second: u64| {
        let id = monitor.observe(&Exchange { upstream, ..ok(second * 1_000) }).upstream;
        monitor.upstream_name(id).unwrap().to_string()
    };
    assert_eq!([see("a", 0), see("b", 1), see("c", 2), see("", 3)], ["a", "b", "other", "none"]);
    assert_eq!(see("b", 3_000), "b");
    assert_eq!(see("c", 3_601), "c", "a was idle for more than an hour");
    assert_eq!(see("a", 3_602), "other");
    monitor.finish();
    let summaries = of_type(&drain(&mut monitor), "summary");
    let clean = |name: &str| -> u64 {
        let of = summaries.iter().filter(|summary| summary["upstream"] == name);
        of.map(|summary| summary["fates"]["clean"].as_u64().unwrap()).sum()
    };
    assert_eq!([clean("a"), clean("b"), clean("c"), clean("other"), clean("none")], [1, 2, 1, 2, 1]);
}

#[test]
fn a_hundred_thousand_names_take_no_more_room_than_the_bound() {
    let mut monitor = monitor(r#"{"max_upstreams":50}"#, Feed::Log);
    for i in 0..100_000 {
        monitor.observe(&Exchange { upstream: &format!("tenant-{i}"), ..ok(i) });
        while monitor.poll_record().is_some() {}
    }
    assert_eq!(monitor.upstreams(), 51);
}

#[test]
fn the_retry_limit_is_learned_and_marked() {
    let mut monitor = monitor("{}", Feed::Live);
    monitor.observe(&Exchange { status: 503, attempts: Some(3), flags: Flags::URX, ..ok(0) });
    monitor.observe(&ok(10_000));
    drain(&mut monitor);
    let observed = monitor.observe(&Exchange { attempts: Some(2), ..ok(10_001) });
    assert_eq!(observed.verdict.margin_bp(), Some(5_000));
    assert_eq!(drain(&mut monitor)[0]["learned"][0], "max_attempts");
}

#[test]
fn a_timeout_that_failures_end_on_makes_answers_tight_until_a_success_takes_longer() {
    let mut monitor = monitor("{}", Feed::Log);
    let took = |second: u64, status, millis| Exchange {
        status,
        duration: Micros::from_millis(millis),
        ..ok(second * 1_000)
    };
    for second in 0..300 {
        let is_timed_out = second % 30 == 0;
        monitor.observe(&took(
            second,
            if is_timed_out { 504 } else { 200 },
            if is_timed_out { 3_000 } else { 20 },
        ));
    }
    drain(&mut monitor);
    let near = monitor.observe(&took(300, 200, 2_800)).verdict;
    assert_eq!((near.fate, near.learned_timeout), (Fate::Tight, true));
    let record = &drain(&mut monitor)[0];
    assert_eq!(record["learned"], serde_json::json!(["timeout"]));
    assert!(record["explain"].as_str().unwrap().contains(" (learned)"), "{record}");
    let reported = Exchange { timeout: Some(Micros::from_seconds(60)), ..took(300, 200, 2_800) };
    assert!(!monitor.observe(&reported).verdict.learned_timeout);

    let longer = monitor.observe(&took(301, 200, 4_000)).verdict;
    assert_eq!((longer.margin_bp(), longer.learned_timeout), (None, false));
    (302..420).for_each(|second| {
        monitor.observe(&took(second, 200, 20));
    });
    assert!(!monitor.observe(&took(420, 200, 2_800)).verdict.learned_timeout);
}

#[test]
fn a_configured_fallback_host_answers_in_the_upstreams_stead() {
    let mut monitor = monitor(r#"{"upstreams":{"cart":{"fallback_hosts":["10.0.0.1:80"]}}}"#, Feed::Log);
    assert_eq!(monitor.observe(&ok(0)).verdict.fate, Fate::Fallback);
}

/// Two minutes of steady traffic, then one outlier.
fn slow_after(outlier: Exchange<'_>) -> Fate {
    let mut monitor = monitor("{}", Feed::Log);
    (0..1_200).for_each(|i| {
        monitor.observe(&Exchange { route: Some("a"), ..ok(i * 100) });
    });
    monitor.observe(&Exchange { ts: ok(120_000).ts, ..outlier }).verdict.fate
}

#[test]
fn an_outlier_against_its_own_past_is_slow() {
    let outlier = Exchange { duration: Micros::from_millis(200), ..ok(0) };
    assert_eq!(slow_after(Exchange { route: Some("a"), ..outlier.clone() }), Fate::Slow);
    assert_eq!(
        slow_after(Exchange { route: Some("new"), ..outlier.clone() }),
        Fate::Clean,
        "a new route has no past"
    );
    assert_eq!(slow_after(outlier), Fate::Slow, "without a route the upstream's past counts");
    assert_eq!(slow_after(Exchange { route: Some("a"), ..ok(0) }), Fate::Clean);
}

#[test]
fn the_clock_may_jump_and_stand_still() {
    let mut monitor = monitor("{}", Feed::Live);
    for second in [0, 0, 3_600, 0, 7_200, 1, 7_201] {
        monitor.observe(&ok(second * 1_000));
        monitor.wake(ok(second * 1_000).ts);
    }
    monitor.wake(Timestamp::MAX);
    monitor.wake(Timestamp::default());
    monitor.observe(&Exchange { ts: Timestamp::default(), ..ok(0) });
    monitor.finish();
    let summaries = of_type(&drain(&mut monitor), "summary");
    let counted: u64 = summaries.iter().map(|summary| summary["fates"]["clean"].as_u64().unwrap()).sum();
    assert_eq!(counted, 8);
}

#[derive(Clone, Debug)]
struct Line {
    millis: u64,
    upstream: usize,
    route: usize,
    status: u16,
    attempts: u32,
    flags: Flags,
    duration: u64,
}

fn line() -> impl Strategy<Value = Line> {
    (
        0u64..400_000,
        0..3usize,
        0..12usize,
        prop::sample::select(&[200u16, 200, 200, 404, 503, 429, 0, 499][..]),
        1u32..4,
        any::<u64>(),
        1u64..1_000,
    )
        .prop_map(|(millis, upstream, route, status, attempts, flags, duration)| Line {
            millis,
            upstream,
            route,
            status,
            attempts,
            flags: if flags % 4 == 0 { Flags::from_bits(flags >> 8) } else { Flags::default() },
            duration: if duration < 990 { 20 + duration % 20 } else { duration },
        })
}

fn verdicts(lines: &[Line]) -> Vec<(u64, Verdict)> {
    const UPSTREAMS: [&str; 3] = ["a", "b", "c"];
    const ROUTES: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
    let mut monitor = monitor("{}", Feed::Log);
    let mut verdicts: Vec<_> = lines
        .iter()
        .map(|line| {
            let observed = monitor.observe(&Exchange {
                upstream: UPSTREAMS[line.upstream],
                route: Some(ROUTES[line.route]),
                status: line.status,
                attempts: Some(line.attempts),
                flags: line.flags,
                duration: Micros::from_millis(line.duration),
                ..ok(line.millis)
            });
            while monitor.poll_record().is_some() {}
            (line.millis, observed.verdict)
        })
        .collect();
    verdicts.sort_by_key(|(millis, verdict)| (*millis, format!("{verdict:?}")));
    verdicts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_within_reorder_changes_no_verdict(mut lines in prop::collection::vec(line(), 1..4_000), shift in prop::collection::vec(0u64..10_000, 4_000)) {
        lines.sort_by_key(|line| line.millis);
        let sorted = verdicts(&lines);
        let mut shuffled: Vec<_> = lines.iter().zip(&shift).map(|(line, shift)| (line.millis + shift, line.clone())).collect();
        shuffled.sort_by_key(|(at, _)| *at);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(_, line)| line).collect();
        prop_assert_eq!(sorted, verdicts(&shuffled));
    }

    #[test]
    fn the_short_way_of_plain_exchanges_counts_what_the_long_way_counts(
        lines in prop::collection::vec((line(), 0..12usize, 0..6u8, prop::option::of(30u64..900)), 1..3_000), is_worker: bool
    ) {
        const ROUTES: [&str; 12] = ["0", "1", "2?q", "3", "4", "5", "6", "7", "8", "1?q", "10", "11"];
        const HOSTS: [&str; 12] = ["h0:1", "h1:1", "h2:1", "h3:1", "h4:1", "h5:1", "h6:1", "h7:1", "h8:1", "h9:1", "spare:1", "h11:1"];
        const CONFIG: &str = r#"{"upstreams":{"b":{"timeout":"800ms","fallback_hosts":["spare:1"]}},"reorder":"10s","records_per_second":1000}"#;
        for feed in [Feed::Live, Feed::Log] {
            let run = |way: fn() -> Way| {
                let mut monitor = monitor(CONFIG, feed);
                if is_worker {
                    monitor.become_worker();
                }
                let mut out = Vec::new();
                for (line, host, kind, service) in &lines {
                    let attempt = Attempt {
                        host: Some(HOSTS[(*host + 1) % 12]).filter(|_| line.millis % 5 != 0),
                        status: Some(if line.millis % 97 == 0 { 503 } else { 200 }),
                        duration: service.map(Micros::from_millis),
                        ..Attempt::default()
                    };
                    let observed = monitor.observe_by(&Exchange {
                        upstream: ["a", "outbound|80||b", "-"][line.upstream],
                        host: Some(HOSTS[*host]).filter(|_| *kind != 0),
                        route: Some(ROUTES[line.route]).filter(|_| *kind != 1),
                        status: if *kind < 5 { 200 } else { line.status },
                        attempts: match kind { 2 => None, 5 => Some(line.attempts), _ => Some(1) },
                        flags: if *kind < 5 { Flags::default() } else { line.flags },
                        duration: Micros::from_millis(line.duration),
                        service: service.filter(|_| *kind == 3).map(Micros::from_millis),
                        timeout: Some(Micros::from_millis(1_000)).filter(|_| *kind == 4 || line.millis % 4 == 0),
                        attempt_log: if line.millis % 3 == 0 { core::slice::from_ref(&attempt) } else { &[] },
                        ..ok(line.millis)
                    }, way());
                    out.push(format!("{observed:?}"));
                    while let Some(record) = monitor.poll_record() {
                        out.push(record.json.into());
                    }
                    while let Some(delta) = monitor.next_delta() {
                        out.push(format!("{delta:?}"));
                    }
                }
                monitor.finish();
                while let Some(record) = monitor.poll_record() {
                    out.push(record.json.into());
                }
                while let Some(delta) = monitor.next_delta() {
                    out.push(format!("{delta:?}"));
                }
                out
            };
            prop_assert_eq!(run(|| Way::ShortIfPlain), run(|| Way::Long));
        }
    }

    #[test]
    fn fates_sum_to_exchanges(lines in prop::collection::vec(line(), 0..500)) {
        let mut monitor = monitor("{}", Feed::Live);
        for line in &lines {
            monitor.observe(&Exchange { status: line.status, attempts: Some(line.attempts), flags: line.flags, ..ok(line.millis) });
        }
        monitor.finish();
        let records = drain(&mut monitor);
        let fates = of_type(&records, "summary");
        let counted: u64 = fates.iter().flat_map(|summary| summary["fates"].as_object().unwrap().values().map(|n| n.as_u64().unwrap())).sum();
        prop_assert_eq!(counted, lines.len() as u64);
    }

    #[test]
    fn no_exchange_panics(
        ts: u64, upstream in ".{0,200}", route in prop::option::of(".{0,100}"), host in prop::option::of(".{0,100}"), status: u16, duration: u64,
        attempts in prop::option::of(any::<u32>()), max in prop::option::of(any::<u32>()), timeout in prop::option::of(any::<u64>()),
        cache in prop::option::of(".{0,60}"), proxy in prop::option::of(".{0,60}"), flags: u64, grpc in prop::option::of(any::<u32>())
    ) {
        for feed in [Feed::Live, Feed::Log] {
            let mut monitor = monitor("{}", feed);
            let log = [Attempt { host: host.as_deref(), status: None, duration: Some(Micros::new(duration)), ..Attempt::default() }; 2];
            for n in 0..3 {
                monitor.observe(&Exchange {
                    ts: Timestamp::from_micros(ts.wrapping_mul(n)), upstream: &upstream, route: route.as_deref(), host: host.as_deref(), status,
                    duration: Micros::new(duration), attempts, max_attempts: max, timeout: timeout.map(Micros::new), deadline: timeout.map(Micros::new),
                    cache_status: cache.as_deref(), proxy_status: proxy.as_deref(), flags: Flags::from_bits(flags), grpc_status: grpc,
                    attempt_log: &log, ..Exchange::default()
                });
            }
            monitor.finish();
            drain(&mut monitor);
        }
    }
}

#[test]
fn what_another_nearmiss_has_judged_is_counted_apart_and_moves_time() {
    let mut monitor = monitor(r#"{"reorder":"0s"}"#, Feed::Log);
    let at = |second| Some(Timestamp::from_seconds(T0 + second));
    monitor.relay(at(0), "cart", Fate::Clean);
    monitor.relay(at(1), "outbound|80||cart", Fate::Retried);
    monitor.observe(&Exchange { ts: Timestamp::from_seconds(T0 + 2), ..ok(0) });
    monitor.relay(None, "ledger", Fate::Failed);
    monitor.relay(at(61), "cart", Fate::Clean);
    let summaries = drain(&mut monitor);
    assert_eq!(
        summaries.len(),
        2,
        "a minute passed, and near misses of others leave no record: {summaries:?}"
    );
    assert_eq!((&summaries[0]["upstream"], &summaries[1]["upstream"]), (&"cart".into(), &"ledger".into()));
    assert_eq!((&summaries[0]["fates"]["clean"], &summaries[0]["attempts"]), (&1.into(), &1.into()));
    let relayed = &summaries[0]["relayed"];
    assert_eq!((&relayed["clean"], &relayed["retried"]), (&1.into(), &1.into()));
    assert_eq!(summaries[1]["relayed"]["failed"], 1);
    assert_eq!(summaries[1].get("final_success_bp"), None, "nothing was judged here");
    monitor.finish();
    let last = drain(&mut monitor);
    assert_eq!((&last[0]["seq"], &last[0]["relayed"]["clean"]), (&1.into(), &1.into()));
}

#[test]
fn unread_records_are_counted_under_no_upstream_and_move_no_time() {
    let mut monitor = monitor(r#"{"reorder":"0s"}"#, Feed::Log);
    monitor.count_unread(1);
    monitor.finish();
    assert_eq!(drain(&mut monitor).len(), 0, "nothing was read, so there is no time to count at");
    monitor.observe(&Exchange { ts: Timestamp::from_seconds(T0), ..ok(0) });
    monitor.count_unread(2);
    monitor.count_unread(3);
    monitor.finish();
    let summaries = drain(&mut monitor);
    let [cart, none] = &summaries[..] else { panic!("{summaries:?}") };
    assert_eq!((&cart["upstream"], cart.get("unread")), (&"cart".into(), None));
    assert_eq!(
        (&none["upstream"], &none["unread"], &none["fates"]["clean"]),
        (&"none".into(), &5.into(), &0.into())
    );
    monitor.finish();
    assert_eq!(drain(&mut monitor).len(), 0, "they are counted once");
}

#[test]
fn configured_upstreams_without_an_exchange_are_known() {
    let config = Config::parse(r#"{"upstreams":{"crat":{},"outbound|80||cart":{},"blog":{}}}"#).unwrap();
    let mut monitor = Monitor::new(config, Feed::Log, "test");
    let ts = Timestamp::from_seconds(1_795_423_554);
    monitor.observe(&Exchange { ts, upstream: "outbound|80||cart", status: 200, ..Exchange::default() });
    assert_eq!(monitor.unmatched_upstreams().collect::<Vec<_>>(), ["blog", "crat"]);
    let due_after = |monitor: &mut Monitor, seconds| {
        monitor.due_unmatched_upstreams(ts.after(Micros::from_seconds(seconds))).collect::<Vec<_>>().join(" ")
    };
    let due = [0, 599, 600, 601, 9_999].map(|seconds| due_after(&mut monitor, seconds));
    assert_eq!(due, ["", "", "blog crat", "", ""], "once, ten minutes after the first call");
    monitor.reconfigure(Config::parse(r#"{"upstreams":{"crat":{}}}"#).unwrap());
    assert_eq!([10_000, 10_600].map(|seconds| due_after(&mut monitor, seconds)), ["", "crat"]);
}
