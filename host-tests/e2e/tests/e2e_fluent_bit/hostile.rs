//! Hostile records in one chunk with valid ones: none is lost, and Fluent Bit does not crash.

use std::io::Write;
use std::net::TcpStream;

use real::{FluentBit, TempDir, eventually};

use crate::harness::{free_port, module, records};
use crate::msgpack::{Packed, binary, extension, float, integer, list, map, text};

const RETRIED: &str = r#"{"ts":1795423554.5,"upstream":"cart","status":200,"duration_ms":42,"attempts":3}"#;

/// Records that Fluent Bit converts to invalid JSON, or to JSON that it cannot read back.
fn hostile() -> Vec<Packed> {
    let of = |value: Packed| map(&[(text("a"), value), (text("log"), text(RETRIED))]);
    let mut deep = integer(1);
    for _ in 0..28 {
        deep = list(&[deep]);
    }
    vec![
        of(float(f64::NAN)),
        of(float(f64::INFINITY)),
        of(float(f64::NEG_INFINITY)),
        of(extension(1, [1, 2, 0xff, 0])),
        of(map(&[(integer(1), text("b")), (integer(-7), float(f64::NAN))])),
        of(binary(b"\x00\x01\xff\xfe")),
        of(text("a\u{0}b")),
        of(text(&"x".repeat(1 << 20))),
        of(deep),
        map(&[(integer(1), text("only"))]),
        map(&[]),
        map(&[(text("near_miss"), text("slow")), (text("near_miss"), integer(7))]),
        map(&[(text("near_miss_note"), extension(2, [0; 4]))]),
        map(&[(text(&"k".repeat(1 << 16)), list(&[]))]),
    ]
}

#[test]
fn hostile_records_among_valid_ones_are_not_lost_and_do_not_crash_fluent_bit() {
    let temp = TempDir::new("hostile");
    let port = free_port();
    let module = module();
    let configuration = temp.write(
        "hostile.yaml",
        format!(
            r#"
service: {{flush: 0.2, grace: 1, log_level: info}}
pipeline:
  inputs:
    - {{name: forward, listen: 127.0.0.1, port: {port}, threaded: on, buffer_max_size: 64M, buffer_chunk_size: 16M}}
  filters:
    - {{name: wasm, match: '*', wasm_path: {}, function_name: near_miss, wasm_stack_size: 1M}}
  outputs:
    - {{name: stdout, match: '*', format: json_lines}}
"#,
            module.display()
        ),
    );
    let mut fluent_bit = FluentBit::start(temp.path(), &configuration);
    let mut stream = eventually("the forward input", || TcpStream::connect(("127.0.0.1", port)).ok());
    let valid = map(&[(text("log"), text(RETRIED))]);
    let hostile = hostile();
    let rounds = 20;
    for round in 0..rounds {
        let time = integer(1_795_423_554 + round);
        let entries: Vec<_> = hostile
            .iter()
            .flat_map(|record| [list(&[time.clone(), valid.clone()]), list(&[time.clone(), record.clone()])])
            .collect();
        stream.write_all(&list(&[text("hostile"), list(&entries)]).0).unwrap();
    }
    let wanted = 2 * hostile.len() * rounds as usize;
    fluent_bit.wait_until("every record", |printed| {
        printed.iter().filter(|line| line.starts_with('{')).count() >= wanted
    });
    let printed = fluent_bit.stop();
    let records = records(&printed);
    assert_eq!(records.len(), wanted);
    let retried = records.iter().filter(|record| record["near_miss"]["fate"] == "retried").count();
    assert_eq!(
        retried,
        (hostile.len() + 8) * rounds as usize,
        "every embedded line is judged, except one that is too long"
    );
    let noted = records.iter().filter(|record| record["near_miss_note"].is_string()).count();
    assert!(noted >= 6 * rounds as usize, "{noted} records note a change");
    let errors = printed.iter().filter(|line| line.contains("[error]"));
    assert_eq!(errors.count(), 0, "{printed:#?}");
}
