//! Formats that hold nginx's variables in columns: APISIX's default, and labeled tab-separated values.

use super::exchange::parse_values;
use super::fields::{FieldId, ParsedFields};
use crate::error::{LineError, LineErrorKind};
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::list::bare_list;
use crate::text::TextCursor;
use crate::{AttemptList, ParsedLine};
use nearmiss::{Exchange, Micros};

/// Reads a line of APISIX: `ADDRESS - USER [TIME] HOST "REQUEST" STATUS BYTES DURATION "REFERER" "AGENT" ADDRESSES STATUSES
/// TIMES "UPSTREAM"`.
pub(crate) fn read_apisix<'a>(
    line: &'a [u8],
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut text = TextCursor::new(line);
    let mut values = FieldValues::new(None);
    let mut set = |id: FieldId, value| values.set(id as usize, value);
    set(FieldId::Time, text.common_time()?);
    text.word("the requested host")?;
    set(FieldId::Method, text.quoted("the request in quotes")?);
    set(FieldId::Status, text.word("the status")?);
    set(FieldId::Bytes, text.word("the bytes sent")?);
    set(FieldId::Duration, text.word("the request's time")?);
    text.quoted("the referer in quotes")?;
    text.quoted("the user agent in quotes")?;
    set(FieldId::Hosts, bare_list(&mut text)?);
    set(FieldId::Codes, bare_list(&mut text)?);
    set(FieldId::Times, bare_list(&mut text)?);
    parse_values(line, &values, &mut ParsedFields::default(), attempts)
}

/// Reads a line of labeled tab-separated values: `time:…`, a tab, `status:…`. The labels are those of ltsv.org, or nginx's
/// own names.
pub(crate) fn read_ltsv<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let (mut values, mut is_micros) = (mapping.new_values(), false);
    for field in line.split(|byte| *byte == b'\t') {
        let Some(colon) = field.iter().position(|byte| *byte == b':') else { continue };
        let label = core::str::from_utf8(field.get(..colon).unwrap_or_default())
            .map_err(|_| LineError::new(0, LineErrorKind::InvalidUtf8))?;
        let value = field.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).unwrap_or(value);
        let key = match label {
            "reqtime" => "request_time",
            "reqtime_microsec" => {
                is_micros = true;
                "duration_ms"
            }
            "apptime" => "upstream_response_time",
            "req" => "request",
            "vhost" => "server_name",
            "cache" => "upstream_cache_status",
            "ua" => "user_agent",
            // The client.
            "host" => continue,
            label => label,
        };
        mapping.set(&FieldId::SCHEMA, &mut values, key, value);
    }
    let read = parse_values(line, &values, &mut ParsedFields::default(), attempts)?;
    Ok(match read {
        ParsedLine::Exchange(exchange) if is_micros => {
            let duration = Micros::new(exchange.duration.get() / 1_000);
            ParsedLine::Exchange(Exchange { duration, ..exchange })
        }
        read => read,
    })
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::Format;
    use crate::testing::{error, with};
    use nearmiss::Micros;

    #[test]
    fn apisix_lists_attempts_in_columns() {
        let line = r#"192.0.2.1 - - [23/Nov/2026:08:00:00 +0000] a.test "GET /x HTTP/1.1" 200 556 0.684 "-" "curl/8" 10.0.0.1:80, 10.0.0.2:80 502, 200 0.096, 0.588 "http://a.test""#;
        for format in [Format::Apisix, Format::Auto] {
            with(format, line, |exchange| {
                assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::from_millis(684)));
                assert_eq!(exchange.attempt_log[0].host, Some("10.0.0.1:80"));
            });
        }
        let none =
            line.replace("10.0.0.1:80, 10.0.0.2:80 502, 200 0.096, 0.588", "- - -").replace(" 200 ", " 404 ");
        with(Format::Auto, &none, |exchange| {
            assert_eq!((exchange.upstream, exchange.attempts), ("-", Some(0)))
        });
        assert!(error(Format::Apisix, &line[..60]).contains("the request in quotes"));
    }

    #[test]
    fn ltsv_is_read_by_its_labels() {
        let line = "time:23/Nov/2026:08:00:00 +0000\thost:192.0.2.1\tstatus:200\treqtime:2.900\tapptime:0.000, 2.900\tupstream_status:502, 200";
        for format in [Format::Ltsv, Format::Auto] {
            with(format, line, |exchange| {
                assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::from_millis(2_900)));
                assert_eq!(exchange.host, None);
            });
        }
        assert!(
            error(Format::Ltsv, &line.replace("reqtime", "took")).starts_with("`request_time` is missing")
        );
    }
}
