//! Kong's JSON, as its logging plugins write it.
//!
//! `tries` lists the hosts in order, with the time each was selected: a try lasts until the next. The status of each is in
//! the separate list `upstream_status`.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation, fate};
use crate::field_mapping::FieldMapping;
use crate::json::{JsonCursor, Value};
use crate::list::List;
use crate::text::offset_in;
use crate::{AttemptList, ParsedLine, PriorVerdict, number};
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Fate, Micros, Quota, Substitute, Timestamp, is_error};

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let mut values = KongValues { started: mapping.default_time, ..KongValues::default() };
    attempts.clear();
    json.open_object()?;
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        match key {
            "started_at" => values.started = Some(json.epoch_millis_of("started_at")?),
            "near_miss" => values.judged = Some(fate(annotation(&mut json)?)?),
            "upstream_status" => values.statuses = json.value()?.word(),
            "response" => response(&mut json, &mut values)?,
            "session" => {
                values.is_connection = true;
                json.skip()?;
            }
            "latencies" => latencies(&mut json, &mut values)?,
            "service" | "api" => {
                let named = name(&mut json)?;
                values.service = named.name.or(values.service);
                values.retries = named.retries.or(values.retries);
            }
            "route" => values.route = name(&mut json)?.name,
            "tries" => tries(&mut json, &mut values, attempts)?,
            key => match (mapping.name_of(key), json.value()?) {
                (Some("upstream"), value) => values.service = value.word(),
                (Some("route"), value) => values.route = value.word(),
                (_, Value::Object) => json.skip_rest(true)?,
                (_, Value::Array) => json.skip_rest(false)?,
                _ => {}
            },
        }
    }
    json.expect_end()?;
    values.finish(line, attempts)
}

/// The values read so far.
#[derive(Default)]
struct KongValues<'a> {
    started: Option<Timestamp>,
    took: Option<Micros>,
    status: Option<u16>,
    bytes: Option<u64>,
    statuses: Option<&'a str>,
    service: Option<&'a str>,
    /// The configured number of retries.
    retries: Option<u32>,
    route: Option<&'a str>,
    cache: Option<&'a str>,
    remaining: Option<u64>,
    limit: Option<u64>,
    tries: Option<u32>,
    /// Start of the last try.
    last_start: Option<Timestamp>,
    /// True if another try should have followed the last one.
    last_failed: bool,
    judged: Option<Fate>,
    /// True for the log of a TCP connection, which has a session in place of a request.
    is_connection: bool,
}

impl<'a> KongValues<'a> {
    fn finish(self, line: &[u8], attempts: &'a mut AttemptList<'a>) -> Result<ParsedLine<'a>, LineError> {
        let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
        let ts = self.started.map(|started| started.after(self.took.unwrap_or_default()));
        if let Some(fate) = self.judged {
            return Ok(ParsedLine::Judged(PriorVerdict { ts, upstream: self.service, fate }));
        }
        if self.is_connection && self.status.is_none() {
            return Ok(ParsedLine::LeftOut("a TCP connection"));
        }
        let ts = ts.ok_or_else(|| missing("started_at"))?;
        let status = self.status.ok_or_else(|| missing("response.status"))?;
        let duration = self.took.ok_or_else(|| missing("latencies.request"))?;
        if let (Some(began), Some(last)) = (self.last_start, attempts.last_mut()) {
            last.duration = Some(ts.since(began));
        }
        let last_status = self.set_statuses(line, attempts)?;
        let aborted = status == 499;
        // Older versions log no list of statuses, and of a response that Kong buffers there is only the last one. An error may be
        // Kong's own.
        let answer =
            last_status.or(Some(status).filter(|status| self.statuses.is_none() && !is_error(*status)));
        if let Some(last) = attempts.last_mut().filter(|_| !self.last_failed && !aborted) {
            last.status = last.status.or(answer);
        }
        let rescued = !aborted && !is_error(status) && last_status.is_some_and(is_error);
        let none_contacted = self.tries == Some(0) && status < 500;
        Ok(ParsedLine::Exchange(Exchange {
            ts,
            upstream: self.service.filter(|_| !none_contacted).unwrap_or("-"),
            host: attempts.as_slice().last().and_then(|attempt| attempt.host),
            route: self.route,
            status,
            duration,
            attempts: self.tries,
            max_attempts: self.retries.map(|retries| retries.saturating_add(1)),
            bytes: self.bytes,
            aborted,
            substitute: rescued.then_some(Substitute::Fallback),
            cache_status: self.cache,
            quota: self.limit.zip(self.remaining).map(|(limit, remaining)| Quota { limit, remaining }),
            attempt_log: attempts.as_slice(),
            ..Exchange::default()
        }))
    }

    /// Sets the status of each attempt; returns the last.
    fn set_statuses(&self, line: &[u8], attempts: &mut AttemptList<'a>) -> Result<Option<u16>, LineError> {
        let Some(text) = self.statuses else { return Ok(None) };
        if List::is_split(text.as_bytes()) {
            let kind = LineErrorKind::SplitList {
                field: "upstream_status",
                found: crate::error::excerpt(text.as_bytes()),
            };
            return Err(LineError::new(offset_in(line, text.as_bytes()), kind));
        }
        let count = List::new(text.as_bytes()).count();
        let log = attempts.as_mut_slice();
        let mut last = None;
        for (i, entry) in List::new(text.as_bytes()).enumerate() {
            last = number::all_whole(entry.text).filter(|status| *status <= 999).map(|status| status as u16);
            if Some(count) == self.tries.and_then(|tries| usize::try_from(tries).ok())
                && let Some(attempt) = (i + log.len()).checked_sub(count).and_then(|index| log.get_mut(index))
            {
                attempt.status = last;
            }
        }
        Ok(last)
    }
}

fn response<'a>(json: &mut JsonCursor<'a>, values: &mut KongValues<'a>) -> Result<(), LineError> {
    json.object_of("response")?;
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        match key {
            "status" => {
                values.status = Some(json.whole_of("response.status", 999, "a status, 0 to 999")? as u16)
            }
            "size" => values.bytes = json.value()?.word().and_then(|size| number::all_whole(size.as_bytes())),
            "headers" => match json.value()? {
                Value::Object => headers(json, values)?,
                Value::Array => json.skip_rest(false)?,
                _ => {}
            },
            _ => json.skip()?,
        }
    }
    Ok(())
}

fn headers<'a>(json: &mut JsonCursor<'a>, values: &mut KongValues<'a>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        let value = match json.value()? {
            Value::Object => {
                json.skip_rest(true)?;
                continue;
            }
            Value::Array => {
                json.skip_rest(false)?;
                continue;
            }
            value => value.word(),
        };
        let number = || value.and_then(|text| number::all_whole(text.as_bytes()));
        if key.eq_ignore_ascii_case("ratelimit-remaining") {
            values.remaining = number();
        } else if key.eq_ignore_ascii_case("ratelimit-limit") {
            values.limit = number();
        } else if key.eq_ignore_ascii_case("cache-status") {
            values.cache = value;
        }
    }
    Ok(())
}

fn latencies<'a>(json: &mut JsonCursor<'a>, values: &mut KongValues<'a>) -> Result<(), LineError> {
    json.object_of("latencies")?;
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        if key == "request" {
            values.took = Some(json.millis_of("latencies.request")?);
        } else {
            json.skip()?;
        }
    }
    Ok(())
}

/// A service or a route.
#[derive(Default)]
struct Named<'a> {
    name: Option<&'a str>,
    retries: Option<u32>,
}

/// Reads the name of a service or a route, else its host, else its id.
fn name<'a>(json: &mut JsonCursor<'a>) -> Result<Named<'a>, LineError> {
    match json.value()? {
        Value::Object => {}
        Value::Array => return json.skip_rest(false).map(|()| Named::default()),
        value => return Ok(Named { name: value.word(), retries: None }),
    }
    let (mut name, mut host, mut id, mut retries) = (None, None, None, None);
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        match key {
            "name" => name = json.value()?.word(),
            "host" => host = json.value()?.word(),
            "id" => id = json.value()?.word(),
            "retries" => {
                retries = json.value()?.word().and_then(|retries| number::all_whole(retries.as_bytes()))
            }
            _ => json.skip()?,
        }
    }
    let retries = retries.and_then(|retries| u32::try_from(retries).ok());
    Ok(Named { name: name.or(host).or(id), retries })
}

fn tries<'a>(
    json: &mut JsonCursor<'a>,
    values: &mut KongValues<'a>,
    attempts: &mut AttemptList<'a>,
) -> Result<(), LineError> {
    // Lua writes an empty list as `{}`.
    match json.value()? {
        Value::Array => {}
        Value::Object => {
            values.tries = Some(0);
            return json.skip_rest(true);
        }
        _ => return Ok(()),
    }
    let (mut count, mut first_item) = (0_u32, true);
    while json.next_item(&mut first_item)? {
        json.object_of("tries")?;
        let (mut ip, mut port, mut code, mut began, mut first) = (None, None, None, None, true);
        values.last_failed = false;
        while let Some(key) = json.next_key(&mut first)? {
            match key {
                "ip" => ip = json.value()?.word(),
                "state" => values.last_failed = json.value()?.word().is_some(),
                "port" => port = json.value()?.word(),
                "code" => code = json.value()?.word().and_then(|code| number::all_whole(code.as_bytes())),
                "balancer_start" if began.is_none() => {
                    began = Some(json.epoch_millis_of("tries.balancer_start")?)
                }
                "balancer_start_ns" => {
                    let nanos =
                        json.value()?.word().and_then(|nanos| number::all_scaled(nanos.as_bytes(), 0));
                    began = nanos.map(|nanos| Timestamp::from_micros(nanos / 1_000)).or(began);
                }
                _ => json.skip()?,
            }
        }
        if let (Some(before), Some(began), Some(last)) = (values.last_start, began, attempts.last_mut()) {
            last.duration = Some(began.since(before));
        }
        let host = ip
            .zip(port)
            .and_then(|(ip, port)| json.write_scratch(|buffer| join(buffer, &[ip, ":", port])))
            .or(ip);
        let status = code.filter(|code| *code <= 999).map(|code| code as u16);
        attempts.push(Attempt { host, status, duration: None, ..Attempt::default() });
        values.last_start = began;
        count = count.saturating_add(1);
    }
    values.tries = Some(count);
    Ok(())
}

/// Concatenates `parts`; returns the length.
fn join(buffer: &mut [u8], parts: &[&str]) -> Option<usize> {
    let mut written = 0;
    for part in parts {
        buffer.get_mut(written..written + part.len())?.copy_from_slice(part.as_bytes());
        written += part.len();
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::testing::{error, judged, with};
    use nearmiss::Micros;
    use nearmiss::Substitute;

    const LINE: &str = r#"{"request":{"uri":"/x","headers":{"host":"a"}},"upstream_uri":"/x","upstream_status":"502, 200","response":{"status":200,"size":998,"headers":{"ratelimit-remaining":"3","RateLimit-Limit":100}},"latencies":{"kong":3,"proxy":171,"request":515,"receive":1},"tries":[{"ip":"10.0.0.1","port":80,"state":"failed","code":502,"balancer_start":1726783838999,"balancer_latency":0},{"ip":"10.0.0.2","port":80,"balancer_start":1726783839170,"balancer_latency":0}],"service":{"name":"s","id":"i"},"route":{"name":"r"},"started_at":1726783838999}"#;

    #[test]
    fn tries_are_the_attempts_and_each_lasts_until_the_next() {
        with(Format::Kong, LINE, |exchange| {
            assert_eq!(exchange.ts.micros(), 1_726_783_839_514_000);
            assert_eq!((exchange.upstream, exchange.route), ("s", Some("r")));
            assert_eq!((exchange.attempts, exchange.host), (Some(2), Some("10.0.0.2:80")));
            assert_eq!(exchange.attempt_log[0].host, Some("10.0.0.1:80"));
            assert_eq!(exchange.attempt_log[0].duration, Some(Micros::from_millis(171)));
            assert_eq!(exchange.attempt_log[1].duration, Some(Micros::from_millis(344)));
            assert_eq!(
                (exchange.attempt_log[0].status, exchange.attempt_log[1].status),
                (Some(502), Some(200))
            );
            assert_eq!(exchange.quota.map(|quota| (quota.remaining, quota.limit)), Some((3, 100)));
        });
    }

    #[test]
    fn nanoseconds_take_precedence_over_milliseconds() {
        let line = LINE.replace("\"balancer_latency\":0}]", "\"balancer_start_ns\":1.726783839171e+18}]");
        with(Format::Kong, &line, |exchange| {
            assert_eq!(exchange.attempt_log[0].duration, Some(Micros::from_millis(172)));
        });
    }

    #[test]
    fn without_a_try_no_upstream_was_contacted() {
        let start = LINE.find("\"tries\":[").unwrap();
        let end = LINE.find("}],").unwrap() + 2;
        for none in ["{}", "[]"] {
            let line =
                [&LINE[..start], "\"tries\":", none, &LINE[end..]].concat().replace("\"502, 200\"", "null");
            with(Format::Kong, &line, |exchange| {
                assert_eq!((exchange.upstream, exchange.attempts), ("-", Some(0)))
            });
            let line = line.replace("\"status\":200", "\"status\":503");
            with(Format::Kong, &line, |exchange| {
                assert_eq!(exchange.upstream, "s", "no host to choose from")
            });
        }
    }

    #[test]
    fn without_a_list_of_statuses_the_last_try_has_that_of_the_response() {
        for unknown in ["null", r#""""#] {
            with(Format::Kong, &LINE.replace(r#""502, 200""#, unknown), |exchange| {
                let statuses = [Some(502), Some(200)];
                assert!(exchange.attempt_log.iter().map(|attempt| attempt.status).eq(statuses), "{unknown}");
                assert_eq!((exchange.attempts, exchange.substitute), (Some(2), None));
            });
        }
        // A response that Kong buffers has one status.
        with(Format::Kong, &LINE.replace("502, 200", "200"), |exchange| {
            assert_eq!((exchange.attempt_log[1].status, exchange.substitute), (Some(200), None));
        });
        let gone = LINE.replace(r#""502, 200""#, "null").replace(r#""status":200"#, r#""status":499"#);
        with(Format::Kong, &gone, |exchange| assert_eq!(exchange.attempt_log[1].status, None));
    }

    #[test]
    fn a_good_response_after_a_bad_last_status_is_a_fallback() {
        with(Format::Kong, &LINE.replace("502, 200", "502, 503"), |exchange| {
            assert_eq!(exchange.substitute, Some(Substitute::Fallback));
        });
        assert!(error(Format::Kong, &LINE.replace("502, 200", "502,")).contains("an earlier parser"));
        assert_eq!(
            judged(Format::Kong, &LINE.replace("\"request\"", "\"near_miss\":\"retried\",\"request\"")),
            "retried"
        );
    }
}
