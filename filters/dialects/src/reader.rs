//! Reads line after line of one source.

use crate::envoy::Flavour;
use crate::error::{LineError, Problem};
use crate::wrapped::{self, Inside};
use crate::{
    Attempts, Fields, Format, Judged, Line, alb, auto, caddy, envoy, exchange, haproxy, kong, nginx, traefik,
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
    fields: Fields,
    buffer: Vec<u8>,
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
        let Self { format, taken, fields, buffer, beginning, unwrapped } = self;
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
        let format = match *format {
            Format::Auto => recognise(line, fields, buffer, beginning, taken),
            told => Ok(told),
        };
        let read = format.and_then(|format| match format {
            Format::Auto => Err(LineError::new(0, Problem::UnknownDialect)),
            Format::Exchange => exchange::read_record(line, fields.arrived, attempts, buffer),
            Format::Nginx => match &fields.log_format {
                Some(log_format) => log_format.read(line, attempts),
                None => nginx::read_text(line, fields, attempts),
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
