use super::*;
use crate::record::Head;
use crate::{Config, Exchange, Fate, Feed, Monitor};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;
use serde_json::Value;

const T0: u64 = 1_795_423_560;
const MINUTE: Micros = Micros::from_seconds(60);

/// Returns the summaries that one proxy sends: `exchanges` are its upstream, its second, its milliseconds and how many attempts it took.
fn summaries(source: &str, exchanges: &[(u8, u64, u64, u32)]) -> Vec<String> {
    summaries_with(r#"{"reorder":"0s"}"#, source, exchanges)
}

fn summaries_with(config: &str, source: &str, exchanges: &[(u8, u64, u64, u32)]) -> Vec<String> {
    let mut monitor = Monitor::new(Config::parse(config).unwrap(), Feed::Log, source);
    let mut exchanges = exchanges.to_vec();
    exchanges.sort_unstable_by_key(|exchange| exchange.1);
    let mut records = Vec::new();
    for (upstream, second, millis, attempts) in exchanges {
        monitor.observe(&Exchange {
            ts: Timestamp::from_seconds(T0 + second),
            upstream: ["cart", "ledger", "search"][usize::from(upstream) % 3],
            host: Some(["10.0.0.1:80", "10.0.0.2:80"][(millis % 2) as usize]),
            route: Some("/checkout"),
            status: if attempts > 4 { 503 } else { 200 },
            duration: Micros::from_millis(millis),
            attempts: Some(attempts),
            ..Exchange::default()
        });
        drain(&mut monitor, &mut records);
    }
    monitor.finish();
    drain(&mut monitor, &mut records);
    records
}

fn drain(monitor: &mut Monitor, records: &mut Vec<String>) {
    while let Some(record) = monitor.poll_record() {
        if matches!(record.head, Head::Summary { .. }) {
            records.push(record.json.to_string());
        }
    }
}

/// Returns the summaries of a proxy that relays verdicts of another one.
fn relayed(source: &str, upstream: &str, clean: u64) -> String {
    let mut monitor = Monitor::new(Config::default(), Feed::Log, source);
    (0..clean).for_each(|_| monitor.relay(Some(Timestamp::from_seconds(T0 + 1)), upstream, Fate::Clean));
    monitor.finish();
    monitor.poll_record().unwrap().json.to_string()
}

/// Returns the summaries of a proxy that has read one exchange and could not read `unread` records.
fn unread(source: &str, unread: u32) -> Vec<String> {
    let mut monitor = Monitor::new(Config::default(), Feed::Log, source);
    monitor.observe(&Exchange {
        ts: Timestamp::from_seconds(T0 + 1),
        upstream: "cart",
        status: 200,
        ..Exchange::default()
    });
    monitor.count_unread(unread);
    monitor.finish();
    let mut records = Vec::new();
    drain(&mut monitor, &mut records);
    records
}

fn merger() -> Merger {
    Merger::new(MINUTE, None)
}

fn finished(mut merger: Merger) -> Vec<String> {
    merger.finish();
    let mut records = Vec::new();
    while let Some(record) = merger.poll_record() {
        records.push(record.json.to_string());
    }
    records
}

fn merged<T: AsRef<str>>(records: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut merger = merger();
    for record in records {
        assert_eq!(merger.add_line(record.as_ref()), Ok(1), "{}", record.as_ref());
    }
    finished(merger)
}

fn parse(record: &str) -> Value {
    serde_json::from_str(record).unwrap_or_else(|_| panic!("{record}"))
}

type Exchanges = Vec<(u8, u64, u64, u32)>;

fn exchanges() -> impl Strategy<Value = Exchanges> {
    prop::collection::vec((0u8..3, 0u64..300, 1u64..3_000, 1u32..6), 1..30)
}

#[test]
fn unread_records_add_up() {
    let records = merged([unread("a", 3), unread("b", 4)].concat());
    let none = records.iter().map(|record| parse(record)).find(|record| record["upstream"] == "none");
    assert_eq!(none.unwrap()["unread"], 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        fleet in prop::collection::vec(exchanges(), 3..6), order in any::<prop::sample::Index>(), again in any::<u64>()
    ) {
        let of: Vec<Vec<String>> =
            fleet.iter().enumerate().map(|(n, exchanges)| summaries(&format!("proxy-{n}/1/{T0}"), exchanges)).collect();
        let all: Vec<String> = of.concat();
        let whole = merged(&all);
        // Commutative, and each as often as it likes.
        let mut other = all.clone();
        other.rotate_left(order.index(all.len()));
        other.extend(all.iter().enumerate().filter(|(n, _)| again >> (n % 64) & 1 == 1).map(|(_, record)| record.clone()));
        other.reverse();
        prop_assert_eq!(&merged(&other), &whole);
        // Associative: any two parts merged first.
        let cut = order.index(of.len() - 1) + 1;
        let (left, right) = (merged(of[..cut].concat()), merged(of[cut..].concat()));
        prop_assert_eq!(&merged(left.iter().chain(&right)), &whole);
        prop_assert_eq!(&merged(right.iter().chain(&of[..cut].concat())), &whole);
        // Idempotent, through two tiers: the whole again, its parts again, and what they were made of.
        prop_assert_eq!(&merged(&whole), &whole);
        let everything = [left, all.clone(), whole.clone(), right, all.clone(), whole.clone()].concat();
        prop_assert_eq!(&merged(&everything), &whole);
        // Interval by interval, the emitted counts add up to the same.
        let mut live = Merger::new(MINUTE, Some(Micros::from_seconds(0)));
        for record in &other {
            live.add_line(record).unwrap();
        }
        let pieces = finished(live);
        prop_assert_eq!(&merged(&pieces), &whole);
    }

    #[test]
    fn nothing_that_is_no_record_does_harm(text in ".{0,80}", cut in 0usize..2_000, place in 0usize..2_000) {
        let mut merger = merger();
        let _ = merger.add_line(&text);
        let record = merged(summaries("a/1/1", &[(0, 1, 1, 1)])).remove(0);
        let mut broken: Vec<char> = record.chars().collect();
        broken.truncate(cut);
        let _ = merger.add_line(&broken.iter().collect::<String>());
        let mut broken: Vec<char> = record.chars().collect();
        let place = place % broken.len();
        broken[place] = text.chars().next().unwrap_or('"');
        let _ = merger.add_line(&broken.iter().collect::<String>());
        merger.finish();
    }
}

#[test]
fn counters_add_exactly_and_say_where_they_come_from() {
    let records = [
        summaries("a/1/1", &[(0, 1, 10, 1), (0, 2, 2_000, 3)]),
        summaries("b/1/1", &[(0, 3, 10, 1), (0, 59, 20, 5), (1, 3, 5, 1)]),
    ];
    let whole = merged(records.concat());
    assert_eq!(whole.len(), 2, "one for each upstream of this minute");
    let cart = parse(&whole[0]);
    assert_eq!(cart["fates"]["clean"], 2);
    assert_eq!((&cart["fates"]["retried"], &cart["fates"]["failed"]), (&1.into(), &1.into()));
    assert_eq!((&cart["attempts"], &cart["first_try_success_bp"]), (&10.into(), &5_000.into()));
    assert_eq!(
        cart["hosts"],
        serde_json::json!([{"host":"10.0.0.1:80","attempts":4,"failed":1,"near_misses":0}])
    );
    assert_eq!(cart["parts"], serde_json::json!({"a/1/1":[0],"b/1/1":[0]}));
    assert_eq!((&cart["start"], &cart["seq"]), (&"2026-11-23T08:46:01.000Z".into(), &0.into()));
    assert!(cart["source"].as_str().unwrap().starts_with("merge/"));
}

#[test]
fn withheld_hosts_add_up_under_one_name_and_hashed_ones_only_under_one_key() {
    let hosts = |configs: [&str; 2]| {
        let of =
            |n: usize| summaries_with(configs[n], &format!("proxy-{n}/1/1"), &[(0, 1, 10, 1), (0, 2, 21, 2)]);
        parse(&merged([of(0), of(1)].concat())[0])["hosts"].as_array().unwrap().clone()
    };
    let withheld = r#"{"reorder":"0s","hosts":"hashed"}"#;
    let expected = serde_json::json!({"host":"host-withheld","attempts":4,"failed":0,"near_misses":0});
    assert_eq!(hosts([withheld; 2]), [expected], "two hosts of two instances");
    let one = r#"{"reorder":"0s","hosts":"hashed","hosts_key":"the first key"}"#;
    let other = r#"{"reorder":"0s","hosts":"hashed","hosts_key":"the second key"}"#;
    assert_eq!((hosts([one; 2]).len(), hosts([one, other]).len()), (2, 4));
}

#[test]
fn what_shares_some_of_its_parts_is_left_out_and_told() {
    let of = |name: &str| summaries(&format!("{name}/1/1"), &[(0, 1, 10, 1)]);
    let (a, b, c) = (of("a"), of("b"), of("c"));
    let (ab, bc) = (merged([a.clone(), b.clone()].concat()), merged([b, c.clone()].concat()));
    let mut merger = merger();
    for record in [&bc[0], &ab[0], &c[0], &a[0]] {
        merger.add_line(record).unwrap();
    }
    merger.finish();
    assert_eq!((merger.stats().overlapping, merger.stats().summaries), (1, 4));
    let total = merger.totals().next().unwrap().1.totals.exchanges();
    assert_eq!(total, 3, "nothing counts twice, and what came alone makes up for it");
}

#[test]
fn relayed_exchanges_count_only_where_nobody_reports_them_himself() {
    let relay = |upstream| relayed("fluent-bit/1/1", upstream, 7);
    let of = |record: &String, field: &str| parse(record)[field]["clean"].clone();
    let alone = merged([relay("cart"), relay("ledger")]);
    assert_eq!(of(&alone[0], "relayed"), 7);
    let direct = summaries("envoy/1/1", &[(0, 1, 10, 1)]);
    let both = merged([&relay("cart"), &relay("ledger"), &direct[0]]);
    assert_eq!((of(&both[0], "fates"), of(&both[0], "relayed")), (1.into(), Value::Null));
    assert_eq!(of(&both[1], "relayed"), 7, "nobody else reports the ledger");
    assert_eq!(merged([&direct[0], &alone[0], &alone[1]]), both, "in two steps too");
    let later = relayed("fluent-bit/2/1", "cart", 3);
    assert_eq!(of(&merged([&later, &both[0]])[0], "relayed"), Value::Null);
}

#[test]
fn old_and_new_modules_are_told_apart_by_source() {
    let before = summaries("envoy/1/1795420000", &[(0, 1, 10, 1)]);
    let after = summaries("envoy/1/1795423560", &[(0, 1, 10, 1)]);
    assert_eq!(parse(&merged([&before[0], &after[0]])[0])["fates"]["clean"], 2);
}

#[test]
fn two_runs_under_one_name_are_told() {
    let mut merger = merger();
    merger.add_line(&summaries("replay", &[(0, 1, 10, 1)])[0]).unwrap();
    merger.add_line(&summaries("replay", &[(0, 1, 20, 3)])[0]).unwrap();
    assert_eq!((merger.stats().contradicting, merger.stats().repeated), (1, 0));
}

#[test]
fn records_are_found_however_they_travelled() {
    let record = &summaries("a/1/1", &[(0, 1, 10, 1)])[0];
    let text = serde_json::to_string(&format!("[info] wasm log: nearmiss {record}")).unwrap();
    for line in [
        format!("  {record} "),
        format!("[{record}]"),
        format!("[2026-11-23 08:00:00.123][7][info][wasm] [x.cc:1] wasm log nearmiss: nearmiss {record}"),
        format!(r#"{{"date":1.5,"type":"access","schema":"x","near_miss_summaries":[{record}],"hosts":3}}"#),
        format!(r#"{{"log":{text},"stream":"stdout"}}"#),
        format!(r#"{{"message":{text}}}"#),
    ] {
        assert_eq!(merged([&line]), merged([record]), "{line}");
    }
    for line in [
        "",
        "GET /summary HTTP/1.1",
        r#"{"type":"summary","of":"somebody else's"}"#,
        r#"{"schema":1,"type":"exchange","near_miss_":0}"#,
        "nearmiss: summary of nothing",
        r#"{"log":"summary"}"#,
    ] {
        assert_eq!(merger().add_line(line), Ok(0), "{line}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let record = &summaries("a/1/1", &[(0, 1, 10, 1)])[0];
    let cases = [
        (r#""schema":1"#, r#""schema":2"#, "schema 2 is not known; this nearmiss reads schema 1"),
        (r#""schema":1"#, r#""schema":"1""#, "schema \"1\" is not known; this nearmiss reads schema 1"),
        (r#""seq":0,"#, "", "`seq` is missing; it takes a whole number, 0 or more"),
        (r#""clean":1"#, r#""clean":-1"#, "`fates.clean` is -1; it takes a whole number, 0 or more"),
        (r#""clean":1"#, r#""great":1"#, "`fates.great` is 1; it takes a known fate"),
        (r#""scale":3"#, r#""scale":99"#, "`latency.scale` is 99; it takes -32 to 20"),
        (
            "2026-11-23T08:46:01.000Z",
            "yesterday",
            "`end` is \"yesterday\"; it takes a time such as \"2026-11-23T08:00:00.000Z\"",
        ),
        (
            r#","late""#,
            r#","parts":{"a":[[9,3]]},"late""#,
            "`parts.a` is [[9,3]]; it takes sequence numbers and pairs of them, the smaller first",
        ),
        ("}", "", "the line is not JSON: "),
    ];
    for (from, to, wanted) in cases {
        let error = merger().add_line(&record.replace(from, to)).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
    let deep = format!(r#"{{"near_miss_summaries":{}"#, "[".repeat(100));
    assert_eq!(merger().add_line(&deep).unwrap_err().to_string(), "the line nests deeper than 32 levels");
    let good_and_bad = format!("[{},{record}]", record.replace(r#""seq":0,"#, ""));
    let mut merger = merger();
    assert!(merger.add_line(&good_and_bad).is_err());
    assert_eq!(finished(merger).len(), 1, "a bad record takes no other with it");
}

#[test]
fn what_is_forgotten_is_refused() {
    let record = &summaries("a/1/1", &[(0, 1, 10, 1)])[0];
    let numbered = |source: u64, minute: u64| {
        let end = Timestamp::from_seconds(T0 + 60 * minute);
        let mut text = String::new();
        crate::json::write::push_time(&mut text, end);
        record
            .replace(r#""source":"a/1/1""#, &format!(r#""source":"pod-{source}/1/1""#))
            .replace(r#""end":"2026-11-23T08:46:01.000Z""#, &format!(r#""end":"{text}""#))
    };
    let mut upstream = Upstream::default();
    let mut stats = MergeStats::default();
    for n in 0..3 {
        let value = crate::json::value::Value::parse(&numbered(n, n)).unwrap();
        let summary = Summary::read(value.as_object().unwrap(), &mut Sources::default()).unwrap();
        upstream.hold(summary.clone(), &mut stats);
        assert_eq!(upstream.count_waiting(MINUTE, &mut stats), 1);
        upstream.drop_older_half();
    }
    assert_eq!(upstream.remembered(), 0);
    for n in 0..3 {
        let value = crate::json::value::Value::parse(&numbered(n, n)).unwrap();
        upstream
            .hold(Summary::read(value.as_object().unwrap(), &mut Sources::default()).unwrap(), &mut stats);
        upstream.count_waiting(MINUTE, &mut stats);
    }
    assert_eq!((stats.too_late, stats.repeated), (2, 1), "{stats:?}");
}

fn episode(proxy: u64, upstream: &str, phase: &str, start: u64, seconds: u64) -> String {
    let at = |second: u64| {
        let mut text = String::new();
        crate::json::write::push_time(&mut text, Timestamp::from_seconds(T0 + second));
        text
    };
    let end = if phase == "open" { "detected" } else { "end" };
    let outcome = if phase == "open" { "" } else { r#""outcome":"contained","# };
    format!(
        r#"{{"schema":1,"type":"episode","phase":"{phase}","id":"{upstream}-{}","upstream":"{upstream}","pattern":"burst","start":"{}","{end}":"{}",{outcome}"exchanges":{},"near_misses":10,"failed":2,"margin_min_bp":{proxy},"first_try_success_bp":9000,"final_success_bp":9900,"signals":{{"retry":10}},"hosts":[{{"host":"10.0.0.7:80","share_bp":9100}}],"related":[],"explain":"…"}}"#,
        T0 + start,
        at(start),
        at(start + seconds),
        200 + proxy
    )
}

#[test]
fn overlapping_episodes_of_one_upstream_become_one() {
    let records: Vec<_> = (1..4)
        .flat_map(|proxy| {
            [episode(proxy, "cart", "open", 10 * proxy, 10), episode(proxy, "cart", "close", 10 * proxy, 60)]
        })
        .chain([episode(9, "cart", "close", 500, 30)])
        .collect();
    let fleet = merged(&records);
    assert_eq!(fleet.len(), 2, "{fleet:?}");
    let first = parse(&fleet[0]);
    assert_eq!(
        (&first["phase"], &first["near_misses"], &first["exchanges"]),
        (&"close".into(), &30.into(), &606.into())
    );
    assert_eq!((&first["margin_min_bp"], &first["first_try_success_bp"]), (&1.into(), &9_009.into()));
    assert_eq!(
        (&first["start"], &first["end"]),
        (&"2026-11-23T08:46:10.000Z".into(), &"2026-11-23T08:47:30.000Z".into())
    );
    assert_eq!(first["members"].as_array().unwrap().len(), 3);
    assert_eq!(first["hosts"][0]["share_bp"], 9_166);
    assert_eq!(
        first["explain"],
        "30 of 606 exchanges were near misses and 6 failed, in 3 episodes at once; look at host 10.0.0.7:80."
    );
    let mut shuffled: Vec<_> =
        [records.clone(), fleet.clone(), records.clone(), fleet[..1].to_vec()].concat();
    shuffled.reverse();
    assert_eq!(merged(&shuffled), fleet, "repeated through two tiers, in another order");
    assert_eq!(merged(merged(&records[..3]).iter().chain(&merged(&records[3..]))).len(), 2);
}

#[test]
fn shares_of_a_merged_episode_follow_from_its_own_counts() {
    let odd = episode(1, "cart", "close", 0, 60).replace(r#"{"retry":10}"#, r#"{"retry":10,"rejected":300}"#);
    let fleet = merged([odd, episode(2, "cart", "close", 30, 60)]);
    assert_eq!(merged(&fleet), fleet, "a record may count more rejected exchanges than exchanges");
}

#[test]
fn abandoned_exchanges_stay_failures_when_an_episode_is_merged_again() {
    let record = episode(0, "cart", "close", 0, 60)
        .replace(r#""failed":2"#, r#""failed":2,"abandoned":20"#)
        .replace(r#""signals":{"retry":10}"#, r#""signals":{"retry":10,"aborted":30}"#);
    let once = merged([record]);
    let twice = merged(&once);
    for fleet in [&once, &twice] {
        let merged = parse(&fleet[0]);
        // Of 200 exchanges, ten were aborted through no fault of the upstream.
        assert_eq!((&merged["failed"], &merged["abandoned"]), (&2.into(), &20.into()), "{merged:#}");
        assert_eq!((&merged["first_try"], &merged["final_success_bp"]), (&171.into(), &8_842.into()));
        let explain = merged["explain"].as_str().unwrap();
        assert!(explain.starts_with("10 of 200 exchanges were near misses and 22 failed"), "{explain}");
    }
    assert_eq!(once, twice);
}

#[test]
fn of_overlapping_episodes_the_largest_shift_and_the_shortest_interval_stay() {
    let recurring = |proxy, fields: &str| {
        episode(proxy, "cart", "close", 0, 60)
            .replace(r#""pattern":"burst""#, r#""pattern":"recurring""#)
            .replace(r#""related""#, &format!(r#"{fields},"related""#))
    };
    let fleet = merged([
        recurring(1, r#""shift_bp":13000,"count":9,"interval_s":300"#),
        recurring(2, r#""shift_bp":21000,"count":4,"interval_s":600"#),
    ]);
    let merged = parse(&fleet[0]);
    assert_eq!(
        (&merged["shift_bp"], &merged["count"], &merged["interval_s"]),
        (&21_000.into(), &9.into(), &300.into()),
        "{merged:#}"
    );
}

#[test]
fn an_episode_that_did_not_end_everywhere_stays_open() {
    let open = |proxy| episode(proxy, "cart", "open", 0, 10);
    let fleet = merged([open(1), open(2), episode(1, "cart", "close", 0, 60)]);
    let phases: Vec<_> = fleet.iter().map(|record| parse(record)["phase"].clone()).collect();
    assert_eq!(phases, ["open", "close"]);
    let ended =
        merged([open(1), open(2), episode(1, "cart", "close", 0, 60), episode(2, "cart", "close", 0, 50)]);
    assert_eq!(ended.len(), 1);
}

#[test]
fn a_lone_episode_keeps_its_pattern_and_several_have_the_strongest() {
    let storm = |proxy| {
        episode(proxy, "cart", "close", 0, 60)
            .replace(r#""pattern":"burst""#, r#""pattern":"storm","also":["recurring"]"#)
    };
    let patterns = |records: &[String]| {
        let fleet = merged(records);
        assert_eq!(fleet.len(), 1, "{fleet:?}");
        assert_eq!(merged(&fleet), fleet, "through another tier");
        let record = parse(&fleet[0]);
        (record["pattern"].clone(), record["also"].clone())
    };
    assert_eq!(patterns(&[storm(1)]), ("storm".into(), ["recurring"].into()));
    assert_eq!(patterns(&[storm(1), storm(1)]), ("storm".into(), ["recurring"].into()), "a repeat");
    let burst = episode(2, "cart", "close", 30, 60);
    assert_eq!(patterns(&[storm(1), burst]), ("storm".into(), ["recurring", "burst"].into()));
}

#[test]
fn upstreams_in_trouble_at_once_are_correlated_whoever_saw_them() {
    let near = merged([episode(1, "cart", "close", 0, 60), episode(2, "ledger", "close", 30, 60)]);
    let record = parse(&near[0]);
    assert_eq!(
        (&record["pattern"], &record["related"][0], &record["also"][0]),
        (&"correlated".into(), &"ledger".into(), &"burst".into())
    );
    let apart = merged([episode(1, "cart", "close", 0, 60), episode(2, "ledger", "close", 60, 60)]);
    assert_eq!(parse(&apart[0])["pattern"], "burst", "a minute apart, two are a coincidence");
    let three = merged([
        episode(1, "cart", "close", 0, 60),
        episode(2, "ledger", "close", 60, 60),
        episode(3, "search", "close", 80, 60),
    ]);
    assert!(three.iter().all(|record| parse(record)["pattern"] == "correlated"), "{three:?}");
}

#[test]
fn live_an_episode_leaves_once_and_a_clock_from_the_future_stops_nothing() {
    let mut live = Merger::new(MINUTE, Some(MINUTE));
    let mut records = Vec::new();
    let mut take = |line: &str| {
        live.add_line(line).unwrap();
        while let Some(record) = live.poll_record() {
            records.push((matches!(record.head, Head::Summary { .. }), record.json.to_string()));
        }
    };
    let minute = |minute: u64| summaries(&format!("a/{minute}/1"), &[(0, 60 * minute, 10, 1)]).remove(0);
    take(&minute(0));
    take(&minute(60 * 24 * 365));
    let (open, close) = (episode(1, "cart", "open", 0, 10), episode(1, "cart", "close", 0, 60));
    for number in 1..120 {
        take(&minute(number));
        take(if number < 30 { &open } else { &close });
        take(&open);
    }
    let of = |kind| records.iter().filter(move |(of, _)| *of == kind).map(|(_, record)| parse(record));
    assert!(of(true).count() > 110, "intervals go on leaving");
    let phases: Vec<_> = of(false).map(|record| record["phase"].clone()).collect();
    assert_eq!(phases, ["open", "close"], "however often each came");
}
