//! Reads line after line of one source.

use crate::bag::{Bag, Family};
use crate::envoy::Flavour;
use crate::error::{LineError, Problem};
use crate::object::{Kind, Object, UNKNOWN};
use crate::wrapped::{self, Inside};
use crate::{
    Attempts, Fields, Format, Judged, Line, alb, auto, caddy, envoy, exchange, haproxy, kong, nginx, traefik,
};
use alloc::vec::Vec;
use nearmiss::units::Timestamp;

/// The longest beginning of a JSON line by which its format is known again, in bytes.
const LONGEST_BEGINNING: usize = 40;

/// The slot of a key that says nothing.
const NOWHERE: u8 = UNKNOWN - 1;

/// Reads the lines of one source, whose format is told or found out.
#[derive(Debug, Default)]
pub struct Reader {
    format: Format,
    /// What the lines turned out to be, where the format is [`Format::Auto`].
    taken: Option<Format>,
    /// How the last JSON line began, up to its first colon: another that begins so is in the same format.
    beginning: Vec<u8>,
    fields: Fields,
    buffer: Vec<u8>,
    keys: nginx::Keys,
    /// The line inside a wrapping.
    unwrapped: Vec<u8>,
}

impl Reader {
    /// A reader of lines in `format`.
    pub fn new(format: Format) -> Self {
        Self { format, ..Self::default() }
    }

    /// Looks for the keys that `fields` names first, and reads nginx's lines after its `log_format`.
    #[must_use]
    pub fn with_fields(mut self, fields: Fields) -> Self {
        self.fields = fields;
        self
    }

    /// Says when the next lines come through a pipeline: their time where they have none of their own.
    pub fn arrived(&mut self, at: Option<Timestamp>) {
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
    ) -> Result<Line<'a>, LineError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut line = wrapped::without_prefix(line);
        let Self { format, taken, fields, buffer, keys, beginning, unwrapped } = self;
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
            .then(|| nginx::gather_text(line, fields, keys).ok().filter(|bag| nginx::is_whole(line, bag)))
            .flatten();
        let format = match *format {
            _ if whole.is_some() => Ok(Format::Nginx),
            Format::Auto => recognise(line, fields, buffer, beginning, taken),
            told => Ok(told),
        };
        let read = format.and_then(|format| match format {
            Format::Auto => Err(LineError::new(0, Problem::UnknownDialect)),
            Format::Exchange => exchange::read_record(line, fields.arrived, attempts, buffer),
            Format::Nginx => match (whole, &fields.log_format) {
                (Some(bag), _) => nginx::exchange(line, &bag, attempts),
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
            Some(judged) => Ok(Line::Judged(completed(judged, read.ok()))),
            None => read,
        }
    }

    /// Reads `record`, which `object` has taken: like [`read`](Self::read), and faster for some formats.
    pub fn read_object<'a>(
        &'a mut self,
        record: &'a [u8],
        object: &mut Object,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<Line<'a>, LineError> {
        if wrapped::is_object(record) {
            return self.read(record, attempts);
        }
        let Self { format, taken, fields, buffer, beginning, .. } = self;
        let format = match (*format, object.format) {
            (Format::Auto, None) => recognise(record, fields, buffer, beginning, taken)?,
            (Format::Auto, Some(known)) => known,
            (told, _) => told,
        };
        object.format = Some(format);
        let bag = match format {
            Format::EnvoyJson | Format::IstioJson => gather::<envoy::Slot>(record, object, fields),
            Format::NginxJson => gather::<nginx::Slot>(record, object, fields),
            _ => None,
        };
        match bag {
            Some(bag) if format == Format::NginxJson => nginx::exchange(record, &bag, attempts),
            Some(bag) => envoy::exchange(record, &bag),
            None => self.read(record, attempts),
        }
    }
}

/// Whether the line before was one of nginx and this one begins like none that another reader takes: it need not be
/// recognised, if it turns out to have all that such a line has.
fn is_likely_nginx(format: Format, taken: Option<Format>, fields: &Fields, line: &[u8]) -> bool {
    format == Format::Auto
        && taken == Some(Format::Nginx)
        && fields.log_format.is_none()
        && !matches!(line, [] | [b'{' | b'[' | b'h' | b'w' | b' ' | b'\t', ..])
}

/// `judged` with what only the line beside the verdict says: when the response was complete.
fn completed<'a>(judged: Judged<'a>, line: Option<Line<'a>>) -> Judged<'a> {
    match line {
        Some(Line::Exchange(exchange)) => {
            Judged { ts: Some(exchange.ts), upstream: judged.upstream.or(Some(exchange.upstream)), ..judged }
        }
        _ => judged,
    }
}

/// The values of an object's members; `None` if they must be read one by one, for their escapes or their keys.
fn gather<'a, F: Family>(record: &'a [u8], object: &mut Object, fields: &Fields) -> Option<Bag<'a>> {
    if object.is_judged() || fields.has_keys() {
        return None;
    }
    let mut bag = fields.bag();
    let mut is_new = false;
    for member in object.members()? {
        if member.slot == UNKNOWN {
            is_new = true;
            let key = core::str::from_utf8(member.key(record)).ok()?;
            member.slot = F::of_key(key).map_or(NOWHERE, |slot| slot as u8);
        }
        if member.slot == NOWHERE {
            continue;
        }
        let value = member.value(record);
        match (member.kind, value) {
            (Kind::Escaped, _) => return None,
            (Kind::Text, _) | (Kind::Bare, [b'-' | b'0'..=b'9', ..]) => bag.set(member.slot.into(), value),
            (Kind::Bare, b"null") if F::NULL_IS_NONE => bag.set(member.slot.into(), b"-"),
            (Kind::Bare | Kind::Nested, _) => {}
        }
    }
    if is_new {
        object.keep_slots();
    }
    Some(bag)
}

/// The format of `line`.
///
/// A line that looks like nothing is taken for one of those before it, so that its error says what is wrong.
fn recognise(
    line: &[u8],
    fields: &Fields,
    buffer: &mut Vec<u8>,
    beginning: &mut Vec<u8>,
    taken: &mut Option<Format>,
) -> Result<Format, LineError> {
    if line.is_empty() {
        return Err(LineError::new(0, Problem::Empty));
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
    taken.ok_or_else(|| LineError::new(0, Problem::UnknownDialect))
}

#[cfg(test)]
mod tests;
