//! Reads line after line of one source.

use crate::bag::{Bag, Family};
use crate::envoy::Flavour;
use crate::error::{LineError, LineErrorKind};
use crate::object::{Kind, NOWHERE, Places, RecordParser};
use crate::wrapped::{self, Inside};
use crate::{
    Attempts, FieldConfig, Format, ParsedLine, PriorVerdict, alb, auto, caddy, envoy, exchange, haproxy,
    kong, nginx, traefik,
};
use alloc::vec::Vec;
use nearmiss::units::Timestamp;

/// The longest beginning of a JSON line by which its format is known again, in bytes.
const LONGEST_BEGINNING: usize = 40;

/// Reads the lines of one source, whose format is told or found out.
#[derive(Debug, Default)]
pub struct Reader {
    format: Format,
    /// What the lines turned out to be, where the format is [`Format::Auto`].
    taken: Option<Format>,
    /// How the last JSON line began, up to its first colon: another that begins so is in the same format.
    beginning: Vec<u8>,
    fields: FieldConfig,
    buffer: Vec<u8>,
    keys: nginx::Keys,
    facts: Facts,
    /// The line inside a wrapping.
    unwrapped: Vec<u8>,
}

/// What the values of an object said, for the next with some of them.
#[derive(Debug, Default)]
struct Facts {
    /// The number of that object.
    of: Option<u32>,
    envoy: envoy::Facts,
    nginx: nginx::Facts,
}

impl Reader {
    /// A reader of lines in `format`.
    pub fn new(format: Format) -> Self {
        Self { format, ..Self::default() }
    }

    /// Looks for the keys that `fields` names first, and reads nginx's lines after its `log_format`.
    #[must_use]
    pub fn with_fields(mut self, fields: FieldConfig) -> Self {
        self.fields = fields;
        self
    }

    /// Says when the next lines come through a pipeline: their time where they have none of their own.
    pub fn set_default_time(&mut self, at: Option<Timestamp>) {
        self.fields.arrived = at;
    }

    /// The format of the line that was read last; [`Format::Auto`] if none has been recognised yet.
    pub fn format(&self) -> Format {
        if self.format == Format::Auto { self.taken.unwrap_or_default() } else { self.format }
    }

    /// Reads one line, which may still have its line ending.
    ///
    /// `attempts` is room for the line's attempts; a fresh one for each line.
    pub fn read<'a>(
        &'a mut self,
        line: &'a [u8],
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut line = wrapped::without_prefix(line);
        let Self { format, taken, fields, buffer, keys, beginning, unwrapped, .. } = self;
        let mut judged = None;
        if wrapped::is_object(line) {
            line = match wrapped::inside(line, unwrapped)? {
                Inside::Line(line) => line,
                Inside::Judged(line, verdict) => {
                    judged = Some(verdict);
                    line
                }
            };
        }
        let whole = is_likely_nginx(*format, *taken, fields, line)
            .then(|| {
                nginx::gather_text(line, fields, keys, None).ok().filter(|bag| nginx::is_whole(line, bag))
            })
            .flatten();
        let format = match *format {
            _ if whole.is_some() => Ok(Format::Nginx),
            Format::Auto => recognise(line, fields, buffer, beginning, taken),
            told => Ok(told),
        };
        let read = format.and_then(|format| match format {
            Format::Auto => Err(LineError::new(0, LineErrorKind::UnknownFormat)),
            Format::Exchange => exchange::read_record(line, fields.arrived, attempts, buffer),
            Format::Nginx => match (whole, &fields.log_format) {
                (Some(bag), _) => nginx::exchange(line, &bag, &mut nginx::Facts::default(), attempts),
                (None, Some(log_format)) => log_format.read(line, attempts),
                (None, None) => nginx::read_text(line, fields, keys, attempts),
            },
            Format::NginxJson => nginx::read_json(line, fields, attempts, buffer),
            Format::IngressNginx => nginx::read_ingress(line, attempts),
            Format::Envoy => envoy::read_text(line, Flavour::Envoy),
            Format::Istio => envoy::read_text(line, Flavour::Istio),
            Format::EnvoyJson | Format::IstioJson => envoy::read_json(line, fields, buffer),
            Format::Haproxy => haproxy::read(line, attempts),
            Format::Traefik => traefik::read_json(line, fields, attempts, buffer),
            Format::TraefikClf => traefik::read_clf(line),
            Format::Caddy => caddy::read(line, fields, attempts, buffer),
            Format::Kong => kong::read(line, fields, attempts, buffer),
            Format::Alb => alb::read(line, attempts),
        });
        if read.is_err() {
            beginning.clear();
        }
        match judged {
            Some(judged) => Ok(ParsedLine::Judged(completed(judged, read.ok()))),
            None => read,
        }
    }

    /// Reads `record`, which `object` has taken: like [`read`](Self::read), and faster for some formats.
    pub fn read_record<'a>(
        &'a mut self,
        record: &'a [u8],
        object: &mut RecordParser,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        if wrapped::is_object(record) {
            return self.read(record, attempts);
        }
        let Self { format, taken, fields, buffer, beginning, facts, .. } = self;
        let format = match (*format, object.format()) {
            (Format::Auto, None) => recognise(record, fields, buffer, beginning, taken)?,
            (Format::Auto, Some(known)) => known,
            (told, _) => told,
        };
        object.is_in(format);
        let family = match format {
            Format::EnvoyJson | Format::IstioJson => envoy::Slot::FAMILY,
            Format::NginxJson => nginx::Slot::FAMILY,
            Format::Traefik => traefik::Slot::FAMILY,
            _ => return self.read(record, attempts),
        };
        let Some(bag) = gather(record, object, fields, &family, facts.of) else {
            return self.read(record, attempts);
        };
        facts.of = None;
        let read = match format {
            Format::NginxJson => nginx::exchange(record, &bag, &mut facts.nginx, attempts),
            Format::Traefik => traefik::exchange(record, &bag, attempts),
            _ => envoy::exchange(record, &bag, &mut facts.envoy),
        };
        facts.of = matches!(read, Ok(ParsedLine::Exchange(_))).then_some(object.count);
        read
    }

    /// Reads the line inside of `record` by its parts, if `object`, which has taken it, knows them.
    ///
    /// An error says nothing but that the line must be read as a whole.
    pub fn read_tokens<'a>(
        &'a mut self,
        record: &'a [u8],
        object: &RecordParser,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        if !object.has_tokens() {
            return Err(LineError::new(0, LineErrorKind::UnknownFormat));
        }
        let bag = bag(record, object, &self.fields, self.facts.of);
        let facts = &mut self.facts;
        facts.of = None;
        let read = nginx::exchange(record, &bag, &mut facts.nginx, attempts);
        facts.of = matches!(read, Ok(ParsedLine::Exchange(_))).then_some(object.count);
        read
    }

    /// Finds out the parts of `line`, the one inside of `record`, if lines of its format are read by their parts.
    pub fn tokenize(&mut self, record: &[u8], line: &[u8], object: &mut RecordParser) {
        let Self { format, taken, fields, keys, .. } = self;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let is_nginx = *format == Format::Nginx || is_likely_nginx(*format, *taken, fields, line);
        if !is_nginx || fields.log_format.is_some() || fields.has_keys() || !object.wants_parts() {
            return;
        }
        let mut tokens = Vec::new();
        let bag = nginx::gather_text(line, fields, keys, Some(&mut tokens));
        let first = tokens.iter().find(|token| token.kind == Kind::Bracketed);
        if bag.is_ok_and(|bag| nginx::is_whole(line, &bag))
            && first.is_some_and(|first| first.slot != NOWHERE)
        {
            object.keep_parts(record, line, &tokens);
        }
    }
}

/// Whether the line before was one of nginx and this one begins like none that another reader takes: it need not be
/// recognised, if it turns out to have all that such a line has.
fn is_likely_nginx(format: Format, taken: Option<Format>, fields: &FieldConfig, line: &[u8]) -> bool {
    format == Format::Auto
        && taken == Some(Format::Nginx)
        && fields.log_format.is_none()
        && !matches!(line, [] | [b'{' | b'[' | b'h' | b'w' | b' ' | b'\t', ..])
}

/// `judged` with what only the line beside the verdict says: when the response was complete.
fn completed<'a>(judged: PriorVerdict<'a>, line: Option<ParsedLine<'a>>) -> PriorVerdict<'a> {
    match line {
        Some(ParsedLine::Exchange(exchange)) => PriorVerdict {
            ts: Some(exchange.ts),
            upstream: judged.upstream.or(Some(exchange.upstream)),
            ..judged
        },
        _ => judged,
    }
}

/// The values of an object's members; `None` if they must be read one by one, for their escapes or their keys.
fn gather<'a, 'o>(
    record: &'a [u8],
    object: &'o mut RecordParser,
    fields: &FieldConfig,
    family: &Family,
    known: Option<u32>,
) -> Option<Bag<'a, 'o>> {
    if object.has_verdict() || object.has_tokens() {
        return None;
    }
    if !object.is_placed() {
        let places = places(record, object, fields, family)?;
        object.place(places);
    }
    Some(bag(record, object, fields, known))
}

/// The values of an object; `known` says which object's are known.
fn bag<'a, 'o>(
    record: &'a [u8],
    object: &'o RecordParser,
    fields: &FieldConfig,
    known: Option<u32>,
) -> Bag<'a, 'o> {
    let is_next = known.is_some_and(|known| known.wrapping_add(1) == object.count);
    let same = if is_next { !object.fresh() } else { 0 };
    Bag::of(object.values(record), same, fields.arrived)
}

/// Finds out what the keys of `object` mean, and where the value of each slot stands; `None` if a key or a value must be
/// decoded for it.
#[cold]
fn places(record: &[u8], object: &mut RecordParser, fields: &FieldConfig, family: &Family) -> Option<Places> {
    let (mut places, mut pinned) = (Places::default(), 0_u32);
    for number in 0..object.members()? {
        let member = object.member(record, number)?;
        let key = core::str::from_utf8(member.key).ok().filter(|key| !key.contains('\\'))?;
        let named = fields.slot(family, key);
        let slot = named.or_else(|| (family.of_key)(key)).map_or(NOWHERE, |slot| slot as u8);
        object.assign(number, slot);
        if slot == NOWHERE || named.is_none() && pinned & 1 << slot != 0 {
            continue;
        }
        match member.kind {
            Kind::Escaped => return None,
            Kind::Literal if family.null_is_none && member.value == b"null" => places.put_null(slot),
            Kind::Literal | Kind::Nested => continue,
            _ => places.put(slot, number),
        }
        pinned |= u32::from(named.is_some()) << slot;
    }
    Some(places)
}

/// The format of `line`.
///
/// A line that looks like nothing is taken for one of those before it, so that its error says what is wrong.
fn recognise(
    line: &[u8],
    fields: &FieldConfig,
    buffer: &mut Vec<u8>,
    beginning: &mut Vec<u8>,
    taken: &mut Option<Format>,
) -> Result<Format, LineError> {
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::Empty));
    }
    if fields.log_format.is_some() {
        return Ok(Format::Nginx);
    }
    let start = line.get(..LONGEST_BEGINNING).unwrap_or(line);
    let start = start.iter().position(|byte| *byte == b':').and_then(|colon| start.get(..colon));
    let json = line.starts_with(b"{");
    if !(json && start.is_some_and(|start| start == beginning.as_slice()))
        && let Some(format) = auto::recognise(line, buffer)
    {
        *taken = Some(format);
        beginning.clear();
        if json {
            beginning.extend_from_slice(start.unwrap_or_default());
        }
    }
    taken.ok_or_else(|| LineError::new(0, LineErrorKind::UnknownFormat))
}

#[cfg(test)]
mod tests;
