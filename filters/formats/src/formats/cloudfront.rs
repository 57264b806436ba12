//! CloudFront's standard log: tab-separated columns that a header names, or JSON with the same names.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation, fate};
use crate::field_values::FieldValues;
use crate::json::{JsonCursor, Value};
use crate::schema::schema;
use crate::swar::contains_text;
use crate::text::{invalid, utf8};
use crate::text_shape::is_digits;
use crate::{ParsedLine, PriorVerdict, number, time};
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Exchange, Substitute, Timestamp, is_error};

schema! {
    /// The columns that an exchange is read from.
    FieldId, null is absent: true, nested: |_, json, _| json.skip_rest(true) => {
        Date: "date" = "date";
        Time: "time" = "time";
        Epoch: "ts" = "timestamp" | "timestamp(ms)";
        Status: "status" = "sc-status";
        Taken: "duration_s" = "time-taken";
        Domain: "upstream" = "cs(Host)";
        Bytes: "bytes" = "sc-bytes";
        Result: "result_type" = "x-edge-result-type";
        Response: "response_result_type" = "x-edge-response-result-type";
        Detailed: "reason" = "x-edge-detailed-result-type";
        Type: "content_type" = "sc-content-type";
        Protocol: "protocol" = "cs-protocol";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// The columns of a log without a header, up to the last that is read.
const DEFAULT_COLUMNS: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
    cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken \
    x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields \
    c-port time-to-first-byte x-edge-detailed-result-type sc-content-type";

/// The field in each column.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Columns(Vec<Option<usize>>);

impl Columns {
    fn read(&mut self, names: &str) {
        self.0.clear();
        self.0.extend(names.split_ascii_whitespace().map(FieldId::SCHEMA.id_of_key));
    }
}

/// Reads one line. A header sets the `columns` of the lines after it.
pub(crate) fn read<'a>(
    line: &'a [u8],
    columns: &mut Columns,
    default_time: Option<Timestamp>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    if let Some(directive) = line.strip_prefix(b"#") {
        if let Some(names) = directive.strip_prefix(b"Fields:") {
            columns.read(utf8(line, names)?);
        }
        return Ok(ParsedLine::LeftOut("a header"));
    }
    let mut values = FieldValues::new(default_time);
    if line.starts_with(b"{") {
        read_members(JsonCursor::new(line, buffer), &mut values)?;
        return parse_values(line, &values);
    }
    if columns.0.is_empty() {
        columns.read(DEFAULT_COLUMNS);
    }
    for (column, id) in line.split(|byte| *byte == b'\t').zip(&columns.0) {
        if let Some(id) = id {
            values.set(*id, column);
        }
    }
    parse_values(line, &values)
}

fn read_members<'a>(mut json: JsonCursor<'a>, values: &mut FieldValues<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    json.open_object()?;
    while let Some(key) = json.next_key(&mut first)? {
        if key == "near_miss" {
            values.set(FieldId::NearMiss as usize, annotation(&mut json)?.as_bytes());
            continue;
        }
        match (json.value()?, (FieldId::SCHEMA.id_of_key)(key)) {
            (Value::Text(word) | Value::Number(word), Some(id)) => values.set(id, word.as_bytes()),
            (Value::Object, _) => json.skip_rest(true)?,
            (Value::Array, _) => json.skip_rest(false)?,
            _ => {}
        }
    }
    json.expect_end()
}

fn parse_values<'a>(line: &'a [u8], values: &FieldValues<'a, '_>) -> Result<ParsedLine<'a>, LineError> {
    let get = |id: FieldId| values.get(id as usize);
    let text = |id: FieldId| get(id).map(|part| utf8(line, part)).transpose();
    let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
    let ts = end(line, values)?;
    let upstream = text(FieldId::Domain)?.unwrap_or("cloudfront");
    if let Some(verdict) = values.raw(FieldId::NearMiss as usize) {
        let fate = fate(utf8(line, verdict)?)?;
        return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(ts), upstream: Some(upstream), fate }));
    }
    let taken = get(FieldId::Taken).ok_or_else(|| missing("time-taken"))?;
    let duration = time::seconds(taken).ok_or_else(|| invalid(line, taken, "time-taken", "seconds"))?;
    let status = get(FieldId::Status).ok_or_else(|| missing("sc-status"))?;
    let status = number::all_whole(status)
        .filter(|status| *status <= 999)
        .ok_or_else(|| invalid(line, status, "sc-status", "a status, 0 to 999"))? as u16;
    let reason = text(FieldId::Detailed)?.or(text(FieldId::Result)?).filter(|word| !is_unremarkable(word));
    let is_of_client = matches!(reason, Some("ClientCommError" | "ClientHungUpRequest"));
    let aborted = status == 0 || is_of_client;
    let is_failed_inside =
        get(FieldId::Result) == Some(b"Error") && !is_error(status) && status < 400 && !aborted;
    // The result before the response began: an error then means that an error page was sent with another status.
    let was_error = get(FieldId::Response) == Some(b"Error");
    let protocol = get(FieldId::Protocol).unwrap_or_default();
    let is_stream = get(FieldId::Type).is_some_and(|kind| kind.starts_with(b"text/event-stream"));
    Ok(ParsedLine::Exchange(Exchange {
        ts,
        upstream,
        status,
        duration,
        bytes: get(FieldId::Bytes).and_then(number::all_whole),
        aborted,
        partial: is_failed_inside && !was_error,
        substitute: (is_failed_inside && was_error).then_some(Substitute::Fallback),
        stream: is_stream || status == 101 || protocol.starts_with(b"ws"),
        rejected: is_error(status) && get(FieldId::Result) == Some(b"LimitExceeded"),
        reason,
        ..Exchange::default()
    }))
}

/// Returns the time at which the response was complete, in UTC.
fn end(line: &[u8], values: &FieldValues<'_, '_>) -> Result<Timestamp, LineError> {
    let get = |id: FieldId| values.get(id as usize);
    if let Some(epoch) = get(FieldId::Epoch).filter(|epoch| is_digits(epoch)) {
        return time::parse(epoch).ok_or_else(|| invalid(line, epoch, "timestamp", time::TAKES));
    }
    let (Some(date), Some(clock)) = (get(FieldId::Date), get(FieldId::Time)) else {
        let missing = LineError::new(line.len(), LineErrorKind::MissingField { field: "date and time" });
        return values.default_time.ok_or(missing);
    };
    let mut joined = String::with_capacity(date.len() + clock.len() + 1);
    joined.push_str(utf8(line, date)?);
    joined.push('T');
    joined.push_str(utf8(line, clock)?);
    time::rfc3339(joined.as_bytes()).ok_or_else(|| invalid(line, date, "date and time", time::TAKES))
}

/// Returns true for a result with which nothing went wrong.
fn is_unremarkable(result: &str) -> bool {
    matches!(result, "Hit" | "RefreshHit" | "OriginShieldHit" | "Miss" | "Redirect" | "MissGeneratedResponse")
}

/// Returns true for a line of the log, or its header.
pub(crate) fn matches(line: &[u8]) -> bool {
    if line.starts_with(b"#Fields:") {
        return contains_text(line, b" x-edge-");
    }
    let mut columns = line.split(|byte| *byte == b'\t');
    let is_date = columns.next().is_some_and(|date| date.len() == 10 && date.get(4) == Some(&b'-'));
    let is_time = columns.next().is_some_and(|clock| clock.len() == 8 && clock.get(2) == Some(&b':'));
    is_date && is_time && columns.count() >= 16
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::testing::{left_out, with};
    use crate::{Attempts, Format, ParsedLine, Reader};
    use alloc::format;
    use alloc::string::String;
    use nearmiss::{Exchange, Micros, Substitute};

    fn line(status: &str, result: &str, response: &str, detailed: &str) -> String {
        format!(
            "2026-11-23\t08:00:00\tSEA19-C1\t900\t192.0.2.1\tGET\td1.cloudfront.net\t/a\t{status}\t-\tcurl\t-\t-\t{result}\tID==\twww.a.test\thttps\t675\t0.102\t-\tTLSv1.3\tX\t{response}\tHTTP/2.0\t-\t-\t25260\t0.102\t{detailed}\ttext/html\t507\t-\t-"
        )
    }

    #[test]
    fn the_distribution_is_the_upstream() {
        for format in [Format::Cloudfront, Format::Auto] {
            with(format, &line("200", "Miss", "Miss", "Miss"), |exchange| {
                assert_eq!((exchange.upstream, exchange.attempts), ("d1.cloudfront.net", None));
                assert_eq!((exchange.status, exchange.duration), (200, Micros::from_millis(102)));
                assert_eq!((exchange.reason, exchange.ts.micros()), (None, 1_795_420_800_000_000));
            });
        }
    }

    #[test]
    fn a_header_names_the_columns() {
        let mut reader = Reader::new(Format::Auto);
        let mut status = |text: &str| match reader.read(text.as_bytes(), &mut Attempts::default()) {
            Ok(ParsedLine::Exchange(Exchange { status, .. })) => Some(status),
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(status("#Version: 1.0"), None);
        assert_eq!(status("#Fields: date time sc-status time-taken x-edge-location"), None);
        let columns = ["-"; 20].join("\t");
        assert_eq!(status(&format!("2026-11-23\t08:00:00\t503\t0.1\t{columns}")), Some(503));
    }

    #[test]
    fn results_distinguish_viewers_that_left_from_origins_that_failed() {
        let with = |line: &str, check: fn(&Exchange<'_>)| with(Format::Auto, line, check);
        with(&line("000", "Error", "Error", "ClientCommError"), |exchange| assert!(exchange.aborted));
        with(&line("200", "Error", "Miss", "OriginReadError"), |exchange| assert!(exchange.partial));
        with(&line("200", "Error", "Error", "OriginConnectError"), |exchange| {
            assert_eq!(exchange.substitute, Some(Substitute::Fallback));
            assert_eq!(exchange.reason, Some("OriginConnectError"));
        });
        with(&line("429", "LimitExceeded", "LimitExceeded", "LimitExceeded"), |exchange| {
            assert!(exchange.rejected);
        });
    }

    #[test]
    fn json_has_the_same_names() {
        let json = r#"{"date":"2026-11-23","time":"08:00:00","sc-status":"502","time-taken":"0.2","cs(Host)":"d1.cloudfront.net","x-edge-result-type":"Error","x-edge-location":"SEA"}"#;
        with(Format::Auto, json, |exchange| {
            assert_eq!((exchange.upstream, exchange.status), ("d1.cloudfront.net", 502));
        });
        assert_eq!(left_out(Format::Cloudfront, "#Version: 1.0"), "a header");
    }
}
