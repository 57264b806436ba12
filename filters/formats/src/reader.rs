//! The reader of one source's lines.

use crate::alb::LoadBalancer;
use crate::envoy::Flavour;
use crate::error::{LineError, LineErrorKind};
use crate::field_id::NO_FIELD;
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::locate::{Expected, Found, Locator};
use crate::nginx::LogFormat;
use crate::record::{FieldIndex, RecordParser, ValueKind};
use crate::schema::Schema;
use crate::wrapper::{self, Unwrapped};
use crate::{
    Attempts, FieldConfig, Format, ParsedLine, PriorVerdict, alb, auto, caddy, cloud, envoy, exchange,
    haproxy, haproxy_json, kong, nginx, other_line, prefix, traefik,
};
use alloc::vec::Vec;
use nearmiss::Timestamp;

/// Maximum length of the start of a JSON line by which its format is recognised again, in bytes.
const MAX_JSON_START: usize = 40;

/// Maximum length of a line that is joined from parts, in bytes.
const MAX_JOINED: usize = 1 << 20;

/// Reads the lines of one source, in a given format or the one it detects.
#[derive(Debug, Default)]
pub struct Reader {
    format: Format,
    /// The format detected last, if the given one is [`Format::Auto`].
    detected: Option<Format>,
    /// The start of the last JSON line, up to its first colon: a line that starts alike has the same format.
    json_start: Vec<u8>,
    mapping: FieldMapping,
    /// The configured `log_format` of nginx lines.
    log_format: Option<LogFormat>,
    buffer: Vec<u8>,
    keys: nginx::KeyCache,
    cache: ParsedCache,
    locator: Locator,
    /// Buffer for telling a line of another program by its keys.
    other_json: Locator,
    /// The line next to a verdict.
    unwrapped: Vec<u8>,
    /// The beginning of a line that a container runtime has cut into parts.
    parts: LineParts,
}

/// Values parsed from the last record, reused for the next if their text is unchanged.
#[derive(Debug, Default)]
struct ParsedCache {
    /// The number of that record.
    record: Option<u32>,
    envoy: envoy::ParsedFields,
    nginx: nginx::ParsedFields,
}

impl Reader {
    /// Creates a reader of lines in `format`.
    pub fn new(format: Format) -> Self {
        Self { format, ..Self::default() }
    }

    /// Sets the configured keys and the `log_format` of nginx lines.
    #[must_use]
    pub fn with_fields(mut self, config: FieldConfig) -> Self {
        (self.mapping, self.log_format) = (config.mapping, config.log_format);
        self
    }

    /// Sets the timestamp of the next lines that have none of their own: the time that a pipeline gives a record.
    pub fn set_default_time(&mut self, time: Option<Timestamp>) {
        self.mapping.default_time = time;
    }

    /// Returns the format of the last line; [`Format::Auto`] if none has been detected yet.
    pub fn format(&self) -> Format {
        if self.format == Format::Auto { self.detected.unwrap_or_default() } else { self.format }
    }

    /// Reads one line, with or without its line ending.
    ///
    /// `attempts` is a buffer for the line's attempts; each line needs a new one.
    pub fn read<'a>(
        &'a mut self,
        line: &'a [u8],
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let Self {
            format,
            detected,
            mapping,
            log_format,
            buffer,
            keys,
            json_start,
            locator,
            other_json,
            unwrapped,
            parts,
            ..
        } = self;
        let Some(mut line) = joined(line, parts) else {
            return Ok(ParsedLine::LeftOut("a part of a longer line"));
        };
        let mut prior = None;
        if wrapper::is_wrapper(line)
            && let Unwrapped::Judged(inside, verdict) = wrapper::unwrap_line(line, unwrapped)?
        {
            (line, prior) = (inside, Some(verdict));
        }
        let nginx_values = is_likely_nginx(*format, *detected, log_format.as_ref(), line)
            .then(|| {
                nginx::read_values(line, mapping, keys, None)
                    .ok()
                    .filter(|values| nginx::is_complete(line, values))
            })
            .flatten();
        let is_known_start = *format == Format::Auto && starts_like_json(line, json_start);
        let format = match *format {
            _ if nginx_values.is_some() => Ok(Format::Nginx),
            _ if log_format.is_some() => Ok(Format::Nginx),
            Format::Auto if is_known_start => detected.ok_or_else(unknown_format),
            configured => {
                let expected =
                    Expected { format: configured, last: *detected, has_own_keys: !mapping.is_empty() };
                let located = locator.locate(line, expected);
                let whole = if located.is_inside { locator.inner.as_slice() } else { line };
                line = whole.get(located.start..).unwrap_or_default();
                match located.found {
                    Found::Format(format) => {
                        if !located.is_inside && configured == Format::Auto {
                            note_json_start(line, json_start);
                        }
                        *detected = Some(format);
                        Ok(format)
                    }
                    Found::LacksDuration => Err(nginx::lacks_duration()),
                    Found::Other(kind) if prior.is_none() => return Ok(ParsedLine::Other(kind)),
                    Found::Other(_) | Found::Invalid => Err(unknown_format()),
                }
            }
        };
        let read = format.and_then(|format| match format {
            Format::Auto => Err(unknown_format()),
            Format::Exchange => {
                exchange::read_with_default_time(line, mapping.default_time, attempts, buffer)
            }
            Format::Nginx => match (nginx_values, log_format) {
                (Some(values), _) => {
                    nginx::parse_values(line, &values, &mut nginx::ParsedFields::default(), attempts)
                }
                (None, Some(log_format)) => log_format.read(line, attempts),
                (None, None) => nginx::read_text(line, mapping, keys, attempts),
            },
            Format::NginxJson => nginx::read_json(line, mapping, attempts, buffer),
            Format::IngressNginx => nginx::read_ingress(line, attempts),
            Format::Envoy => envoy::read_text(line, Flavour::Envoy),
            Format::Istio => envoy::read_text(line, Flavour::Istio),
            Format::EnvoyJson | Format::IstioJson => envoy::read_json(line, mapping, buffer),
            Format::Haproxy => haproxy::read(line, attempts),
            Format::Traefik => traefik::read_json(line, mapping, attempts, buffer),
            Format::TraefikClf => traefik::read_clf(line),
            Format::Caddy => caddy::read(line, mapping, attempts, buffer),
            Format::Kong => kong::read(line, mapping, attempts, buffer),
            Format::Alb => alb::read(line, LoadBalancer::Application, attempts),
            Format::Elb | Format::Apisix | Format::HaproxyJson | Format::Ltsv
                if !cfg!(feature = "all-formats") =>
            {
                Err(LineError::new(0, LineErrorKind::FormatNotBuilt { format: format.name() }))
            }
            Format::HaproxyJson => haproxy_json::read(line, mapping.default_time, attempts, buffer),
            Format::Elb => alb::read(line, LoadBalancer::Classic, attempts),
            Format::Apisix => nginx::read_apisix(line, attempts),
            Format::Ltsv => nginx::read_ltsv(line, mapping, attempts),
            Format::Cloudflare
            | Format::GcpLb
            | Format::AzureAppgw
            | Format::AzureFrontdoor
            | Format::Linkerd => {
                if cfg!(feature = "all-formats") {
                    cloud::read(line, format, mapping.default_time, buffer)
                } else {
                    Err(LineError::new(0, LineErrorKind::FormatNotBuilt { format: format.name() }))
                }
            }
        });
        if read.is_err() {
            json_start.clear();
            if is_known_start && prior.is_none() && other_json.is_other_json(line) {
                return Ok(ParsedLine::Other(other_line::JSON));
            }
        }
        match prior {
            Some(verdict) => Ok(ParsedLine::Judged(completed(verdict, read.ok()))),
            None => read,
        }
    }

    /// Reads `record`, which `parser` has parsed: like [`read`](Self::read), and faster for some formats.
    pub fn read_record<'a>(
        &'a mut self,
        record: &'a [u8],
        parser: &mut RecordParser,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        if wrapper::is_wrapper(record) {
            return self.read(record, attempts);
        }
        let Self { format, detected, mapping, log_format, buffer, json_start, cache, .. } = self;
        let format = match (*format, parser.format()) {
            (Format::Auto, None) => detect(record, log_format.as_ref(), buffer, json_start, detected)?,
            (Format::Auto, Some(known)) => known,
            (configured, _) => configured,
        };
        parser.set_format(format);
        let schema = match format {
            Format::EnvoyJson | Format::IstioJson => envoy::FieldId::SCHEMA,
            Format::NginxJson => nginx::FieldId::SCHEMA,
            Format::Traefik => traefik::FieldId::SCHEMA,
            _ => return self.read(record, attempts),
        };
        let Some(values) = indexed_values(record, parser, mapping, &schema, cache.record) else {
            return self.read(record, attempts);
        };
        cache.record = None;
        let read = match format {
            Format::NginxJson => nginx::parse_values(record, &values, &mut cache.nginx, attempts),
            Format::Traefik => traefik::parse_values(record, &values, attempts),
            _ => envoy::parse_values(record, &values, &mut cache.envoy),
        };
        cache.record = matches!(read, Ok(ParsedLine::Exchange(_))).then_some(parser.count);
        read
    }

    /// Reads the line inside `record` by its tokens, if `parser`, which has parsed the record, knows them.
    ///
    /// After an error, the line must be read as a whole.
    pub fn read_tokens<'a>(
        &'a mut self,
        record: &'a [u8],
        parser: &RecordParser,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        if !parser.has_tokens() {
            return Err(LineError::new(0, LineErrorKind::UnknownFormat));
        }
        let values = record_values(record, parser, &self.mapping, self.cache.record);
        let cache = &mut self.cache;
        cache.record = None;
        let read = nginx::parse_values(record, &values, &mut cache.nginx, attempts);
        cache.record = matches!(read, Ok(ParsedLine::Exchange(_))).then_some(parser.count);
        read
    }

    /// Tokenizes `line`, the one inside `record`, if lines of its format can be read by their tokens.
    pub fn tokenize(&mut self, record: &[u8], line: &[u8], parser: &mut RecordParser) {
        let Self { format, detected, mapping, log_format, keys, .. } = self;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let is_nginx =
            *format == Format::Nginx || is_likely_nginx(*format, *detected, log_format.as_ref(), line);
        if !is_nginx || log_format.is_some() || !mapping.is_empty() || !parser.charge_tokenization() {
            return;
        }
        let mut tokens = Vec::new();
        let values = nginx::read_values(line, mapping, keys, Some(&mut tokens));
        let first = tokens.iter().find(|token| token.kind == ValueKind::Bracketed);
        if values.is_ok_and(|values| nginx::is_complete(line, &values))
            && first.is_some_and(|first| first.id != NO_FIELD)
        {
            parser.embed(record, line, &tokens);
        }
    }
}

/// Returns true if the previous line was from nginx and this one starts like a line of no other format. If it then has
/// all fields of an nginx line, the detection of its format is skipped.
fn is_likely_nginx(
    format: Format,
    detected: Option<Format>,
    log_format: Option<&LogFormat>,
    line: &[u8],
) -> bool {
    format == Format::Auto
        && detected == Some(Format::Nginx)
        && log_format.is_none()
        && !matches!(line, [] | [b'{' | b'[' | b'h' | b'w' | b' ' | b'\t', ..])
}

/// Adds the time and the upstream of `line`, which stands next to the verdict.
fn completed<'a>(verdict: PriorVerdict<'a>, line: Option<ParsedLine<'a>>) -> PriorVerdict<'a> {
    match line {
        Some(ParsedLine::Exchange(exchange)) => PriorVerdict {
            ts: Some(exchange.ts),
            upstream: verdict.upstream.or(Some(exchange.upstream)),
            ..verdict
        },
        _ => verdict,
    }
}

/// Returns the values of a record's members; `None` if its keys or values must be decoded one by one.
fn indexed_values<'a, 'r>(
    record: &'a [u8],
    parser: &'r mut RecordParser,
    mapping: &FieldMapping,
    schema: &Schema,
    cached: Option<u32>,
) -> Option<FieldValues<'a, 'r>> {
    if parser.has_verdict() || parser.has_tokens() {
        return None;
    }
    if !parser.is_indexed() {
        let index = index_fields(record, parser, mapping, schema)?;
        parser.set_index(index);
    }
    Some(record_values(record, parser, mapping, cached))
}

/// Returns the values of a record; `cached` is the number of the record whose parsed values are cached.
fn record_values<'a, 'r>(
    record: &'a [u8],
    parser: &'r RecordParser,
    mapping: &FieldMapping,
    cached: Option<u32>,
) -> FieldValues<'a, 'r> {
    let is_next = cached.is_some_and(|cached| cached.wrapping_add(1) == parser.count);
    let unchanged = if is_next { !parser.changed() } else { 0 };
    FieldValues::from_record(parser.values(record), unchanged, mapping.default_time)
}

/// Finds the fields among the members of a record; `None` if a key or a value must be decoded for it.
#[cold]
fn index_fields(
    record: &[u8],
    parser: &mut RecordParser,
    mapping: &FieldMapping,
    schema: &Schema,
) -> Option<FieldIndex> {
    let (mut index, mut overridden) = (FieldIndex::default(), 0_u32);
    for number in 0..parser.member_count()? {
        let member = parser.member(record, number)?;
        let key = core::str::from_utf8(member.key).ok().filter(|key| !key.contains('\\'))?;
        let configured = mapping.id_of(schema, key);
        let id = configured.or_else(|| (schema.id_of_key)(key)).map_or(NO_FIELD, |id| id as u8);
        parser.assign(number, id);
        if id == NO_FIELD || configured.is_none() && overridden & 1 << id != 0 {
            continue;
        }
        match member.kind {
            ValueKind::Escaped => return None,
            ValueKind::Literal if schema.null_is_absent && member.value == b"null" => index.set_null(id),
            ValueKind::Literal | ValueKind::Nested => continue,
            _ => index.set(id, number),
        }
        overridden |= u32::from(configured.is_some()) << id;
    }
    Some(index)
}

/// Returns the format of a JSON record.
fn detect(
    record: &[u8],
    log_format: Option<&LogFormat>,
    buffer: &mut Vec<u8>,
    json_start: &mut Vec<u8>,
    detected: &mut Option<Format>,
) -> Result<Format, LineError> {
    if log_format.is_some() {
        return Ok(Format::Nginx);
    }
    if !starts_like_json(record, json_start) {
        if let Ok(Some(format)) = auto::detect_json(record, buffer) {
            *detected = Some(format);
            note_json_start(record, json_start);
        } else {
            json_start.clear();
        }
    }
    detected.ok_or_else(unknown_format)
}

/// Returns true if a JSON line starts like the line whose start was noted.
fn starts_like_json(line: &[u8], json_start: &[u8]) -> bool {
    line.starts_with(b"{") && !json_start.is_empty() && json_start_of(line) == json_start
}

/// Notes the start of a JSON line, up to its first colon.
fn note_json_start(line: &[u8], json_start: &mut Vec<u8>) {
    json_start.clear();
    if line.starts_with(b"{") {
        json_start.extend_from_slice(json_start_of(line));
    }
}

fn json_start_of(line: &[u8]) -> &[u8] {
    let start = line.get(..MAX_JSON_START).unwrap_or(line);
    start.iter().position(|byte| *byte == b':').and_then(|colon| start.get(..colon)).unwrap_or_default()
}

/// The parts of a line that a container runtime has cut.
#[derive(Debug, Default)]
struct LineParts {
    text: Vec<u8>,
    /// True if the last part was read, so that the next one begins another line.
    is_complete: bool,
}

/// Removes the prefix of a container runtime and joins the parts of a line; `None` until its last part.
fn joined<'a>(line: &'a [u8], parts: &'a mut LineParts) -> Option<&'a [u8]> {
    if core::mem::take(&mut parts.is_complete) {
        parts.text.clear();
    }
    let Some(cri) = prefix::cri(line) else {
        parts.text.clear();
        return Some(line);
    };
    if parts.text.is_empty() && !cri.is_partial {
        return Some(cri.text);
    }
    if parts.text.len() <= MAX_JOINED {
        parts.text.extend_from_slice(cri.text);
    }
    parts.is_complete = !cri.is_partial;
    parts.is_complete.then_some(parts.text.as_slice())
}

#[cold]
fn unknown_format() -> LineError {
    LineError::new(0, LineErrorKind::UnknownFormat)
}

#[cfg(test)]
mod tests;
