use super::*;
use crate::exchange::{Attempt, Quota};
use crate::thresholds::ClientRetries;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    timeout: Some(Micros::from_millis(500)),
    deadline: Some(Micros::from_millis(2_000)),
    max_attempts: Some(3),
};

const THRESHOLDS: Thresholds = Thresholds {
    tight: Used::from_basis_points(1_000).unwrap(),
    abandon_after: Micros::from_seconds(1),
    client_retries: ClientRetries::UnlessExternal,
};

fn ok() -> Exchange<'static> {
    Exchange { status: 200, attempts: Some(1), duration: Micros::from_millis(10), ..Exchange::default() }
}

fn verdict(exchange: &Exchange<'_>) -> Verdict {
    let baseline = LatencyBaseline { limit: Micros::from_millis(100), median: Micros::from_millis(20) };
    judge(exchange, &LIMITS, &THRESHOLDS, Past { baseline: Some(baseline), late: false })
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

fn attempts(statuses: &[u16]) -> alloc::vec::Vec<Attempt<'static>> {
    let status = |status: &u16| Some(*status).filter(|status| *status > 0);
    statuses.iter().map(|code| Attempt { status: status(code), ..Attempt::default() }).collect()
}

#[test]
fn a_client_that_left_after_a_failed_attempt_abandoned_the_exchange() {
    let log = attempts(&[503, 0]);
    let gone = Exchange { status: 499, duration: Micros::from_millis(80), ..ok() };
    let failed = [
        Exchange { attempts: Some(2), ..gone.clone() },
        Exchange { attempts: Some(2), attempt_log: &log, ..gone.clone() },
        Exchange { status: 0, flags: Flags::DC.with(Flags::UF), ..gone.clone() },
        Exchange { attempt_log: &log[..1], ..gone.clone() },
        Exchange { attempts: Some(2), stream: true, ..gone.clone() },
    ];
    for exchange in failed {
        let verdict = verdict(&exchange);
        assert_eq!((verdict.fate, verdict.margin_bp()), (Fate::Abandoned, None));
        assert!(verdict.signals.any(Signals::ABORTED) && !verdict.is_aborted() && verdict.is_judged());
    }
    let fine = [
        Exchange { attempt_log: &log[1..], ..gone.clone() },
        Exchange { attempts: Some(2), hedged: true, ..gone.clone() },
        Exchange { attempts: Some(2), aborted: true, status: 200, ..gone.clone() },
        gone,
    ];
    for exchange in fine {
        assert_eq!((fate(&exchange), verdict(&exchange).signals), (Fate::Clean, Signals::ABORTED));
    }
}

#[test]
fn a_client_that_left_after_an_unusual_wait_abandoned_the_exchange() {
    let waited = |millis| Exchange { status: 499, duration: Micros::from_millis(millis), ..ok() };
    let judged = |exchange: &Exchange<'_>, median: u64, late: bool| {
        let median = Micros::from_millis(median);
        let baseline = (!late).then_some(LatencyBaseline { limit: Micros::from_millis(1_500), median });
        judge(exchange, &LIMITS, &THRESHOLDS, Past { baseline, late }).fate
    };
    assert_eq!(judged(&waited(1_501), 20, false), Fate::Abandoned);
    assert_eq!(judged(&waited(1_500), 20, false), Fate::Clean, "usual for this upstream");
    assert_eq!(judged(&waited(1_501), 1_001, false), Fate::Clean, "a long poll");
    assert_eq!(judged(&Exchange { stream: true, ..waited(9_000) }, 20, false), Fate::Clean, "a stream");
    assert_eq!(judged(&waited(1_001), 20, true), Fate::Abandoned, "late lines by the wait alone");
    assert_eq!(judged(&waited(1_000), 20, true), Fate::Clean);
    assert_eq!(fate(&waited(999)), Fate::Clean, "above the slow limit but below abandon_after");
    let past = Past::default();
    assert_eq!(judge(&waited(9_000), &LIMITS, &THRESHOLDS, past).fate, Fate::Clean, "nothing is known yet");
}

#[test]
fn a_policy_that_turns_an_exchange_away_rejects_it() {
    let rejected = Exchange { rejected: true, attempts: Some(0), ..ok() };
    for status in [429, 503] {
        let verdict = verdict(&Exchange { status, ..rejected.clone() });
        assert_eq!((verdict.fate, verdict.signals), (Fate::Rejected, Signals::REJECTED));
        assert!(!verdict.is_judged() && verdict.margin_bp().is_none());
    }
    assert_eq!(fate(&Exchange { status: 429, flags: Flags::RL, ..ok() }), Fate::Rejected);
    assert_eq!(fate(&Exchange { status: 503, flags: Flags::FI, attempts: None, ..ok() }), Fate::Rejected);
    assert_eq!(fate(&Exchange { grpc_status: Some(14), flags: Flags::RL, ..ok() }), Fate::Rejected);
    assert_eq!(fate(&Exchange { status: 403, ..rejected.clone() }), Fate::Clean, "no error of a server");
    assert_eq!(fate(&Exchange { status: 200, ..rejected }), Fate::Clean);
    assert_eq!(fate(&Exchange { status: 429, flags: Flags::RL, attempts: Some(2), ..ok() }), Fate::Failed);
}

#[test]
fn a_load_shedder_is_no_policy() {
    for (flags, reason) in [
        (Flags::UO, None),
        (Flags::OM, None),
        (Flags::RL, Some("denied_by_admission_control")),
        (Flags::FI, Some("overload")),
    ] {
        let verdict = verdict(&Exchange { status: 503, attempts: Some(0), flags, reason, ..ok() });
        assert_eq!((verdict.fate, verdict.signals), (Fate::Failed, Signals::FAILED.with(Signals::BREAKER)));
    }
}

#[test]
fn a_4xx_that_stands_for_an_unreached_upstream_or_a_dead_check_is_failed() {
    let not_found = |flags| Exchange { status: 404, flags, attempts: Some(1), ..ok() };
    assert_eq!(fate(&not_found(Flags::UH)), Fate::Failed);
    assert_eq!(fate(&not_found(Flags::UF)), Fate::Failed);
    assert_eq!(fate(&Exchange { attempts: Some(2), ..not_found(Flags::UF) }), Fate::Retried);
    let denied = Exchange { status: 403, attempts: Some(0), ..ok() };
    assert_eq!(fate(&Exchange { reason: Some("ext_authz_error"), ..denied.clone() }), Fate::Failed);
    assert_eq!(fate(&Exchange { reason: Some("ext_authz_denied"), ..denied }), Fate::Clean);
}

#[test]
fn a_4xx_after_attempts_that_failed_otherwise_is_retried() {
    let log = attempts(&[503, 404]);
    let same = attempts(&[409, 409]);
    let not_found = Exchange { status: 404, attempts: Some(2), ..ok() };
    assert_eq!(fate(&Exchange { attempt_log: &log, ..not_found.clone() }), Fate::Retried);
    let refused = verdict(&Exchange { attempt_log: &same, ..not_found.clone() });
    assert_eq!((refused.fate, refused.signals.any(Signals::RETRY)), (Fate::Clean, true));
    assert_eq!(fate(&not_found), Fate::Retried, "without URX the last answer was final");
    let repeated = verdict(&Exchange { flags: Flags::URX, ..not_found });
    assert_eq!((repeated.fate, repeated.signals.any(Signals::RETRY)), (Fate::Clean, true));
}

#[test]
fn a_good_response_that_no_attempt_gave_is_a_fallbacks() {
    let log = attempts(&[503, 502]);
    for status in [200, 302] {
        let mapped = Exchange { status, attempts: Some(2), attempt_log: &log, ..ok() };
        assert_eq!(fate(&mapped), Fate::Fallback);
        assert_eq!(fate(&Exchange { cache_status: Some("STALE"), ..mapped }), Fate::Stale);
        assert_eq!(fate(&Exchange { status, flags: Flags::UH, ..ok() }), Fate::Fallback);
    }
    assert_eq!(fate(&Exchange { flags: Flags::UF, attempts: Some(2), ..ok() }), Fate::Retried);
    let refused = Flags::UF.with(Flags::URX);
    assert_eq!(fate(&Exchange { flags: refused, attempts: Some(3), ..ok() }), Fate::Fallback);
    assert_eq!(fate(&Exchange { flags: Flags::UH, grpc_status: Some(14), ..ok() }), Fate::Failed);
}

#[test]
fn an_authorization_that_failed_open_is_a_fallback() {
    let verdict = verdict(&Exchange { fail_open: true, ..ok() });
    assert_eq!((verdict.fate, verdict.signals), (Fate::Fallback, Signals::FAIL_OPEN));
    assert!(!verdict.is_first_try(&ok()));
}

#[test]
fn a_wait_for_a_connection_is_tight() {
    assert_eq!(verdict(&Exchange { pool: true, ..ok() }).signals, Signals::POOL);
    assert_eq!(fate(&Exchange { pool: true, ..ok() }), Fate::Tight);
}

#[test]
fn a_failed_exchange_has_a_margin_only_where_it_used_up_a_limit() {
    let failed = Exchange { status: 503, ..ok() };
    assert_eq!(verdict(&failed).margin_bp(), None);
    assert_eq!(verdict(&Exchange { flags: Flags::UT, ..failed.clone() }).margin_bp(), Some(0));
    assert_eq!(
        verdict(&Exchange { duration: Micros::from_seconds(3), ..failed.clone() }).margin_bp(),
        Some(0)
    );
    assert_eq!(verdict(&Exchange { attempts: Some(3), ..failed.clone() }).margin_bp(), Some(0));
    assert_eq!(verdict(&Exchange { attempts: Some(2), ..failed }).margin_bp(), None);
}

#[test]
fn slowness_is_the_upstreams_and_not_the_clients() {
    let uploaded = Exchange { duration: Micros::from_millis(400), ..ok() };
    assert_eq!(fate(&uploaded), Fate::Slow);
    assert_eq!(fate(&Exchange { service: Some(Micros::from_millis(40)), ..uploaded }), Fate::Clean);
}

#[test]
fn a_stream_that_reached_its_maximum_duration_ended_well() {
    let ended = Exchange { flags: Flags::UMSDR, ..ok() };
    assert_eq!(fate(&ended), Fate::Partial);
    assert_eq!(fate(&Exchange { stream: true, ..ended }), Fate::Clean);
}

#[test]
fn hints_of_clients_are_believed_as_configured() {
    let retry = |client_trusted, client_retries| {
        let exchange = Exchange { client_attempt: Some(2), client_trusted, ..ok() };
        let thresholds = Thresholds { client_retries, ..THRESHOLDS };
        judge(&exchange, &LIMITS, &thresholds, Past::default()).fate == Fate::ClientRetried
    };
    use ClientRetries::{Always, Never, UnlessExternal};
    assert!(
        retry(None, UnlessExternal)
            && retry(Some(true), UnlessExternal)
            && !retry(Some(false), UnlessExternal)
    );
    assert!(retry(Some(false), Always) && !retry(Some(true), Never));
}

#[test]
fn names_lead_back_to_fates() {
    for (i, fate) in Fate::ALL.into_iter().enumerate() {
        assert_eq!((fate as usize, Fate::from_name(fate.name())), (i, Some(fate)));
    }
    assert_eq!(Signals::COUNT, 18);
}

proptest! {
    #[test]
    fn the_way_of_plain_exchanges_says_what_the_long_way_says(
        status in 200u16..400, duration in 0u64..3_000_000, timeout in prop::option::of(0u64..3_000_000),
        deadline in prop::option::of(0u64..3_000_000), max_attempts in prop::option::of(0u32..4),
        used in prop::option::of(0u64..3_000_000), service in prop::option::of(0u64..3_000_000),
        attempts in prop::option::of(Just(1u32)), baseline in prop::option::of(1u64..3_000_000), tight in 0u16..10_000
    ) {
        let exchange = Exchange {
            status, attempts, duration: Micros::new(duration), timeout_used: used.map(Micros::new), deadline_used: used.map(Micros::new),
            service: service.map(Micros::new), ..Exchange::default()
        };
        prop_assert!(exchange.is_plain());
        let limits = Limits { timeout: timeout.map(Micros::new), deadline: deadline.map(Micros::new), max_attempts };
        let usage = Usage::of(&exchange, &limits);
        prop_assert_eq!(usage, Usage::of_plain(&exchange, &limits));
        let tight = Used::from_basis_points(tight).unwrap();
        let baseline = baseline.map(|limit| LatencyBaseline { limit: Micros::new(limit), median: Micros::new(limit / 2) });
        let timing = timing(&usage, tight, exchange.judged_duration(), baseline);
        let thresholds = Thresholds { tight, ..THRESHOLDS };
        prop_assert_eq!(timing, signals(&exchange, &usage, &thresholds, timing));
        let judged = judge(&exchange, &limits, &thresholds, Past { baseline, late: false });
        prop_assert_eq!(judge_plain(&exchange, limits, tight, baseline), Some(judged).filter(|judged| judged.signals.is_empty()));
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
