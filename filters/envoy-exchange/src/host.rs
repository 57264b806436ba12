//! The host: what an adapter lends of Envoy while one exchange, or one attempt, is read.

use nearmiss::Timestamp;

/// Envoy, as one of its interfaces shows it. What is lent is valid as long as the value that it was read with.
///
/// Nothing fails: what Envoy does not answer is `None`.
pub trait Host {
    /// The pairs of a header map, in order.
    type Headers<'a>: Iterator<Item = (&'a [u8], &'a [u8])>
    where
        Self: 'a;

    /// Returns the current time.
    fn now(&self) -> Option<Timestamp>;

    /// Returns the bytes of a text.
    fn text(&self, text: Text) -> Option<&[u8]>;

    /// Returns a number.
    fn number(&self, number: Number) -> Option<u64>;

    /// Returns all headers of a map.
    fn headers(&self, map: Map) -> Option<Self::Headers<'_>>;

    /// Returns the value of one header.
    fn header(&self, map: Map, name: &str) -> Option<&[u8]>;

    /// Returns what `read` makes of a value that users put into metadata: text, or a float in eight bytes, the smallest first.
    fn metadata<R>(&self, metadata: Metadata, read: impl FnOnce(&[u8]) -> R) -> Option<R>;

    /// Returns a value in the filter state of the exchange.
    fn filter_state(&self, state: State) -> Option<&[u8]>;

    /// Sets a value in the filter state of the exchange.
    fn set_filter_state(&self, state: State, value: &[u8]);

    /// Writes a warning to Envoy's log.
    fn warn(&self, message: &str);
}

/// A text about the exchange or attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Text {
    /// The cluster.
    Cluster,
    /// The host of the newest attempt.
    UpstreamAddress,
    /// The reason why the connection of the newest attempt failed.
    TransportFailure,
    /// The details of the response code.
    CodeDetails,
}

/// A number about the exchange or attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Number {
    /// The number of attempts.
    Attempts,
    /// Response flags.
    Flags,
    /// The status of the response.
    Status,
    /// The size of the response, in bytes.
    ResponseSize,
    /// The time from the first byte of the request that the last host got to the last byte of its response, in nanoseconds.
    BackendLatency,
}

/// A header map.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Map {
    /// The request headers.
    Request,
    /// The response headers.
    Response,
    /// The response trailers.
    ResponseTrailers,
}

/// A value that users put into metadata, under the filter `nearmiss`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metadata {
    /// `tier` of the upstream host.
    HostTier,
    /// `tier` of the upstream host's locality.
    LocalityTier,
    /// `max_attempts` of the route.
    MaxAttempts,
}

/// An entry of the filter state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// The final verdict, for access logs.
    Annotation,
    /// The attempts that have ended.
    Attempts,
    /// The mark of an exchange that an HTTP filter observes.
    Seen,
}
