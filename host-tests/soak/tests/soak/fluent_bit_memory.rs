//! Memory of the Fluent Bit module: everything allocated for a record is freed.

use sim::fluent_bit::FilterModule;

/// Returns one of several hundred records of seven upstreams; some are retried, some fail, some are not exchanges.
fn record(number: u64) -> String {
    let (upstream, host) = (number % 7, number % 11);
    match number % 50 {
        0 => format!(r#"{{"log":"worker {number} says \"hello\"","n":nan}}"#),
        1 => format!(
            r#"{{"log":"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 200 612 \"-\" \"curl\" rt=0.0{} urt=\"0.01\" ua=\"10.0.0.{host}:80\" us=\"200\" upstream=\"shop-{upstream}\" msec={}.{:03}"}}"#,
            10 + number % 80,
            1_795_423_550 + number / 1_000,
            number % 1_000,
        ),
        _ => format!(
            r#"{{"ts":{}.{:03},"upstream":"shop-{upstream}","host":"10.0.0.{host}:80","route":"r{}","status":{},"duration_ms":{},"attempts":{}}}"#,
            1_795_423_550 + number / 1_000,
            number % 1_000,
            number % 5,
            if number % 97 == 3 { 503 } else { 200 },
            10 + number * 7919 % 90,
            1 + u32::from(number % 29 == 4),
        ),
    }
}

#[test]
fn memory_does_not_grow_over_a_million_records() {
    let mut filter = FilterModule::shipped().start();
    let mut quarters = Vec::new();
    for number in 0..1_000_000 {
        filter.record(record(number)).kept();
        if (number + 1) % 250_000 == 0 {
            quarters.push(filter.memory_bytes());
        }
    }
    assert_eq!(quarters[0], quarters[3], "bytes of memory after each quarter: {quarters:?}");
}
