//! What the host knows of an exchange beside its headers.
//!
//! Each answer of the host costs a call back into the module for memory. Envoy can evaluate an expression, and an expression
//! can be a list: so all attributes of an exchange come in one answer, for what six of them would cost one by one. Where an
//! attribute is missing (no upstream was chosen, no host was found) the expression fails as a whole, and where Envoy was built
//! without the language there is none: then they are asked for one by one, the cluster first.

use crate::headers::{Headers, text};
use crate::host::{Answer, Call, Silence};
use nearmiss::config::Mode;
use nearmiss::{Flags, Micros};

/// What the host knows of an exchange when it is over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes<'a> {
    /// The cluster that was chosen; empty if none was.
    pub(crate) cluster: &'a str,
    /// The route's name; nothing if it has none.
    pub(crate) route: Option<&'a str>,
    /// The host of the last attempt.
    pub(crate) host: Option<&'a str>,
    /// How many attempts were made.
    pub(crate) attempts: Option<u32>,
    /// Response flags.
    pub(crate) flags: Flags,
    /// From the first byte of the request to the last of the response.
    pub(crate) duration: Micros,
    /// Status, only where it is cheaper to read here than with the headers.
    pub(crate) status: Option<u16>,
}

/// How attributes are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    mode: Mode,
    expression: Option<u32>,
}

const CLUSTER: &str = "xds\0cluster_name";
const ROUTE: &str = "xds\0route_name";
const HOST: &str = "upstream\0address";
const ATTEMPTS: &str = "upstream\0request_attempt_count";
const FLAGS: &str = "response\0flags";
const DURATION: &str = "request\0duration";
const STATUS: &str = "response\0code";

/// The attributes of `Mode::Full`, in the order in which [`full`] takes them.
const FULL: &str = "[xds.cluster_name, xds.route_name, upstream.address, upstream.request_attempt_count, \
    response.flags, request.duration]";

/// The attributes of `Mode::Lean`, in the order in which [`lean`] takes them.
const LEAN: &str =
    "[xds.cluster_name, upstream.request_attempt_count, response.flags, request.duration, response.code]";

impl Query {
    /// Prepares to ask for what `mode` needs; belongs to the root context it is called in.
    pub(crate) fn prepare(call: &Call, mode: Mode) -> Self {
        let text = match mode {
            Mode::Full => FULL,
            Mode::Lean => LEAN,
        };
        Self { mode, expression: expression(call, text) }
    }

    /// The attributes of the exchange that has just ended.
    pub(crate) fn read<'a>(&self, call: &'a Call) -> Attributes<'a> {
        let listed = self.expression.ok_or(Silence).and_then(|expression| evaluate(call, expression));
        let attributes = listed.ok().and_then(|items| match self.mode {
            Mode::Full => full(items),
            Mode::Lean => lean(items),
        });
        attributes.unwrap_or_else(|| self.one_by_one(call))
    }

    fn one_by_one<'a>(&self, call: &'a Call) -> Attributes<'a> {
        let cluster = call.property(CLUSTER).map(text).unwrap_or_default();
        let attributes =
            Attributes { cluster, duration: duration(call.property(DURATION)), ..Attributes::default() };
        if cluster.is_empty() {
            return attributes;
        }
        let attributes = Attributes { attempts: attempts(call.property(ATTEMPTS)), ..attributes };
        match self.mode {
            Mode::Full => self.rest_of_full(call, attributes),
            Mode::Lean => rest_of_lean(call, attributes),
        }
    }

    fn rest_of_full<'a>(&self, call: &'a Call, attributes: Attributes<'a>) -> Attributes<'a> {
        let flags = flags(call.property(FLAGS));
        // Without the language this would be one answer too many for an exchange in which nothing happened.
        let is_plain = flags.is_empty() && attributes.attempts == Some(1);
        let affordable = self.expression.is_some() || !is_plain;
        Attributes {
            route: if affordable { name(call.property(ROUTE)) } else { None },
            host: name(call.property(HOST)),
            flags,
            ..attributes
        }
    }
}

/// Prepares an expression; nothing where the host does not know the language.
fn expression(call: &Call, text: &str) -> Option<u32> {
    let token = call.foreign("expr_create", text.as_bytes()).ok()?;
    token.try_into().ok().map(u32::from_le_bytes)
}

/// The items of a list that was prepared.
fn evaluate(call: &Call, expression: u32) -> Answer<impl Iterator<Item = &[u8]>> {
    let list = call.foreign("expr_evaluate", &expression.to_le_bytes())?;
    Ok(Headers::new(list).map(|(item, _)| item))
}

fn rest_of_lean<'a>(call: &'a Call, attributes: Attributes<'a>) -> Attributes<'a> {
    let status = integer(call.property(STATUS)).and_then(|status| u16::try_from(status).ok());
    // An answer too many for an exchange that ended well.
    let affordable = status.is_none_or(nearmiss::exchange::is_error);
    Attributes {
        flags: if affordable { flags(call.property(FLAGS)) } else { Flags::default() },
        status,
        ..attributes
    }
}

fn full<'a>(mut items: impl Iterator<Item = &'a [u8]>) -> Option<Attributes<'a>> {
    Some(Attributes {
        cluster: text(items.next()?),
        route: name(items.next().ok_or(Silence)),
        host: name(items.next().ok_or(Silence)),
        attempts: attempts(items.next().ok_or(Silence)),
        flags: flags(items.next().ok_or(Silence)),
        duration: duration(Ok(items.next()?)),
        status: None,
    })
}

fn lean<'a>(mut items: impl Iterator<Item = &'a [u8]>) -> Option<Attributes<'a>> {
    Some(Attributes {
        cluster: text(items.next()?),
        attempts: attempts(items.next().ok_or(Silence)),
        flags: flags(items.next().ok_or(Silence)),
        duration: duration(items.next().ok_or(Silence)),
        status: integer(Ok(items.next()?)).and_then(|status| u16::try_from(status).ok()),
        ..Attributes::default()
    })
}

/// A name that is there and not empty.
pub(crate) fn name(value: Answer<&[u8]>) -> Option<&str> {
    value.ok().map(text).filter(|name| !name.is_empty())
}

/// An integer as properties have them: eight bytes.
pub(crate) fn integer(value: Answer<&[u8]>) -> Option<u64> {
    value.ok()?.try_into().ok().map(u64::from_le_bytes)
}

/// Nanoseconds as a span; a negative one is none.
pub(crate) fn span(value: Answer<&[u8]>) -> Option<Micros> {
    let nanoseconds = integer(value).and_then(|value| i64::try_from(value).ok())?;
    Some(Micros::new(nanoseconds.unsigned_abs() / 1_000))
}

/// An attempt count; one that cannot be is unknown.
pub(crate) fn attempts(value: Answer<&[u8]>) -> Option<u32> {
    integer(value).and_then(|count| u32::try_from(count).ok()).filter(|count| *count <= MAX_ATTEMPTS)
}

/// Nobody makes more attempts at one exchange; a number above it is not a count.
const MAX_ATTEMPTS: u32 = 100_000;

fn flags(value: Answer<&[u8]>) -> Flags {
    Flags::from_bits(integer(value).unwrap_or_default())
}

fn duration(value: Answer<&[u8]>) -> Micros {
    span(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_cannot_be_is_unknown() {
        assert_eq!(attempts(Ok(&3u64.to_le_bytes())), Some(3));
        assert_eq!(attempts(Ok(&0u64.to_le_bytes())), Some(0));
        for odd in [(-1i64).to_le_bytes(), 1_000_000_000_000i64.to_le_bytes()] {
            assert_eq!(attempts(Ok(&odd)), None);
        }
        assert_eq!(attempts(Ok(b"abc")), None);
        assert_eq!(attempts(Err(Silence)), None);
    }

    #[test]
    fn a_list_that_is_too_short_is_none_at_all() {
        assert!(full([&b"cart"[..], b"r"].into_iter()).is_none());
        assert!(lean([&b"cart"[..]].into_iter()).is_none());
    }

    #[test]
    fn a_list_is_read_in_order() {
        let (one, none, ms) = (1u64.to_le_bytes(), 0u64.to_le_bytes(), 5_000_000u64.to_le_bytes());
        let items = [&b"cart"[..], b"", b"10.0.0.1:80", &one, &none, &ms];
        let attributes = full(items.into_iter()).unwrap();
        assert_eq!((attributes.cluster, attributes.route, attributes.attempts), ("cart", None, Some(1)));
        assert_eq!((attributes.host, attributes.duration), (Some("10.0.0.1:80"), Micros::from_millis(5)));
    }
}
