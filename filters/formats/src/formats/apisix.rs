//! The JSON of APISIX's logger plugins (http-logger, kafka-logger, file-logger …).

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation, fate};
use crate::field_values::FieldValues;
use crate::formats::nginx::{self, FieldId, ParsedFields};
use crate::json::{JsonCursor, Value};
use crate::list::List;
use crate::{AttemptList, ParsedLine, PriorVerdict};
use alloc::vec::Vec;
use nearmiss::{Exchange, Fate, Timestamp};

/// The values that are not nginx's.
#[derive(Default)]
struct Values<'a> {
    upstream: Option<&'a [u8]>,
    service: Option<&'a [u8]>,
    route: Option<&'a [u8]>,
    judged: Option<Fate>,
}

/// Reads one line. Its time is the start.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    default_time: Option<Timestamp>,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let (mut values, mut own, mut first) = (FieldValues::new(default_time), Values::default(), true);
    json.open_object()?;
    while let Some(key) = json.next_key(&mut first)? {
        if key == "near_miss" {
            own.judged = Some(fate(annotation(&mut json)?)?);
            continue;
        }
        match (key, json.list_value()?) {
            ("response", Value::Object) => read_response(&mut json, &mut values)?,
            (_, Value::Object) => json.skip_rest(true)?,
            (_, Value::Array) => json.skip_rest(false)?,
            (key, Value::Text(word) | Value::Number(word)) => match key {
                "start_time" => values.set(FieldId::Msec as usize, word.as_bytes()),
                "latency" => values.set(FieldId::DurationMs as usize, word.as_bytes()),
                "upstream" => own.upstream = Some(word.as_bytes()),
                "service_id" | "service_name" => own.service = Some(word.as_bytes()),
                "route_id" | "route_name" => own.route = Some(word.as_bytes()),
                _ => {}
            },
            _ => {}
        }
    }
    json.expect_end()?;
    // The address of the last attempt alone does not say if there were others.
    match own.upstream.filter(|upstream| !upstream.is_empty()) {
        Some(list) if List::new(list).nth(1).is_some() => values.set(FieldId::Hosts as usize, list),
        Some(host) => values.set(FieldId::Host as usize, host),
        None => {}
    }
    let name = own.service.or(own.route).filter(|name| !name.is_empty());
    if let Some(name) = name {
        values.set(FieldId::Upstream as usize, name);
    }
    let read = nginx::parse_values(line, &values, &mut ParsedFields::default(), attempts)?;
    let ParsedLine::Exchange(exchange) = read else { return Ok(read) };
    if let Some(fate) = own.judged {
        let upstream = Some(exchange.upstream);
        return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(exchange.ts), upstream, fate }));
    }
    if name.is_none()
        && exchange.host.is_none()
        && !values.has(FieldId::Codes as usize)
        && exchange.status == 0
    {
        return Err(LineError::new(line.len(), LineErrorKind::MissingField { field: "response.status" }));
    }
    // A request that no route takes is answered by APISIX itself.
    let is_unrouted = name.is_none() && exchange.host.is_none();
    let is_local = exchange.host.is_none() && exchange.status < 500;
    Ok(ParsedLine::Exchange(Exchange {
        ts: exchange.ts.after(exchange.duration),
        upstream: match (is_unrouted || is_local, name) {
            (true, _) => "-",
            (false, None) => "apisix",
            (false, Some(_)) => exchange.upstream,
        },
        ..exchange
    }))
}

/// Reads status, size and the list of upstream statuses, which APISIX sends as a header.
fn read_response<'a>(json: &mut JsonCursor<'a>, values: &mut FieldValues<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        match (key, json.value()?) {
            ("headers", Value::Object) => read_headers(json, values)?,
            ("status", Value::Text(word) | Value::Number(word)) => {
                values.set(FieldId::Status as usize, word.as_bytes())
            }
            ("size", Value::Text(word) | Value::Number(word)) => {
                values.set(FieldId::Bytes as usize, word.as_bytes())
            }
            (_, Value::Object) => json.skip_rest(true)?,
            (_, Value::Array) => json.skip_rest(false)?,
            _ => {}
        }
    }
    Ok(())
}

fn read_headers<'a>(json: &mut JsonCursor<'a>, values: &mut FieldValues<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        match json.value()? {
            Value::Text(list) if key.eq_ignore_ascii_case("x-apisix-upstream-status") => {
                values.set(FieldId::Codes as usize, list.as_bytes())
            }
            Value::Text(kind) if key.eq_ignore_ascii_case("content-type") => {
                values.set(FieldId::Type as usize, kind.as_bytes())
            }
            Value::Object => json.skip_rest(true)?,
            Value::Array => json.skip_rest(false)?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::Format;
    use crate::testing::{error, with};
    use nearmiss::Micros;

    const LINE: &str = r#"{"apisix_latency":3.0,"latency":640.5,"request":{"method":"GET","uri":"/a"},"response":{"headers":{"x-apisix-upstream-status":"502, 200"},"size":190,"status":200},"route_id":"1","service_id":"cart","start_time":1795420800177,"upstream":"10.2.0.3:1980"}"#;

    #[test]
    fn attempts_are_those_of_the_header_or_unknown() {
        for format in [Format::Apisix, Format::Auto] {
            with(format, LINE, |exchange| {
                assert_eq!((exchange.upstream, exchange.host), ("cart", Some("10.2.0.3:1980")));
                assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::new(640_500)));
                assert_eq!(exchange.ts.micros(), 1_795_420_800_817_500);
            });
        }
        let without = LINE.replace("x-apisix-upstream-status", "x");
        with(Format::Auto, &without, |exchange| assert_eq!(exchange.attempts, None));
        let listed = without.replace("10.2.0.3:1980", "10.2.0.2:1980, 10.2.0.3:1980");
        with(Format::Auto, &listed, |exchange| assert_eq!(exchange.attempts, Some(2)));
    }

    #[test]
    fn an_answer_of_the_gateway_has_no_upstream() {
        let local = LINE.replace("\"service_id\":\"cart\",", "").replace("\"route_id\":\"1\",", "");
        let local =
            local.replace(",\"upstream\":\"10.2.0.3:1980\"", "").replace("\"status\":200", "\"status\":404");
        let local = local.replace("\"x-apisix-upstream-status\":\"502, 200\"", "");
        with(Format::Auto, &local, |exchange| assert_eq!(exchange.upstream, "-"));
        assert!(error(Format::Apisix, &LINE.replace("\"latency\"", "\"x\"")).contains("is missing"));
    }
}
