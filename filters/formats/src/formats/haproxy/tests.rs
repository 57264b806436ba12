use crate::Format;
use crate::testing::{error, left_out, with};
use alloc::format;
use alloc::string::String;
use nearmiss::Micros;

fn line(server: &str, timers: &str, status: &str, state: &str, retries: &str) -> String {
    format!(
        r#"10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in {server} {timers} {status} 2750 - - {state} 1/1/1/1/{retries} 0/0 "GET /index.html HTTP/1.1""#
    )
}

#[test]
fn attempts_are_retries_plus_1() {
    with(Format::Haproxy, &line("static/srv2", "10/0/30/69/109", "200", "----", "0"), |exchange| {
        assert_eq!(exchange.ts.micros(), 1_770_380_054_764_000);
        assert_eq!((exchange.upstream, exchange.host), ("static", Some("srv2")));
        assert_eq!((exchange.attempts, exchange.bytes), (Some(1), Some(2750)));
    });
    with(Format::Haproxy, &line("static/srv2", "0/602/0/3/605", "200", "----", "+2"), |exchange| {
        assert_eq!((exchange.attempts, exchange.duration), (Some(3), Micros::from_millis(605)));
        assert_eq!(exchange.attempt_log[0].duration, Some(Micros::from_millis(3)), "Tw hides the others");
        assert_eq!(exchange.attempt_log[0].status, Some(200));
    });
    with(Format::Haproxy, &line("static/srv2", "0/1804/1/-1/2406", "504", "sH--", "3"), |exchange| {
        assert_eq!((exchange.attempts, exchange.attempt_log.len()), (Some(4), 4), "always the same server");
        assert!(
            exchange
                .attempt_log
                .iter()
                .all(|attempt| attempt.host == Some("srv2") && attempt.status.is_none())
        );
    });
}

#[test]
fn without_a_server_there_is_no_attempt_and_a_local_response_has_no_upstream() {
    with(Format::Haproxy, &line("static/<NOSRV>", "0/-1/-1/-1/0", "503", "SC--", "0"), |exchange| {
        assert_eq!((exchange.upstream, exchange.attempts, exchange.host), ("static", Some(0), None));
    });
    for state in ["LR--", "PR--"] {
        with(Format::Haproxy, &line("http-in/<NOSRV>", "0/-1/-1/-1/0", "403", state, "0"), |exchange| {
            assert_eq!(exchange.upstream, "-");
        });
    }
}

#[test]
fn the_termination_state_distinguishes_partial_from_aborted() {
    with(Format::Haproxy, &line("static/srv2", "0/0/0/1/2", "200", "SD--", "0"), |exchange| {
        assert!(exchange.partial && !exchange.aborted);
    });
    with(Format::Haproxy, &line("static/srv2", "0/0/0/1/2", "200", "CD--", "0"), |exchange| {
        assert!(exchange.aborted && !exchange.partial);
    });
    with(Format::Haproxy, &line("static/<NOSRV>", "-1/-1/-1/-1/5", "-1", "CR--", "0"), |exchange| {
        assert!(exchange.aborted && exchange.status == 0);
    });
}

#[test]
fn prefix_captures_and_tls_fields_are_optional() {
    let bare = line("static/srv2", "10/0/30/69/+109", "200", "----", "1");
    let full = format!(
        "<134>Nov 23 10:01:22 haproxy[14389]: {bare} 0/00000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384"
    )
    .replace("0/0 \"", "0/0 {1wt.eu|Mozilla {5.0} x} {} \"");
    for text in [bare, full] {
        with(Format::Haproxy, &text, |exchange| assert_eq!(exchange.attempts, Some(2)));
    }
}

#[test]
fn a_rejection_is_the_backends_unless_it_is_the_frontend_itself() {
    let in_backend = line("back/<NOSRV>", "0/-1/-1/-1/0", "429", "PR--", "0");
    with(Format::Haproxy, &in_backend, |exchange| {
        assert_eq!((exchange.upstream, exchange.rejected), ("back", true));
        assert_eq!((exchange.termination_state, exchange.attempts), (Some("PR--"), Some(0)));
    });
    with(Format::Haproxy, &in_backend.replace("back/", "http-in/"), |exchange| {
        assert_eq!((exchange.upstream, exchange.rejected), ("-", false));
    });
}

#[test]
fn a_long_wait_in_the_queue_is_one_for_the_pool() {
    let waited = line("back/s1", "0/51000/0/12/51012", "200", "----", "0");
    with(Format::Haproxy, &waited, |exchange| {
        assert!(exchange.pool && exchange.termination_state.is_none());
    });
    let short = line("back/s1", "0/999/0/12/1011", "200", "--NI", "0");
    let retried = line("back/s1", "0/3000/0/12/3012", "200", "----", "3");
    for other in [short, retried] {
        with(Format::Haproxy, &other, |exchange| {
            assert!(!exchange.pool && exchange.termination_state.is_none());
        });
    }
}

#[test]
fn notices_are_left_out() {
    for text in [
        "Nov 23 10:01:22 haproxy[77]: Server api/s1 is DOWN, reason: Layer4 connection problem",
        "[NOTICE]   (77) : New worker (79) forked",
        "Proxy http-in started.",
    ] {
        assert_eq!(left_out(Format::Haproxy, text), "message of HAProxy");
    }
    let text = "10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in/1: SSL handshake failure";
    assert_eq!(left_out(Format::Haproxy, text), "a connection that brought no request");
}

#[test]
fn a_tcp_log_is_left_out_by_its_timers() {
    let text = "10.0.1.2:33317 [06/Feb/2026:12:14:14] tcp-in back/s1 0/0/5007 212 -- 0/0/0/0/3 0/0";
    assert_eq!(left_out(Format::Haproxy, text), "a TCP connection");
    assert_eq!(left_out(Format::Haproxy, "hello [there] you"), "text in no known format");
    assert!(error(Format::Haproxy, &text[..50]).contains("the server's name"));
}
#[cfg(feature = "all-formats")]
const ENCODED: &str = r#"{"request_date":"23/Nov/2026:08:00:00.123","fe_name_transport":"fe~","be_name":"be","server_name":"s1","time_wait":0,"time_active":21,"status_code":200,"termination_state_cookie":"----","retries":"+1"}"#;
#[cfg(feature = "all-formats")]
const BY_HAND: &str = r#"{"haproxy_dateTime":"23/Nov/2026:08:00:00.123","haproxy_backend":"be","haproxy_serverName":"s1","haproxy_Tt":"+21","haproxy_terminationState":"--NI","haproxy_retries":1,"haproxy_statusCode":"200"}"#;

#[cfg(feature = "all-formats")]
#[test]
fn a_rejection_a_wait_and_the_state_are_read() {
    let rejected = ENCODED.replace("\"s1\"", "\"<NOSRV>\"").replace("----", "PR--");
    with(Format::HaproxyJson, &rejected, |exchange| {
        assert_eq!((exchange.upstream, exchange.rejected), ("be", true));
        assert_eq!(exchange.termination_state, Some("PR--"));
    });
    with(Format::HaproxyJson, &rejected.replace("\"be\"", "\"fe\""), |exchange| {
        assert_eq!((exchange.upstream, exchange.rejected), ("-", false));
    });
    let waited = ENCODED.replace("time_wait\":0", "time_wait\":51000").replace("\"+1\"", "0");
    with(Format::HaproxyJson, &waited, |exchange| assert!(exchange.pool));
}

#[cfg(feature = "all-formats")]
#[test]
fn retries_plus_1_are_the_attempts() {
    for line in [ENCODED, BY_HAND] {
        for format in [Format::HaproxyJson, Format::Auto] {
            with(format, line, |exchange| {
                assert_eq!((exchange.upstream, exchange.host), ("be", Some("s1")));
                assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::from_millis(21)));
                assert_eq!(exchange.ts.micros() % 1_000_000, 144_000);
            });
        }
    }
}

#[cfg(feature = "all-formats")]
#[test]
fn the_state_distinguishes_partial_from_aborted() {
    with(Format::Auto, &ENCODED.replace("----", "SD--"), |exchange| assert!(exchange.partial));
    with(Format::Auto, &ENCODED.replace("----", "CD--"), |exchange| {
        assert!(exchange.aborted && !exchange.partial);
    });
    with(Format::Auto, &ENCODED.replace("\"s1\"", "\"<NOSRV>\"").replace("200", "503"), |exchange| {
        assert_eq!((exchange.attempts, exchange.host), (Some(0), None));
    });
}

#[cfg(feature = "all-formats")]
#[test]
fn an_error_names_the_variable() {
    assert!(error(Format::Auto, &ENCODED.replace("time_active", "x")).starts_with("`%Ta` is missing"));
}

#[test]
fn the_servers_own_time_is_judged_and_not_that_of_the_client_or_the_queue() {
    let text = "10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in be/s1 5000/900/3/20/9000 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"";
    let server = Some(Micros::from_millis(20));
    with(Format::Haproxy, text, |exchange| {
        assert_eq!((exchange.service, exchange.timeout_used), (server, server));
        assert_eq!(exchange.duration, Micros::from_millis(9_000));
    });
    with(Format::Haproxy, &text.replace("/20/", "/-1/").replace(" 200 ", " 504 "), |exchange| {
        assert_eq!((exchange.service, exchange.timeout_used), (None, None), "the server never answered");
    });
}

#[cfg(feature = "all-formats")]
#[test]
fn the_milliseconds_of_the_start_have_a_column_of_their_own_in_httplog_clf() {
    let text = "192.0.2.7 - - [23/Nov/2026:08:00:00 +0000] \"GET /x HTTP/1.1\" 200 194 \"\" \"\" 55480 916 \"fe\" \"be\" \"s1\" 0 0 1 20 63 ---- 1 1 1 0 1 0 0 \"\" \"\" \"\" \"\"";
    with(Format::Haproxy, text, |exchange| assert_eq!(exchange.ts.micros(), 1_795_420_800_979_000));
}
