//! Corrupted records: each reply is still one whole object.

use fastrand::Rng;
use sim::fluent_bit::{FilterModule, RecordOutcome};

/// Well-formed records of every kind, to be corrupted.
const SOUND: [&str; 8] = [
    r#"{"ts":1795423554.513089,"upstream":"cart","status":200,"duration_ms":42.46,"attempts":3,"max_attempts":4}"#,
    r#"{"start_time":"2026-11-23T08:00:00.310Z","response_code":200,"response_flags":"-","duration":42,"upstream_host":"10.0.2.1:8080","upstream_cluster":"cart","user_agent":"a\"b\\c\u00e9"}"#,
    r#"{"log":"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET /p HTTP/1.1\" 200 612 \"-\" \"curl/8\" rt=0.684 urt=\"0.096, 0.588\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"502, 200\"","stream":"stdout"}"#,
    r#"{"status":"200","request_time":"0.1","upstream_status":"502, 200","upstream_addr":"10.0.0.1:80, 10.0.0.2:80","msec":"1795423554.1"}"#,
    r#"{"a":{"b":[1,2.5e-7,-0,true,false,null,{"c":"\ud83d\ude00"}]},"d":"é","e":nan,"f":-inf,1:2}"#,
    r#"{"near_miss":"retried;attempts=2;margin=50, slow;ratio=4.1","upstream_cluster":"cart","response_code":200,"duration":3,"start_time":"2026-11-23T08:00:00Z"}"#,
    r#"{"response":{"status":200},"latencies":{"request":3},"service":{"name":"cart"},"tries":[{"ip":"10.0.0.1","port":80}],"started_at":1795423554000}"#,
    r#"{"message":"h2 2026-07-02T22:23:00.186641Z app/lb/50dc6c495c0c9188 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 200 200 5 257 \"GET https://10.0.2.105:773/ HTTP/2.0\" \"curl/7.46.0\""}"#,
];

/// Corrupts a record: changes, removes, inserts or duplicates some bytes.
fn corrupt(random: &mut Rng, record: &mut Vec<u8>) {
    const LIKELY: &[u8] = b"{}[]\",:\\\x00\x01\x7f\x80\xff09-.eEunatf \n";
    for _ in 0..random.usize(..4) {
        let at = random.usize(..record.len().max(1));
        let byte = LIKELY[random.usize(..LIKELY.len())];
        match random.usize(..6) {
            0 => record.truncate(at),
            1 => record.insert(at.min(record.len()), byte),
            2 if at < record.len() => drop(record.remove(at)),
            3 if at < record.len() => record[at] = random.u8(..),
            4 if at < record.len() => record.extend_from_within(at..),
            _ if at < record.len() => record[at] = byte,
            _ => {}
        }
    }
}

#[test]
fn a_million_corrupted_records_give_a_million_whole_replies() {
    let mut filter = FilterModule::shipped().start();
    let mut random = Rng::with_seed(1);
    let mut record = Vec::new();
    for number in 0..1_000_000_u32 {
        record.clear();
        record.extend_from_slice(SOUND[random.usize(..SOUND.len())].as_bytes());
        corrupt(&mut random, &mut record);
        match filter.record_at(1_795_423_554_000_000 + u64::from(number) * 1_000, &record) {
            RecordOutcome::Kept(_) => {}
            other => panic!("{other:?} for {}", String::from_utf8_lossy(&record)),
        }
    }
}
