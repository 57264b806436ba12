//! The structures of the interface.

use core::ffi::{c_char, c_void};
use core::mem::offset_of;

/// An object of Envoy's, or one of ours in Envoy's hands.
pub(super) type Pointer = *mut c_void;

/// Text that either side lends.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Buffer {
    pointer: *const c_char,
    length: usize,
}

impl Buffer {
    /// Returns the buffer of no text, for Envoy to write to.
    pub(super) const EMPTY: Self = Self { pointer: core::ptr::null(), length: 0 };

    /// Lends bytes to Envoy for one call.
    pub(super) const fn of(bytes: &[u8]) -> Self {
        Self { pointer: bytes.as_ptr().cast(), length: bytes.len() }
    }

    /// Returns the bytes that Envoy lends.
    ///
    /// # Safety
    ///
    /// The buffer must be one that Envoy wrote, and the bytes must stay until `'a` ends.
    pub(super) const unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: the caller vouches for pointer, length and lifetime.
        unsafe { array(self.pointer.cast(), self.length) }
    }
}

/// Returns the values of an array that Envoy lends.
///
/// # Safety
///
/// The array must be one that Envoy passes, and stay until `'a` ends.
pub(super) const unsafe fn array<'a, T>(pointer: *const T, length: usize) -> &'a [T] {
    if pointer.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for pointer, length and lifetime.
    unsafe { core::slice::from_raw_parts(pointer, length) }
}

/// A header that either side lends.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Header {
    pub(super) name: Buffer,
    pub(super) value: Buffer,
}

/// The times of an exchange in the second version of the structure, in nanoseconds, each with a mark that it is known.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Timing {
    nanoseconds: [i64; 19],
    is_known: [bool; 19],
}

const _: () = assert!(size_of::<Timing>() == 176 && offset_of!(Timing, is_known) == 152);

/// The place of a time in [`Timing`].
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(super) enum Time {
    /// The arrival of the request; the only time that is one since the Unix epoch.
    Start = 0,
    /// The first byte of the request that the upstream got.
    FirstUpstreamSent = 9,
    /// The last byte of the response that the upstream sent.
    LastUpstreamReceived = 13,
    /// The last byte of the response that the client got.
    RequestComplete = 17,
}

impl Timing {
    /// Returns times that are not known, for Envoy to write to.
    pub(super) const UNKNOWN: Self = Self { nanoseconds: [0; 19], is_known: [false; 19] };

    /// Returns a time, in nanoseconds since the request arrived.
    pub(super) fn get(&self, time: Time) -> Option<u64> {
        let is_known = self.is_known.get(time as usize).copied().unwrap_or(false);
        let value = self.nanoseconds.get(time as usize).filter(|_| is_known)?;
        u64::try_from(*value).ok()
    }
}

/// The times of an exchange in the first version of the structure: nanoseconds, -1 for what is not known.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct LoggedTiming {
    pub(super) start_unix: i64,
    pub(super) request_complete: i64,
    pub(super) first_upstream_sent: i64,
    pub(super) last_upstream_sent: i64,
    pub(super) first_upstream_received: i64,
    pub(super) last_upstream_received: i64,
    pub(super) first_downstream_sent: i64,
    pub(super) last_downstream_sent: i64,
}

impl LoggedTiming {
    /// Returns times that are not known, for Envoy to write to.
    pub(super) const UNKNOWN: Self = Self {
        start_unix: -1,
        request_complete: -1,
        first_upstream_sent: -1,
        last_upstream_sent: -1,
        first_upstream_received: -1,
        last_upstream_received: -1,
        first_downstream_sent: -1,
        last_downstream_sent: -1,
    };
}

/// Numbers of attributes.
pub(super) mod attribute {
    pub(in super::super) const RESPONSE_CODE: u32 = 15;
    pub(in super::super) const RESPONSE_CODE_DETAILS: u32 = 16;
    pub(in super::super) const RESPONSE_FLAGS: u32 = 17;
    pub(in super::super) const RESPONSE_SIZE: u32 = 21;
    pub(in super::super) const UPSTREAM_ADDRESS: u32 = 41;
    pub(in super::super) const TRANSPORT_FAILURE_REASON: u32 = 52;
    pub(in super::super) const REQUEST_ATTEMPT_COUNT: u32 = 53;
    pub(in super::super) const ROUTE_NAME: u32 = 61;
}

/// Numbers of metadata sources.
pub(super) mod source {
    pub(in super::super) const ROUTE: u32 = 1;
    pub(in super::super) const HOST: u32 = 3;
    pub(in super::super) const HOST_LOCALITY: u32 = 4;
}
