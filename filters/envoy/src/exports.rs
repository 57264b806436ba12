//! The callbacks that this module exports. Envoy calls every callback that is exported, so unused ones are left out.

use crate::dispatcher;
use crate::host::{Hostcalls, arena};

/// Declares the version of the ABI.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Allocates memory for bytes that the host returns.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    arena::allocate(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context_id: u32, parent_context_id: u32) {
    dispatcher::with((), |dispatcher| dispatcher.on_create_context(context_id, parent_context_id));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context_id: u32, size: usize) -> bool {
    callback(false, |hostcalls| {
        dispatcher::with(false, |dispatcher| dispatcher.on_configure(hostcalls, context_id, size))
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(context_id: u32) {
    callback((), |hostcalls| dispatcher::with((), |dispatcher| dispatcher.on_tick(hostcalls, context_id)));
}

/// Returns 0, `Action::Continue`.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context_id: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    callback((), |hostcalls| {
        dispatcher::with((), |dispatcher| dispatcher.on_http_request_headers(hostcalls, context_id));
    });
    0
}

/// Returns 0, `Action::Continue`.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context_id: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    callback((), |hostcalls| {
        dispatcher::with((), |dispatcher| dispatcher.on_http_response_headers(hostcalls, context_id));
    });
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context_id: u32) {
    callback((), |hostcalls| dispatcher::with((), |dispatcher| dispatcher.on_log(hostcalls, context_id)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    context_id: u32,
    token_id: u32,
    _headers: u32,
    body_size: usize,
    _trailers: u32,
) {
    callback((), |hostcalls| {
        dispatcher::with((), |dispatcher| {
            dispatcher.on_http_call_response(hostcalls, context_id, token_id, body_size);
        });
    });
}

/// Returns true: the context may be deleted at once.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context_id: u32) -> bool {
    callback((), |hostcalls| dispatcher::with((), |dispatcher| dispatcher.on_done(hostcalls, context_id)));
    true
}

/// Runs a callback, or returns `fallback` if another one is still running.
fn callback<R>(fallback: R, body: impl FnOnce(&Hostcalls) -> R) -> R {
    match Hostcalls::begin() {
        Some(hostcalls) => body(&hostcalls),
        None => fallback,
    }
}
