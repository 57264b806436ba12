use super::*;
use crate::exchange::Quota;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    timeout: Some(Micros::from_millis(500)),
    deadline: Some(Micros::from_millis(2_000)),
    max_attempts: Some(3),
};

fn ok() -> Exchange<'static> {
    Exchange { status: 200, attempts: Some(1), duration: Micros::from_millis(10), ..Exchange::default() }
}

fn verdict(exchange: &Exchange<'_>) -> Verdict {
    let tight = Used::from_basis_points(1_000).unwrap();
    let baseline = LatencyBaseline { limit: Micros::from_millis(100), median: Micros::from_millis(20) };
    judge(exchange, &LIMITS, tight, Some(exchange.duration), Some(baseline))
}

fn fate(exchange: &Exchange<'_>) -> Fate {
    verdict(exchange).fate
}

#[test]
fn errors_and_only_errors_fail() {
    for status in [0, 429, 500, 503, 599] {
        assert_eq!(fate(&Exchange { status, ..ok() }), Fate::Failed, "{status}");
    }
    for status in [200, 304, 400, 404, 418] {
        assert_eq!(fate(&Exchange { status, ..ok() }), Fate::Clean, "{status}");
    }
}

#[test]
fn a_client_that_left_is_no_ones_fault() {
    let gone = [
        Exchange { aborted: true, status: 503, attempts: Some(3), ..ok() },
        Exchange { status: 499, ..ok() },
        Exchange { status: 0, flags: Flags::DC, ..ok() },
    ];
    for exchange in gone {
        let verdict = verdict(&exchange);
        assert_eq!((verdict.fate, verdict.signals), (Fate::Clean, Signals::ABORTED));
    }
}

#[test]
fn a_grpc_fault_fails_before_a_body_and_is_partial_after() {
    assert_eq!(fate(&Exchange { grpc_status: Some(14), bytes: Some(0), ..ok() }), Fate::Failed);
    assert_eq!(fate(&Exchange { grpc_status: Some(14), bytes: None, ..ok() }), Fate::Failed);
    assert_eq!(fate(&Exchange { grpc_status: Some(14), bytes: Some(5), ..ok() }), Fate::Partial);
    assert_eq!(
        fate(&Exchange { grpc_status: Some(5), bytes: Some(0), ..ok() }),
        Fate::Clean,
        "not found is an answer"
    );
}

#[test]
fn a_masked_error_on_a_success_is_partial() {
    assert_eq!(fate(&Exchange { proxy_status: Some("p; error=dns_timeout"), ..ok() }), Fate::Partial);
    assert_eq!(
        fate(&Exchange { proxy_status: Some("p; error=dns_timeout"), status: 404, ..ok() }),
        Fate::Clean
    );
    assert_eq!(fate(&Exchange { flags: Flags::UPE, ..ok() }), Fate::Partial, "cut off after its headers");
}

#[test]
fn what_stood_in_is_told_apart() {
    let marked =
        |substitute, cache_status| fate(&Exchange { substitute, cache_status, attempts: Some(3), ..ok() });
    assert_eq!(marked(Some(Substitute::Fallback), None), Fate::Fallback);
    assert_eq!(marked(Some(Substitute::Failover), None), Fate::Failover);
    assert_eq!(marked(Some(Substitute::Stale), None), Fate::Stale);
    assert_eq!(marked(None, Some("STALE")), Fate::Stale);
    assert_eq!(marked(None, Some("HIT")), Fate::Retried);
}

#[test]
fn a_retry_or_a_hedge_that_won_is_retried() {
    assert_eq!(fate(&Exchange { attempts: Some(2), ..ok() }), Fate::Retried);
    let hedged = verdict(&Exchange { attempts: Some(2), hedged: true, ..ok() });
    assert_eq!((hedged.fate, hedged.signals), (Fate::Retried, Signals::HEDGE));
    assert_eq!(
        fate(&Exchange { attempts: None, flags: Flags::URX, ..ok() }),
        Fate::Retried,
        "URX proves a retry"
    );
    assert_eq!(fate(&Exchange { attempts: None, ..ok() }), Fate::Clean);
}

#[test]
fn tight_is_strictly_above_the_threshold() {
    let at = |millis| fate(&Exchange { duration: Micros::from_millis(millis), ..ok() });
    assert_eq!(at(451), Fate::Tight);
    assert_eq!(at(450), Fate::Slow, "exactly 9 000 of 10 000");
    let quota = |remaining| fate(&Exchange { quota: Some(Quota { limit: 100, remaining }), ..ok() });
    assert_eq!((quota(9), quota(10)), (Fate::Tight, Fate::Clean));
    assert_eq!(fate(&Exchange { flags: Flags::UO, ..ok() }), Fate::Tight);
}

#[test]
fn only_a_duration_above_its_own_past_is_slow() {
    let slow = verdict(&Exchange { duration: Micros::from_millis(101), ..ok() });
    assert_eq!((slow.fate, slow.ratio_tenths()), (Fate::Slow, Some(50)));
    assert_eq!(fate(&Exchange { duration: Micros::from_millis(100), ..ok() }), Fate::Clean);
    let forever = Exchange { duration: Micros::from_seconds(900), ..ok() };
    assert_eq!(fate(&Exchange { status: 101, ..forever.clone() }), Fate::Clean);
    assert_eq!(fate(&Exchange { stream: true, ..forever }), Fate::Clean);
}

#[test]
fn the_last_attempt_is_a_signal_of_its_own() {
    let last = verdict(&Exchange { attempts: Some(3), ..ok() });
    assert_eq!(last.signals.names().collect::<alloc::vec::Vec<_>>(), ["retry", "retry_limit"]);
    assert_eq!(last.margin_bp(), Some(0));
}

#[test]
fn names_lead_back_to_fates() {
    for (i, fate) in Fate::ALL.into_iter().enumerate() {
        assert_eq!((fate as usize, Fate::from_name(fate.name())), (i, Some(fate)));
    }
    assert_eq!(Signals::COUNT, 16);
}

#[test]
fn the_index_of_a_signal_is_the_position_of_its_name() {
    for (index, name) in Signals::NAMES.into_iter().enumerate() {
        let signal = Signals(1 << index);
        assert_eq!((signal.index(), signal.names().collect::<alloc::vec::Vec<_>>()), (index, [name].into()));
    }
    assert_eq!(Signals::NAMES[Signals::ABORTED.index()], "aborted");
}

proptest! {
    #[test]
    fn the_way_of_plain_exchanges_says_what_the_long_way_says(
        status in 200u16..400, duration in 0u64..3_000_000, timeout in prop::option::of(0u64..3_000_000),
        deadline in prop::option::of(0u64..3_000_000), max_attempts in prop::option::of(0u32..4),
        baseline in prop::option::of(1u64..3_000_000), tight in 0u16..10_000
    ) {
        let exchange = Exchange { status, attempts: Some(1), duration: Micros::new(duration), ..Exchange::default() };
        prop_assert!(is_plain(&exchange));
        let limits = Limits { timeout: timeout.map(Micros::new), deadline: deadline.map(Micros::new), max_attempts };
        let usage = Usage::of(&exchange, &limits);
        let tight = Used::from_basis_points(tight).unwrap();
        let baseline = baseline.map(|limit| LatencyBaseline { limit: Micros::new(limit), median: Micros::new(limit / 2) });
        let duration = Some(exchange.duration);
        let timing = timing(&usage, tight, duration, baseline);
        prop_assert_eq!(timing, signals(&exchange, &usage, tight, timing));
    }
}

proptest! {
    #[test]
    fn every_exchange_gets_a_fate_that_its_signals_explain(
        status in 0u16..700, attempts in prop::option::of(0u32..6), flags: u64, grpc in prop::option::of(0u32..20),
        bytes in prop::option::of(0u64..3), aborted: bool, hedged: bool, duration in 0u64..3_000_000, client in prop::option::of(0u32..4)
    ) {
        let exchange = Exchange {
            status, attempts, flags: Flags::from_bits(flags), grpc_status: grpc, bytes, aborted, hedged,
            duration: Micros::new(duration), client_attempt: client, ..Exchange::default()
        };
        let verdict = verdict(&exchange);
        if verdict.is_aborted() {
            prop_assert_eq!(verdict.fate, Fate::Clean);
        } else {
            let reasons = verdict.signals.without(Signals::RETRY_LIMIT);
            prop_assert_eq!(verdict.fate == Fate::Clean, reasons.is_empty(), "{:?}", verdict);
            prop_assert_eq!(verdict.fate == Fate::Failed, verdict.signals.any(Signals::FAILED));
        }
    }
}
