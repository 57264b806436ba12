//! What a record costs in instructions: Fluent Bit interprets, 1 to 2 ns each.

use crate::stage::start;
use host_tests::fluent_bit::Instance;

/// A structured record of 420 bytes, as Envoy logs it and Fluent Bit's parser hands it on.
fn structured(second: u32) -> String {
    let record = format!(
        r#"{{"start_time":"2026-11-23T08:{:02}:{:02}.310Z","method":"GET","path":"/api/v1/carts/7a1fd3/items","protocol":"HTTP/2","response_code":200,"response_flags":"-","bytes_received":0,"bytes_sent":1541,"duration":42,"x_forwarded_for":"10.0.35.28","user_agent":"curl/8.5.0","request_id":"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2","authority":"shop.example.com","upstream_host":"10.0.2.1:8080","upstream_cluster":"cart","route_name":"carts"}}"#,
        second / 60 % 60,
        second % 60,
    );
    assert!((410..=430).contains(&record.len()), "{} bytes", record.len());
    record
}

/// A line of nginx, raw.
fn raw(second: u32) -> String {
    format!(
        r#"{{"log":"10.0.0.9 - - [23/Nov/2026:08:{:02}:{:02} +0000] \"GET /api/v1/carts/7a1fd3/items HTTP/1.1\" 200 612 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" rt=0.042 uct=\"0.001\" uht=\"0.040\" urt=\"0.041\" ua=\"10.0.0.1:80\" us=\"200\" ucs=\"-\" upstream=\"search\""}}"#,
        second / 60 % 60,
        second % 60,
    )
}

/// The median of what a record costs, once the upstream is known; a hundred a second.
fn cost(filter: &mut Instance, record: impl Fn(u32) -> String) -> u64 {
    let mut costs: Vec<_> = (0..20_000)
        .map(|number| {
            let kept = filter.record(record(number / 100)).kept();
            assert!(kept.contains("clean"), "{kept}");
            filter.fuel()
        })
        .skip(10_000)
        .collect();
    costs.sort_unstable();
    println!("least {}, median {}, most {}", costs[0], costs[5_000], costs[9_999]);
    costs[5_000]
}

#[test]
fn a_structured_record_costs_at_most_15_000_instructions() {
    assert!(cost(&mut start(), structured) <= 15_000);
}

#[test]
fn a_raw_line_costs_at_most_24_000_instructions() {
    assert!(cost(&mut start(), raw) <= 24_000);
}
