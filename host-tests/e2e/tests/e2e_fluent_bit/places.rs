//! Places in a record where pipelines keep the line or its fields.

use serde_json::{Value, json};

use crate::harness::records;
use crate::pipeline::{NEARMISS, Pipeline, assert_judged, fate, fixture};

const JSON_PARSER: &str = "  - {name: json, format: json}\n";

fn nginx_json() -> Vec<crate::pipeline::FixtureLine> {
    fixture("nginx-1.22.1-nginx-json.tsv")
}

#[test]
fn raw_lines_get_their_verdicts() {
    for name in [
        "nginx-1.22.1-nginx.tsv",
        "nginx-1.22.1-ingress-nginx.tsv",
        "envoy-1.40.0-envoy.tsv",
        "haproxy-2.6.12-haproxy-httplog.tsv",
        "traefik-3.7.15-traefik-clf.tsv",
        "caddy-2.11.7-caddy.tsv",
    ] {
        assert_judged(&Pipeline::new("raw", NEARMISS), &fixture(name), str::to_owned);
    }
}

#[test]
fn parsed_records_get_their_verdicts() {
    for name in ["nginx-1.22.1-nginx-json.tsv", "envoy-1.40.0-envoy-json.tsv", "traefik-3.7.15-traefik.tsv"] {
        let pipeline =
            Pipeline { parsers: JSON_PARSER, input: ", parser: json", ..Pipeline::new("parsed", NEARMISS) };
        assert_judged(&pipeline, &fixture(name), str::to_owned);
    }
}

#[test]
fn fields_are_found_under_a_key_and_behind_prefixes() {
    let lift = |prefix: &str| {
        format!(
            "    - {{name: nest, match: '*', operation: lift, nested_under: log_processed{prefix}}}\n{NEARMISS}"
        )
    };
    let filters =
        [NEARMISS.to_owned(), lift(""), lift(", add_prefix: log_"), lift(", add_prefix: log_processed.")];
    for filters in filters {
        let pipeline =
            Pipeline { parsers: JSON_PARSER, input: ", parser: json", ..Pipeline::new("nested", &filters) };
        assert_judged(&pipeline, &nginx_json(), |line| {
            format!(r#"{{"stream":"stdout","log_processed":{line},"kubernetes":{{"pod_name":"web-1"}}}}"#)
        });
    }
}

#[test]
fn fields_are_found_at_the_configured_path() {
    let pipeline = Pipeline {
        parsers: JSON_PARSER,
        input: ", parser: json",
        ..Pipeline::new("path", NEARMISS).configured(r#"{"fluent_bit":{"record":"body.access"}}"#)
    };
    assert_judged(&pipeline, &nginx_json(), |line| format!(r#"{{"log":"x","body":{{"access":{line}}}}}"#));
}

#[test]
fn the_line_is_found_under_the_configured_key_and_journalds() {
    let pipeline = Pipeline {
        input: ", key: raw_line",
        ..Pipeline::new("key", NEARMISS).configured(r#"{"fluent_bit":{"line":"raw_line"}}"#)
    };
    assert_judged(&pipeline, &fixture("nginx-1.22.1-nginx.tsv"), str::to_owned);
    let pipeline = Pipeline { input: ", key: MESSAGE", ..Pipeline::new("journal", NEARMISS) };
    assert_judged(&pipeline, &fixture("haproxy-2.6.12-haproxy-httplog.tsv"), str::to_owned);
}

#[test]
fn keys_of_ones_own_are_read_with_and_without_a_format() {
    let line = |attempts: u32| {
        json!({"svc": "cart", "code": 200, "took": 0.0125, "when": 1_795_423_554.5 + f64::from(attempts), "tries": attempts}).to_string()
    };
    let fields = r#"{"upstream":"svc","status":"code","duration_s":"took","ts":"when","attempts":"tries"}"#;
    for format in ["nginx-json", "exchange", "auto"] {
        let fields = if format == "nginx-json" {
            fields.to_owned()
        } else {
            fields.replace("duration_s", "duration_ms")
        };
        let pipeline = Pipeline {
            parsers: JSON_PARSER,
            input: ", parser: json",
            ..Pipeline::new("fields", NEARMISS)
                .configured(&format!(r#"{{"fluent_bit":{{"format":"{format}","fields":{fields}}}}}"#))
        };
        let lines = [line(1), line(2)];
        let printed = pipeline.run(&[&lines[0], &lines[1]], 2);
        let fates: Vec<String> = records(&printed).iter().map(fate).collect();
        assert_eq!(fates, ["clean", "retried"], "{format}: {printed:#?}");
    }
}

#[test]
fn nothing_is_invented_and_no_metadata_is_lost() {
    let others = [
        r#"{"level":"info","msg":"listening","port":80}"#,
        r#"{"log_level":"warn","log_source":"db","log_id":7}"#,
        r#"{"metric":"cpu","value":0.5,"host":"a"}"#,
    ];
    let pipeline =
        Pipeline { parsers: JSON_PARSER, input: ", parser: json", ..Pipeline::new("other", NEARMISS) };
    let printed = pipeline.run(&others, others.len());
    for (record, original) in records(&printed).iter().zip(others) {
        let mut record = record.clone();
        record.as_object_mut().expect("an object").retain(|key, _| key != "date" && key != "near_miss_note");
        assert_eq!(record, serde_json::from_str::<Value>(original).expect("JSON"));
    }
}
