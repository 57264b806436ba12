//! The reader of one source's lines.

use crate::error::{LineError, LineErrorKind};
use crate::field_id::NO_FIELD;
use crate::field_mapping::FieldMapping;
use crate::formats::{Known, Settings, apache, cloudfront, envoy, nginx, read_as, traefik};
use crate::locate::{Expected, Found, Locator};
use crate::log_format::LogFormat;
use crate::record::{RecordParser, ValueKind};
use crate::requests::Requests;
use crate::wrapper;
use crate::{
    AttemptList, Attempts, FieldConfig, Format, JoinKey, OtherLine, ParsedLine, PriorVerdict, auto, time,
};
use alloc::vec::Vec;
use json_start::JsonStart;
use line_parts::LineParts;
use nearmiss::config::Ignore;
use nearmiss::{Fate, Timestamp};
use record_values::{indexed_values, record_values};

mod json_start;
mod line_parts;
mod record_values;
pub(crate) mod state;

/// Reads the lines of one source, in a given format or the one it detects.
#[derive(Debug, Default)]
pub struct Reader {
    format: Format,
    /// The format detected last, if the given one is [`Format::Auto`].
    detected: Option<Format>,
    json_start: JsonStart,
    mapping: FieldMapping,
    /// Timestamp of lines that have none, neither their own nor one around them.
    default_time: Option<Timestamp>,
    /// The configured format string.
    log_format: Option<LogFormat>,
    buffer: Vec<u8>,
    text_cache: nginx::LineCache,
    /// The columns that the header of a CloudFront log names.
    columns: cloudfront::Columns,
    cache: ParsedCache,
    locator: Locator,
    /// Buffer for a line inside another one.
    inner_buffer: Vec<u8>,
    /// True if the last line had a prefix.
    has_prefix: bool,
    /// The beginning of a line that a container runtime has cut into parts.
    parts: LineParts,
    requests: Requests,
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

    /// Sets the configured keys and format string.
    #[must_use]
    pub fn with_fields(mut self, config: FieldConfig) -> Self {
        (self.mapping, self.log_format) = (config.mapping, config.log_format);
        self.requests.has_default_route = config.has_default_route;
        self
    }

    /// Sets the requests that are left out.
    #[must_use]
    pub fn with_ignore(mut self, ignore: Ignore) -> Self {
        self.requests.ignore = ignore;
        self
    }

    /// Sets the timestamp of the next lines that have none of their own: the time that a pipeline gives a record.
    pub fn set_default_time(&mut self, time: Option<Timestamp>) {
        (self.default_time, self.mapping.default_time) = (time, time);
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
        self.read_part(line, attempts, &mut JoinKey::default())
    }

    /// Reads one line, and sets the key by which a [`Joiner`](crate::Joiner) joins it with others of its exchange.
    pub fn read_part<'a>(
        &'a mut self,
        line: &'a [u8],
        attempts: &'a mut Attempts<'a>,
        key: &mut JoinKey,
    ) -> Result<ParsedLine<'a>, LineError> {
        key.clear();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let Self { detected, buffer, json_start, locator, inner_buffer, parts, .. } = self;
        let mut part_time = None;
        let Some(line) = parts.join(line, &mut part_time) else {
            return Ok(ParsedLine::LeftOut("a part of a longer line"));
        };
        let default_time = self.default_time.or_else(|| part_time.and_then(time::parse));
        self.mapping.default_time = default_time;
        let Attempts { first, second } = attempts;
        let mut settings = Settings {
            mapping: &mut self.mapping,
            log_format: self.log_format.as_ref(),
            cache: &mut self.text_cache,
            requests: &self.requests,
            columns: &mut self.columns,
            key,
        };
        let known = known_format(self.format, *detected, settings.log_format, line, json_start);
        let mut failure = None;
        if let Some(known) = known {
            let read = read_as(known, line, &mut settings, first, buffer);
            match read {
                // The line of an access log may be inside one of other keys, and the time beside the verdict.
                Ok(ParsedLine::Other(_) | ParsedLine::Judged(PriorVerdict { ts: None, .. })) => {}
                Err(error) => failure = Some(error),
                read => return read,
            }
        }
        json_start.clear();
        let expected = Expected {
            format: settings.log_format.map_or(self.format, |log_format| log_format.format),
            log_format: settings.log_format.filter(|_| LogFormat::HAS_ALL),
            last: *detected,
            has_prefix: self.has_prefix,
            has_own_format: settings.log_format.is_some(),
            has_own_keys: !settings.mapping.is_empty(),
        };
        let located = locator.locate(line, expected);
        let prior = match (locator.verdict(), &located.found) {
            // A member of this name in the message of another program.
            (Err(_) | Ok(Some(PriorVerdict { fate: Fate::Clean, upstream: None, .. })), Found::Other(_)) => {
                None
            }
            (verdict, _) => verdict?,
        };
        settings.mapping.default_time = self.default_time.or(locator.time()).or(default_time);
        let format = match located.found {
            Found::Format(format) => Ok(format),
            Found::LacksDuration(format) => Err(apache::lacks_duration(format)),
            Found::Other(kind) if prior.is_none() => return Ok(ParsedLine::Other(kind)),
            Found::Other(_) | Found::Invalid => Err(failure.take().unwrap_or_else(LineError::unknown_format)),
        };
        let read = format.and_then(|format| {
            *detected = Some(format);
            let is_whole = located.start == 0 && !located.is_inside;
            self.has_prefix = located.start > 0 && !located.is_inside;
            if let Some(error) = failure.filter(|_| {
                is_whole && known.is_some_and(|known| known.format == format && !known.must_be_complete)
            }) {
                return Err(error);
            }
            if is_whole {
                json_start.note(line);
            }
            let whole = if located.is_inside { locator.inner.as_slice() } else { line };
            let line = whole.get(located.start..).unwrap_or_default();
            let located = Known { format, must_be_complete: false };
            read_as(located, line, &mut settings, second.insert(AttemptList::default()), inner_buffer)
        });
        if read.is_err() {
            json_start.clear();
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
        self.mapping.default_time = self.default_time;
        let Self { format, detected, mapping, log_format, buffer, json_start, cache, locator, .. } = self;
        let format = match (*format, parser.format()) {
            (Format::Auto, None) => match detect(record, log_format.as_ref(), buffer, json_start, detected) {
                Some(format) => format,
                None => return self.read(record, attempts),
            },
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
        let mut read = match format {
            Format::NginxJson => nginx::parse_values(record, &values, &mut cache.nginx, &mut attempts.first),
            Format::Traefik => traefik::parse_values(record, &values, &mut attempts.first),
            _ => envoy::parse_values(record, &values, &mut cache.envoy),
        };
        let is_exchange = matches!(read, Ok(ParsedLine::Exchange(_)));
        if let Ok(read) = &mut read {
            match format {
                Format::EnvoyJson | Format::IstioJson => self.requests.apply_to_envoy(read, &values),
                Format::NginxJson => self.requests.apply_to_nginx(read, &values),
                _ => self.requests.apply(read, format, record),
            }
        }
        cache.record = is_exchange.then_some(parser.count);
        let may_be_other = read.is_err() && self.format == Format::Auto && mapping.is_empty();
        if may_be_other && locator.is_other_json(record) {
            return Ok(ParsedLine::Other(OtherLine::Json));
        }
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
        self.mapping.default_time = self.default_time;
        let values = record_values(record, parser, &self.mapping, self.cache.record);
        let cache = &mut self.cache;
        cache.record = None;
        let mut read = nginx::parse_values(record, &values, &mut cache.nginx, &mut attempts.first)?;
        cache.record = matches!(read, ParsedLine::Exchange(_)).then_some(parser.count);
        self.requests.apply_to_nginx(&mut read, &values);
        Ok(read)
    }

    /// Tokenizes `line`, the one inside `record`, if lines of its format can be read by their tokens.
    pub fn tokenize(&mut self, record: &[u8], line: &[u8], parser: &mut RecordParser) {
        let Self { format, detected, mapping, log_format, text_cache, .. } = self;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let is_nginx =
            *format == Format::Nginx || is_likely_nginx(*format, *detected, log_format.as_ref(), line);
        if !is_nginx || log_format.is_some() || !mapping.is_empty() || !parser.charge_tokenization() {
            return;
        }
        let (mut values, mut tokens) = (mapping.new_values(), Vec::new());
        let read = nginx::read_values(line, mapping, text_cache, &mut values, Some(&mut tokens));
        let first = tokens.iter().find(|token| token.kind == ValueKind::Bracketed);
        if read.is_ok()
            && nginx::is_complete(line, &values)
            && first.is_some_and(|first| first.id != NO_FIELD)
        {
            parser.embed(record, line, &tokens);
        }
    }
}

/// Returns the format in which a line is read before anything else is tried: the configured one, or the one of the line
/// before if this line looks the same.
fn known_format(
    configured: Format,
    detected: Option<Format>,
    log_format: Option<&LogFormat>,
    line: &[u8],
    json_start: &JsonStart,
) -> Option<Known> {
    let known = |format| Some(Known { format, must_be_complete: false });
    if let Some(log_format) = log_format {
        return known(log_format.format);
    }
    match configured {
        Format::Auto if json_start.is_start_of(line) => known(detected?),
        Format::Auto if is_likely_nginx(configured, detected, log_format, line) => {
            Some(Known { format: Format::Nginx, must_be_complete: true })
        }
        Format::Auto => None,
        configured if configured.is_json() == line.starts_with(b"{") => known(configured),
        _ => None,
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
        Some(ParsedLine::Judged(inner)) => PriorVerdict { ts: inner.ts.or(verdict.ts), ..verdict },
        _ => verdict,
    }
}

/// Returns the format of a JSON record; `None` if it is unknown.
fn detect(
    record: &[u8],
    log_format: Option<&LogFormat>,
    buffer: &mut Vec<u8>,
    json_start: &mut JsonStart,
    detected: &mut Option<Format>,
) -> Option<Format> {
    if let Some(log_format) = log_format {
        return Some(log_format.format);
    }
    if json_start.is_start_of(record) {
        return *detected;
    }
    json_start.clear();
    let format = auto::detect_json(record, buffer).ok()??;
    *detected = Some(format);
    json_start.note(record);
    Some(format)
}

#[cfg(test)]
mod tests;
