//! From HAProxy's values to an exchange.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::fate;
use crate::field_values::FieldValues;
use crate::schema::schema;
use crate::text::{invalid, utf8};
use crate::{AttemptList, ParsedLine, PriorVerdict, number, time};
use nearmiss::{Attempt, Exchange, MAX_ATTEMPT_LOG, Micros, Timestamp, is_error};

schema! {
    /// The fields of an exchange that HAProxy can log.
    FieldId, null is absent: true, nested: |_, json, _| json.skip_rest(true) => {
        Time: "ts" = "request_date" | "dateTime" | "accept_date" | "tr" | "trg" | "t" | "time" | "time_local" | "timestamp";
        End: "end_ts" = ;
        StartMillis: "start_ms" = "ms";
        Frontend: "frontend" = "fe_name" | "fe_name_transport" | "frontendNameTransport" | "frontend" | "frontend_name" | "ft" | "f";
        Backend: "upstream" = "be_name" | "backend" | "backend_name" | "backendName" | "b";
        Server: "host" = "server_name" | "serverName" | "server" | "srv_name" | "s";
        Request: "request_ms" = "time_request" | "TR" | "Tq";
        Waiting: "waiting_ms" = "time_wait" | "time_queue" | "Tw" | "tw";
        Response: "response_ms" = "time_response" | "Tr";
        Active: "duration_ms" = "time_active" | "Ta" | "ta";
        Total: "total_ms" = "Tt" | "tt" | "time_total";
        Status: "status" = "status_code" | "statusCode" | "status" | "http_status" | "ST";
        Bytes: "bytes" = "bytes_read" | "bytesRead" | "B";
        State: "flags" = "termination_state_cookie" | "termination_state" | "terminationState" | "tsc" | "ts";
        Retries: "retries" = "retries" | "rc";
        Method: "method" = "http_request" | "httpRequest" | "request" | "r" | "http_method" | "method" | "HM";
        Route: "route" = "route";
        Trace: "trace_id" = "trace_id";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// The name of the upstream if the line has none.
const DEFAULT_UPSTREAM: &str = "haproxy";
/// A request that waited this long for a connection was held up by the queue.
const QUEUED: Micros = Micros::from_seconds(1);

/// Parses the `values` found in `line`.
pub(crate) fn parse_values<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    attempts.clear();
    let get = |id: FieldId| values.find(id as usize);
    let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
    let end = get(FieldId::End);
    let start = match get(FieldId::Time).or(end) {
        Some(part) => time::parse(part).ok_or_else(|| invalid(line, part, "%tr", time::TAKES))?,
        None => values.default_time.ok_or_else(|| missing("%tr"))?,
    };
    let is_end = end.is_some() && get(FieldId::Time).is_none();
    let start = start.after(milliseconds(start, get(FieldId::StartMillis)));
    let backend = get(FieldId::Backend).map(|part| utf8(line, part)).transpose()?;
    if let Some(annotation) = values.raw(FieldId::NearMiss as usize) {
        let fate = fate(utf8(line, annotation)?)?;
        return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(start), upstream: backend, fate }));
    }
    let timers = Timers::read(line, values)?;
    let total = timers.total.unwrap_or_default();
    let state = get(FieldId::State).unwrap_or_default();
    let status = status(line, get(FieldId::Status).ok_or_else(|| missing("%ST"))?)?;
    let retries = retries(line, get(FieldId::Retries))?;

    let server = get(FieldId::Server);
    let no_server = server.is_some_and(|name| name.starts_with(b"<"))
        || server.is_none() && values.has(FieldId::Server as usize);
    let host = server.filter(|_| !no_server).map(|name| utf8(line, name)).transpose()?;
    // The backend of a request that its frontend answered is the frontend.
    let frontend = get(FieldId::Frontend).map(|name| name.strip_suffix(b"~").unwrap_or(name));
    let is_own_frontend = no_server && frontend.is_some() && frontend == backend.map(str::as_bytes);
    let by_client = matches!(state.first(), Some(b'C' | b'c'));
    if let Some(retries) = retries.filter(|retries| *retries > 0 && host.is_some()) {
        // Without `+` the server stayed the same, so the failed attempts went to it.
        if !get(FieldId::Retries).is_some_and(|retries| retries.starts_with(b"+")) {
            (0..retries.min(MAX_ATTEMPT_LOG as u32))
                .for_each(|_| attempts.push(Attempt { host, ..Attempt::default() }));
        }
        attempts.push(Attempt {
            host,
            status: Some(status).filter(|status| *status > 0 && timers.is_answered),
            duration: timers.last_attempt(),
            ..Attempt::default()
        });
    }
    let request = get(FieldId::Method).unwrap_or_default();
    let is_tunnel = status == 101 || request.starts_with(b"CONNECT");
    Ok(ParsedLine::Exchange(Exchange {
        ts: if is_end { start } else { start.after(total) },
        upstream: if is_own_frontend { "-" } else { backend.unwrap_or(DEFAULT_UPSTREAM) },
        host,
        route: get(FieldId::Route).map(|name| utf8(line, name)).transpose()?,
        status,
        duration: total,
        attempts: if no_server { Some(0) } else { retries.map(|retries| retries.saturating_add(1)) },
        service: timers.response,
        timeout_used: timers.response,
        bytes: get(FieldId::Bytes).and_then(|bytes| number::all_whole(unsigned(bytes))),
        // `D`: the body was being sent. A tunnel has no body.
        partial: matches!(state, [_, b'D', ..]) && !by_client && !is_error(status) && !is_tunnel,
        aborted: by_client,
        stream: is_tunnel,
        // `T`: the client was kept waiting for its rejection.
        rejected: no_server && matches!(state, [b'P', b'R' | b'T', ..]) && !is_own_frontend,
        // The time of earlier attempts is part of that in the queue.
        pool: retries == Some(0) && timers.waiting.is_some_and(|waiting| waiting >= QUEUED),
        termination_state: remarkable(line, state)?,
        trace_id: get(FieldId::Trace).map(|id| utf8(line, id)).transpose()?,
        attempt_log: attempts.as_slice(),
        ..Exchange::default()
    }))
}

/// Returns the milliseconds of a start that is logged in whole seconds.
fn milliseconds(start: Timestamp, millis: Option<&[u8]>) -> Micros {
    let millis = millis.and_then(number::all_whole).filter(|millis| *millis < 1_000);
    let is_whole = start.micros().is_multiple_of(1_000_000);
    millis.filter(|_| is_whole).map(Micros::from_millis).unwrap_or_default()
}

/// Returns the termination state unless it says that nothing went wrong; the cookies' part of it, `--NI`, is not about that.
fn remarkable<'a>(line: &[u8], state: &'a [u8]) -> Result<Option<&'a str>, LineError> {
    match state {
        [] | [b'-', b'-', ..] | b"-" => Ok(None),
        state => utf8(line, state).map(Some),
    }
}

/// The timers `TR`, `Tw`, `Tr` and `Ta` or `Tt`; `None` for -1, a phase that did not complete.
struct Timers {
    request: Option<Micros>,
    waiting: Option<Micros>,
    total: Option<Micros>,
    /// Time from the connection to the server's response headers, on which `timeout server` runs.
    response: Option<Micros>,
    /// True unless the server's response never began.
    is_answered: bool,
}

impl Timers {
    fn read(line: &[u8], values: &FieldValues<'_, '_>) -> Result<Self, LineError> {
        let get = |id: FieldId| values.find(id as usize);
        let timer = |part: Option<&[u8]>, field| match part {
            None | Some(b"-1") => Ok(None),
            Some(part) => time::millis(unsigned(part))
                .map(Some)
                .ok_or_else(|| invalid(line, part, field, "milliseconds, or -1")),
        };
        let total = get(FieldId::Active).or(get(FieldId::Total));
        if total.is_none() {
            return Err(LineError::new(line.len(), LineErrorKind::MissingField { field: "%Ta" }));
        }
        Ok(Self {
            request: timer(get(FieldId::Request), "%TR")?,
            waiting: timer(get(FieldId::Waiting), "%Tw")?,
            total: timer(total, "%Ta")?,
            response: timer(get(FieldId::Response), "%Tr")?,
            is_answered: get(FieldId::Response) != Some(b"-1"),
        })
    }

    /// Returns the duration of the last attempt, from the start of its connection.
    fn last_attempt(&self) -> Option<Micros> {
        let before = self.request?.saturating_add(self.waiting?);
        Some(Micros::new(self.total?.get().saturating_sub(before.get())))
    }
}

/// Parses the status that the client got; 0 for -1.
fn status(line: &[u8], part: &[u8]) -> Result<u16, LineError> {
    if part == b"-1" {
        return Ok(0);
    }
    let status = number::all_whole(part).filter(|status| *status <= 999);
    status.map(|status| status as u16).ok_or_else(|| invalid(line, part, "%ST", "a status, or -1"))
}

fn retries(line: &[u8], part: Option<&[u8]>) -> Result<Option<u32>, LineError> {
    let Some(part) = part else { return Ok(None) };
    let retries = number::all_whole(unsigned(part)).and_then(|retries| u32::try_from(retries).ok());
    retries.map(Some).ok_or_else(|| invalid(line, part, "%rc", "a count"))
}

/// Strips the `+` that HAProxy puts before numbers that may still grow, and before redispatched retries.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(b"+").unwrap_or(number)
}
