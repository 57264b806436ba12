//! The response to an HTTP call, as Envoy lends it.

use super::types::{Buffer, Header};
use nearmiss_envoy_exchange::outlet::CallResponse;

/// The response whose hook runs; empty if the call has failed.
#[derive(Debug)]
pub(super) struct Response<'a> {
    headers: &'a [Header],
    /// The first piece of the body: Envoy keeps bodies in pieces of 16 KiB and more.
    body: Option<&'a Buffer>,
}

impl<'a> Response<'a> {
    /// Takes the arrays that Envoy lends.
    ///
    /// # Safety
    ///
    /// Both must be Envoy's, and valid for `'a`, with all that they point to.
    pub(super) const unsafe fn new(headers: &'a [Header], pieces: &'a [Buffer]) -> Self {
        Self { headers, body: pieces.first() }
    }
}

impl CallResponse for Response<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        // SAFETY: the caller of `new` vouches for the headers.
        let mut pairs =
            self.headers.iter().map(|header| unsafe { (header.name.bytes(), header.value.bytes()) });
        pairs.find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    fn body(&self, max: usize) -> Option<&[u8]> {
        // SAFETY: the caller of `new` vouches for the body.
        let body = self.body.map(|body| unsafe { body.bytes() })?;
        Some(body.get(..max).unwrap_or(body))
    }
}
