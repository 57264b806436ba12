//! The query for the attributes of an exchange: the properties that are not headers.
//!
//! For every result the host calls back into the module to allocate memory. Envoy can evaluate a CEL expression, and the
//! expression can be a list, so one result holds all attributes of an exchange; it costs as much as six of them read one by one. The
//! expression fails as a whole if an attribute
//! is missing (no upstream was selected, no host was found), and it cannot be created if Envoy was built without CEL. In both
//! cases the attributes are read one by one, the cluster first.

use crate::headers::Headers;
use crate::host::Envoy;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::Status;
use nearmiss::{Flags, Micros};
use nearmiss_envoy_config::Mode;
use nearmiss_envoy_exchange::attributes::{self, Attributes, cluster_name};
use nearmiss_envoy_exchange::values::text;

/// A prepared query for the attributes that a mode needs.
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

/// The attributes of `Mode::Full`, in the order in which [`from_full`] reads them.
const FULL: &str = "[xds.cluster_name, xds.route_name, upstream.address, upstream.request_attempt_count, \
    response.flags, request.duration]";

/// The attributes of `Mode::Lean`, in the order in which [`from_lean`] reads them.
const LEAN: &str =
    "[xds.cluster_name, upstream.request_attempt_count, response.flags, request.duration, response.code]";

impl Query {
    /// Prepares a query. It is valid only in the root context in which it is prepared.
    pub(crate) fn prepare(hostcalls: &Hostcalls, mode: Mode) -> Self {
        let text = match mode {
            Mode::Full => FULL,
            Mode::Lean => LEAN,
        };
        Self { mode, expression: create_expression(hostcalls, text) }
    }

    /// Reads the attributes of the exchange that has just ended.
    pub(crate) fn read<'a>(&self, hostcalls: &'a Hostcalls) -> Attributes<'a> {
        let list =
            self.expression.ok_or(Status::NotFound).and_then(|expression| evaluate(hostcalls, expression));
        let attributes = list.ok().and_then(|items| match self.mode {
            Mode::Full => from_full(items),
            Mode::Lean => from_lean(items),
        });
        attributes.unwrap_or_else(|| self.read_one_by_one(hostcalls))
    }

    fn read_one_by_one<'a>(&self, hostcalls: &'a Hostcalls) -> Attributes<'a> {
        let cluster = hostcalls.get_property(CLUSTER).map(text).map(cluster_name).unwrap_or_default();
        let attributes = Attributes {
            cluster,
            duration: duration(hostcalls.get_property(DURATION))
                .or_else(|| age(hostcalls))
                .unwrap_or_default(),
            ..Attributes::default()
        };
        if cluster.is_empty() {
            return read_unrouted(hostcalls, attributes);
        }
        let attributes = Attributes { attempts: attempts(hostcalls.get_property(ATTEMPTS)), ..attributes };
        match self.mode {
            Mode::Full => self.read_rest_of_full(hostcalls, attributes),
            Mode::Lean => read_rest_of_lean(hostcalls, attributes),
        }
    }

    fn read_rest_of_full<'a>(&self, hostcalls: &'a Hostcalls, attributes: Attributes<'a>) -> Attributes<'a> {
        let flags = flags(hostcalls.get_property(FLAGS));
        // Without CEL the route is not worth a hostcall for an exchange in which nothing went wrong.
        let is_plain = flags.is_empty() && attributes.attempts == Some(1);
        let reads_route = self.expression.is_some() || !is_plain;
        Attributes {
            route: if reads_route { name(hostcalls.get_property(ROUTE)) } else { None },
            host: name(hostcalls.get_property(HOST)),
            flags,
            ..attributes
        }
    }
}

/// Creates a CEL expression and returns its token; `None` if Envoy was built without CEL.
fn create_expression(hostcalls: &Hostcalls, text: &str) -> Option<u32> {
    let token = hostcalls.call_foreign_function("expr_create", Some(text.as_bytes())).ok()?;
    token.try_into().ok().map(u32::from_le_bytes)
}

/// Evaluates an expression and returns the items of its list.
fn evaluate(hostcalls: &Hostcalls, expression: u32) -> Result<impl Iterator<Item = &[u8]>, Status> {
    let list = hostcalls.call_foreign_function("expr_evaluate", Some(&expression.to_le_bytes()))?;
    Ok(Headers::new(list).map(|(item, _)| item))
}

/// Reads the flags of an exchange without a cluster, and its status if the cluster does not exist.
fn read_unrouted<'a>(hostcalls: &'a Hostcalls, attributes: Attributes<'a>) -> Attributes<'a> {
    let flags = flags(hostcalls.get_property(FLAGS));
    let status = flags.any(Flags::NC).then(|| read_status(hostcalls)).flatten();
    Attributes { flags, status, ..attributes }
}

/// Reads the status of the response.
fn read_status(hostcalls: &Hostcalls) -> Option<u16> {
    attributes::status(&Envoy::new(hostcalls))
}

fn read_rest_of_lean<'a>(hostcalls: &'a Hostcalls, attributes: Attributes<'a>) -> Attributes<'a> {
    let status = read_status(hostcalls);
    // The flags are not worth a hostcall for an exchange that succeeded.
    let reads_flags = status.is_none_or(nearmiss::is_error);
    Attributes {
        flags: if reads_flags { flags(hostcalls.get_property(FLAGS)) } else { Flags::default() },
        status,
        ..attributes
    }
}

fn from_full<'a>(mut items: impl Iterator<Item = &'a [u8]>) -> Option<Attributes<'a>> {
    Some(Attributes {
        cluster: cluster_name(text(items.next()?)),
        route: name(items.next().ok_or(Status::NotFound)),
        host: name(items.next().ok_or(Status::NotFound)),
        attempts: attempts(items.next().ok_or(Status::NotFound)),
        flags: flags(items.next().ok_or(Status::NotFound)),
        duration: duration(Ok(items.next()?)).unwrap_or_default(),
        status: None,
    })
}

fn from_lean<'a>(mut items: impl Iterator<Item = &'a [u8]>) -> Option<Attributes<'a>> {
    Some(Attributes {
        cluster: cluster_name(text(items.next()?)),
        attempts: attempts(items.next().ok_or(Status::NotFound)),
        flags: flags(items.next().ok_or(Status::NotFound)),
        duration: duration(items.next().ok_or(Status::NotFound)).unwrap_or_default(),
        status: integer(Ok(items.next()?)).and_then(|status| u16::try_from(status).ok()),
        ..Attributes::default()
    })
}

/// Returns the time since the request arrived; over HTTP/3 the duration is unknown when the filter ends.
fn age(hostcalls: &Hostcalls) -> Option<Micros> {
    let started = integer(hostcalls.get_property("request\0time"))?;
    let now = hostcalls.get_current_time().ok()?;
    Some(Micros::new(now.saturating_sub(started) / 1_000))
}

/// Returns a name; `None` if it is empty.
pub(crate) fn name(value: Result<&[u8], Status>) -> Option<&str> {
    value.ok().map(text).filter(|name| !name.is_empty())
}

/// Reads an integer, which properties encode in eight bytes.
fn integer(value: Result<&[u8], Status>) -> Option<u64> {
    value.ok()?.try_into().ok().map(u64::from_le_bytes)
}

fn duration(value: Result<&[u8], Status>) -> Option<Micros> {
    attributes::duration(integer(value))
}

fn attempts(value: Result<&[u8], Status>) -> Option<u32> {
    attributes::plausible_attempts(integer(value))
}

fn flags(value: Result<&[u8], Status>) -> Flags {
    Flags::from_bits(integer(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_too_short_is_rejected() {
        assert!(from_full([&b"cart"[..], b"r"].into_iter()).is_none());
        assert!(from_lean([&b"cart"[..]].into_iter()).is_none());
    }

    #[test]
    fn a_list_is_read_in_order() {
        let (one, none, ms) = (1u64.to_le_bytes(), 0u64.to_le_bytes(), 5_000_000u64.to_le_bytes());
        let items = [&b"cart"[..], b"", b"10.0.0.1:80", &one, &none, &ms];
        let attributes = from_full(items.into_iter()).unwrap();
        assert_eq!((attributes.cluster, attributes.route, attributes.attempts), ("cart", None, Some(1)));
        assert_eq!((attributes.host, attributes.duration), (Some("10.0.0.1:80"), Micros::from_millis(5)));
    }
}
