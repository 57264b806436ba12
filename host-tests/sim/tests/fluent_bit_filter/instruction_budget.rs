//! Instructions per record: Fluent Bit interprets the module, at 1 to 2 ns per instruction.

use crate::harness::start;
use sim::fluent_bit::FilterInstance;

/// Returns a structured record of 420 bytes, as Envoy logs it and Fluent Bit parses it; half of its values differ from those
/// of the previous record.
fn structured(number: u32) -> String {
    let record = format!(
        r#"{{"start_time":"2026-11-23T08:{:02}:{:02}.{:03}Z","method":"GET","path":"/api/v1/carts/{:06x}/items","protocol":"HTTP/2","response_code":200,"response_flags":"-","bytes_received":0,"bytes_sent":{},"duration":{},"x_forwarded_for":"10.0.{}.28","user_agent":"curl/8.5.0","request_id":"cc21d9b0-cf5c-432b-8c7e-{:012x}","authority":"shop.example.com","upstream_host":"10.0.2.{}:8080","upstream_cluster":"cart{}","route_name":"carts"}}"#,
        number / 6_000 % 60,
        number / 100 % 60,
        number % 100 * 10,
        number.wrapping_mul(2_654_435_761) >> 8,
        1_000 + number % 999,
        20 + number % 37,
        number * 79 % 250,
        u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16,
        number % 9,
        number % 5,
    );
    assert!((410..=430).contains(&record.len()), "{} bytes", record.len());
    record
}

/// Returns records of two shapes in turns: with and without the last member.
fn mixed(number: u32) -> String {
    let record = structured(number);
    if number.is_multiple_of(2) { record } else { record.replace(r#","route_name":"carts""#, "") }
}

/// Returns a raw line of nginx; most of its values differ from those of the previous line.
fn raw(number: u32) -> String {
    let agent =
        ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"];
    format!(
        r#"{{"log":"10.0.{}.{} - - [23/Nov/2026:08:{:02}:{:02} +0000] \"GET /api/v1/carts/{:06x}/items HTTP/1.1\" 200 {} \"-\" \"{}\" rt=0.{:03} uct=\"0.001\" uht=\"0.{:03}\" urt=\"0.{:03}\" ua=\"10.0.0.{}:80\" us=\"200\" ucs=\"-\" upstream=\"search{}\""}}"#,
        number * 79 % 250,
        number % 9,
        number / 6_000 % 60,
        number / 100 % 60,
        number.wrapping_mul(2_654_435_761) >> 8,
        600 + number % 999,
        agent[number as usize % 3],
        22 + number % 37,
        20 + number % 37,
        21 + number % 37,
        number % 9,
        number % 5,
    )
}

/// Returns the median cost of a record, after a warm-up.
fn cost(filter: &mut FilterInstance, record: impl Fn(u32) -> String) -> u64 {
    let mut costs: Vec<_> = (0..20_000)
        .map(|number| {
            let kept = filter.record(record(number)).kept();
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
fn a_structured_record_costs_at_most_11_500_instructions() {
    assert!(cost(&mut start(), structured) <= 11_500);
}

#[test]
fn records_of_two_shapes_in_turns_cost_at_most_16_400_instructions_each() {
    assert!(cost(&mut start(), mixed) <= 16_400);
}

#[test]
fn a_raw_line_costs_at_most_14_300_instructions() {
    assert!(cost(&mut start(), raw) <= 14_300);
}
