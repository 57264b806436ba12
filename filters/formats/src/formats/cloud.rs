//! JSON logs of managed load balancers and proxies: Cloudflare, Google Cloud, Azure Application Gateway and Front Door, Linkerd,
//! Akamai and Fastly. None of them counts attempts, but Akamai counts retries.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation, fate};
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::json::{JsonCursor, Value};
use crate::schema::schema;
use crate::text::{invalid, utf8};
use crate::{Format, ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::{Exchange, Micros, Substitute, is_error};

schema! {
    /// The fields that these logs have; keys of nested objects follow those of the objects around them after a dot.
    FieldId, null is absent: true, nested: |_, json, _| json.skip_rest(true) => {
        Time: "ts" = "EdgeEndTimestamp" | "timestamp" | "timeStamp" | "time" | "start";
        Start: "start_ts" = "EdgeStartTimestamp";
        Status: "status" = "EdgeResponseStatus" | "httpRequest.status" | "properties.httpStatus" | "properties.httpStatusCode" | "status" | "message.status" | "response_status";
        OriginStatus: "origin_status" = "OriginResponseStatus" | "properties.serverStatus";
        Duration: "duration_s" = "httpRequest.latency" | "properties.timeTaken" | "total_ns" | "netPerf.downloadTime" | "time_elapsed" | "time_elapsed_usec" | "elapsed_usec";
        Upstream: "upstream" = "ZoneName" | "resource.labels.backend_service_name" | "backendPoolName" | "properties.backendPoolName" | "properties.routingRuleName" | "properties.routeName" | "netPerf.originName" | "fastly_backend" | "backend";
        Host: "host" = "OriginIP" | "httpRequest.serverIp" | "properties.serverRouted" | "properties.backendHostname" | "properties.originIp" | "netPerf.originIP";
        Bytes: "bytes" = "EdgeResponseBytes" | "httpRequest.responseSize" | "properties.sentBytes" | "properties.responseBytes" | "response_bytes" | "message.bytes" | "response_body_size";
        Cache: "cache_status" = "CacheCacheStatus" | "response_state";
        Retries: "retries" = "netPerf.originRetry";
        Source: "source" = "ClientRequestSource";
        FromClient: "from_client" = "properties.isReceivedFromClient";
        Instance: "instance" = "properties.instanceId";
        Details: "reason" = "jsonPayload.statusDetails" | "properties.error_info" | "properties.errorInfo" | "properties.ErrorInfo";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// Details of answers that nothing went wrong with.
const UNREMARKABLE: [&str; 3] = ["response_sent_by_backend", "NoError", "ERRORINFO_NO_ERROR"];

/// Reads one line in `format`.
pub(crate) fn read<'a>(
    line: &'a [u8],
    format: Format,
    mapping: &FieldMapping,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let mut values = mapping.new_values();
    json.open_object()?;
    let keys = Keys { mapping, format };
    read_members(&mut json, &mut values, keys, &mut Path::default(), 0)?;
    json.expect_end()?;
    parse_values(line, format, &values)
}

/// The keys from the outermost object to a member, joined by dots; a longer path matches no key.
#[derive(Default)]
struct Path {
    text: Vec<u8>,
}

impl Path {
    fn push(&mut self, key: &str) -> usize {
        let before = self.text.len();
        if before > 0 {
            self.text.push(b'.');
        }
        self.text.extend_from_slice(key.as_bytes());
        before
    }
}

/// The keys of one format, and those that are configured.
#[derive(Clone, Copy)]
struct Keys<'m> {
    mapping: &'m FieldMapping,
    format: Format,
}

impl Keys<'_> {
    /// Returns the field under a path of keys, and true before it if it is configured.
    fn find(self, path: &str) -> (bool, Option<usize>) {
        if let Some(id) = self.mapping.id_of(&FieldId::SCHEMA, path) {
            return (true, Some(id));
        }
        let id = (FieldId::SCHEMA.id_of_key)(path);
        // The statuses of two formats never have the same key, so no format reads the lines of another.
        let status = match self.format {
            Format::Cloudflare => "EdgeResponseStatus",
            Format::GcpLb => "httpRequest.status",
            Format::AzureAppgw => "properties.httpStatus",
            Format::AzureFrontdoor => "properties.httpStatusCode",
            Format::Akamai => "message.status",
            Format::Fastly => "response_status",
            _ => "status",
        };
        (false, id.filter(|id| *id != FieldId::Status as usize || path == status))
    }
}

/// Maximum nesting of objects that are searched for fields.
const MAX_NESTING: u32 = 4;

fn read_members<'a>(
    json: &mut JsonCursor<'a>,
    values: &mut FieldValues<'a, '_>,
    keys: Keys<'_>,
    path: &mut Path,
    depth: u32,
) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        let before = path.push(key);
        let (own, id) = keys.find(core::str::from_utf8(&path.text).unwrap_or_default());
        if id == Some(FieldId::NearMiss as usize) {
            values.set(FieldId::NearMiss as usize, annotation(json)?.as_bytes());
            path.text.truncate(before);
            continue;
        }
        match (json.value()?, id) {
            (Value::Text(word) | Value::Number(word), Some(id)) if own => {
                values.set_override(id, word.as_bytes())
            }
            (Value::Text(word) | Value::Number(word), Some(id)) => values.set(id, word.as_bytes()),
            (Value::Bool(value), Some(id)) => values.set(id, if value { b"true" } else { b"false" }),
            (Value::Object, _) if depth < MAX_NESTING => read_members(json, values, keys, path, depth + 1)?,
            (Value::Object, _) => json.skip_rest(true)?,
            (Value::Array, _) => json.skip_rest(false)?,
            _ => {}
        }
        path.text.truncate(before);
    }
    Ok(())
}

fn parse_values<'a>(
    line: &'a [u8],
    format: Format,
    values: &FieldValues<'a, '_>,
) -> Result<ParsedLine<'a>, LineError> {
    let get = |id: FieldId| values.get(id as usize);
    let text = |id: FieldId| get(id).map(|part| utf8(line, part)).transpose();
    let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
    let at = |id: FieldId| {
        let Some(part) = get(id) else { return Ok(None) };
        time::parse(part).map(Some).ok_or_else(|| invalid(line, part, "timestamp", time::TAKES))
    };
    if get(FieldId::Source).is_some_and(|source| source != b"eyeball")
        || get(FieldId::FromClient) == Some(b"false")
    {
        return Ok(ParsedLine::LeftOut("a request between servers of the provider"));
    }
    let logged = at(FieldId::Time)?.or(values.default_time).ok_or_else(|| missing("timestamp"))?;
    let upstream = text(FieldId::Upstream)?;
    if let Some(verdict) = values.raw(FieldId::NearMiss as usize) {
        return Ok(ParsedLine::Judged(PriorVerdict {
            ts: Some(logged),
            upstream,
            fate: fate(utf8(line, verdict)?)?,
        }));
    }
    let details = get(FieldId::Details).unwrap_or_default();
    let logs_start = matches!(format, Format::GcpLb | Format::Linkerd | Format::Akamai | Format::Fastly);
    let duration = match (get(FieldId::Duration), at(FieldId::Start)?) {
        (Some(part), _) => duration(format, part, get(FieldId::Instance))
            .ok_or_else(|| invalid(line, part, "duration", "a duration"))?,
        (None, Some(start)) => logged.since(start),
        (None, None) if format == Format::GcpLb && upstream.is_none() && get(FieldId::Status).is_some() => {
            return Ok(ParsedLine::LeftOut("an answer of the cache"));
        }
        (None, None) if format == Format::Fastly => return Err(fastly_lacks_duration()),
        (None, None) => return Err(missing("duration")),
    };
    let status = get(FieldId::Status).ok_or_else(|| missing("status"))?;
    let status = status_of(status).ok_or_else(|| invalid(line, status, "status", "a status, 0 to 999"))?;
    let is_azure = matches!(format, Format::AzureAppgw | Format::AzureFrontdoor);
    let aborted = status == 499 || is_azure && status == 0 || details.starts_with(b"client_disconnected");
    let is_cut = matches!(
        details,
        b"backend_connection_closed_after_partial_response_sent" | b"backend_response_corrupted"
    );
    let cache = text(FieldId::Cache)?;
    let is_stale = cache.is_some_and(|word| {
        let word = word.split('-').nth(1).unwrap_or(word);
        word.eq_ignore_ascii_case("stale")
    });
    // The number of retries is certain to be more than none.
    let retries = get(FieldId::Retries).and_then(number::all_whole).filter(|retries| *retries > 0);
    let origin = get(FieldId::OriginStatus).and_then(status_of).filter(|origin| *origin > 0);
    let is_rescued = !is_error(status) && !aborted && origin.is_some_and(is_error) && !is_stale;
    Ok(ParsedLine::Exchange(Exchange {
        ts: if logs_start { logged.after(duration) } else { logged },
        upstream: upstream.unwrap_or(if format == Format::GcpLb { "-" } else { format.name() }),
        host: text(FieldId::Host)?,
        status,
        duration,
        attempts: retries.and_then(|retries| u32::try_from(retries).ok()?.checked_add(1)),
        bytes: get(FieldId::Bytes).and_then(number::all_whole),
        partial: is_cut && !is_error(status),
        aborted,
        rejected: is_error(status) && details.ends_with(b"_by_security_policy"),
        stream: status == 101,
        substitute: is_rescued.then_some(Substitute::Fallback),
        reason: text(FieldId::Details)?.filter(|details| !UNREMARKABLE.contains(details)),
        cache_status: if is_stale { Some("STALE") } else { cache },
        ..Exchange::default()
    }))
}

/// Parses a duration: nanoseconds of Linkerd, microseconds of Fastly, milliseconds of Akamai, else seconds, which Google Cloud
/// writes with a unit.
fn duration(format: Format, part: &[u8], instance: Option<&[u8]>) -> Option<Micros> {
    let micros = match format {
        // The first generation of gateways logs milliseconds.
        Format::AzureAppgw if instance.is_some_and(|name| name.starts_with(b"ApplicationGatewayRole")) => {
            return time::millis(part);
        }
        Format::Linkerd => number::all_whole(part)? / 1_000,
        Format::Fastly => number::all_whole(part)?,
        Format::Akamai => return time::millis(part),
        _ => return time::seconds(part.strip_suffix(b"s").unwrap_or(part)),
    };
    (micros <= time::MAX_DURATION).then_some(Micros::new(micros))
}

/// Creates the error for Fastly's recommended format, which has no duration.
#[cold]
fn fastly_lacks_duration() -> LineError {
    LineError::new(
        0,
        LineErrorKind::Lacks {
            format: "Fastly's recommended format",
            missing: "duration",
            instead: "add \"time_elapsed\":%{time.elapsed.usec}V to it",
        },
    )
}

fn status_of(part: &[u8]) -> Option<u16> {
    number::all_whole(part).filter(|status| *status <= 999).map(|status| status as u16)
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::Format;
    use crate::testing::{error, left_out, with};
    use nearmiss::{Micros, Substitute};

    const CLOUDFLARE: &str = r#"{"CacheCacheStatus":"dynamic","ClientRequestSource":"eyeball","EdgeEndTimestamp":"2026-11-23T08:00:06Z","EdgeResponseStatus":200,"EdgeStartTimestamp":"2026-11-23T08:00:00Z","OriginIP":"198.51.100.2","OriginResponseStatus":200,"ZoneName":"shop.test"}"#;
    const GCP: &str = r#"{"jsonPayload":{"statusDetails":"response_sent_by_backend"},"httpRequest":{"status":403,"responseSize":"488","latency":"0.010999s","serverIp":"10.0.0.5"},"resource":{"type":"http_load_balancer","labels":{"backend_service_name":"web-8080"}},"timestamp":"2026-11-23T08:00:00.5Z"}"#;
    const GATEWAY: &str = r#"{"timeStamp":"2026-11-23T08:00:00+00:00","backendPoolName":"pool","category":"ApplicationGatewayAccessLog","properties":{"httpStatus":200,"timeTaken":0.034,"serverRouted":"10.1.0.5:443","serverStatus":"200"}}"#;
    const FRONT_DOOR: &str = r#"{"time":"2026-11-23T08:00:00.9266300Z","category":"FrontdoorAccessLog","properties":{"timeTaken":"0.384","httpStatusCode":"200","routingRuleName":"erp","backendHostname":"a.test:443","isReceivedFromClient":true}}"#;
    const LINKERD: &str = r#"{"client.id":"web","host":"web:7000","processing_ns":"39826","response_bytes":"19","status":200,"timestamp":"2026-11-23T08:00:00.5Z","total_ns":"3442875"}"#;

    #[test]
    fn each_log_is_detected_and_has_no_attempts() {
        for (format, line, upstream, micros) in [
            (Format::Cloudflare, CLOUDFLARE, "shop.test", 6_000_000),
            (Format::GcpLb, GCP, "web-8080", 10_999),
            (Format::AzureAppgw, GATEWAY, "pool", 34_000),
            (Format::AzureFrontdoor, FRONT_DOOR, "erp", 384_000),
            (Format::Linkerd, LINKERD, "linkerd", 3_442),
        ] {
            for format in [format, Format::Auto] {
                with(format, line, |exchange| {
                    assert_eq!((exchange.upstream, exchange.attempts), (upstream, None));
                    assert_eq!(exchange.duration, Micros::new(micros), "{format}");
                });
            }
        }
        with(Format::GcpLb, GCP, |exchange| assert_eq!(exchange.ts.micros() % 1_000_000, 510_999));
    }

    #[test]
    fn a_stale_copy_is_no_fallback_and_a_rescue_is() {
        let rescued = CLOUDFLARE.replace("OriginResponseStatus\":200", "OriginResponseStatus\":503");
        with(Format::Cloudflare, &rescued, |exchange| {
            assert_eq!(exchange.substitute, Some(Substitute::Fallback));
        });
        with(Format::Cloudflare, &rescued.replace("dynamic", "stale"), |exchange| {
            assert_eq!((exchange.substitute, exchange.cache_status), (None, Some("STALE")));
        });
    }

    #[test]
    fn requests_between_servers_of_the_provider_are_left_out() {
        let why = "a request between servers of the provider";
        assert_eq!(left_out(Format::Auto, &CLOUDFLARE.replace("eyeball", "edgeWorkerFetch")), why);
        assert_eq!(left_out(Format::Auto, &FRONT_DOOR.replace("Client\":true", "Client\":false")), why);
        let cached = GCP.replace("\"latency\":\"0.010999s\",", "").replace("web-8080", "");
        assert_eq!(left_out(Format::Auto, &cached), "an answer of the cache");
    }

    #[test]
    fn details_are_the_reason_if_something_went_wrong() {
        with(Format::GcpLb, GCP, |exchange| assert_eq!(exchange.reason, None));
        let failed = GCP.replace("response_sent_by_backend", "failed_to_connect_to_backend");
        with(Format::GcpLb, &failed, |exchange| {
            assert_eq!(exchange.reason, Some("failed_to_connect_to_backend"));
        });
    }

    #[test]
    fn an_error_names_the_missing_value() {
        assert!(
            error(Format::AzureAppgw, &GATEWAY.replace("timeTaken", "x"))
                .starts_with("`duration` is missing")
        );
        assert!(error(Format::GcpLb, &GCP.replace("403", "4030")).starts_with("`status` is `4030`"));
    }
}
