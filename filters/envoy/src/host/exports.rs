//! The callbacks that the host may call, and no more: Envoy calls every one that is exported.

use super::Call;
use super::arena;
use crate::module;

/// Tells the host which ABI this module speaks.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory for an answer of the host.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    arena::cut(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    module::with((), |module| module.create(context, parent));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> bool {
    during(false, |call| module::with(false, |module| module.configure(call, root, size)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    during((), |call| module::with((), |module| module.tick(call, root)));
}

/// 0 lets the exchange go on.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    during((), |call| module::with((), |module| module.request(call, context)));
    0
}

/// 0 lets the exchange go on.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    during((), |call| module::with((), |module| module.response(call, context)));
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    during((), |call| module::with((), |module| module.log(call, context)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(root: u32, token: u32, _headers: u32, size: usize, _trailers: u32) {
    during((), |call| module::with((), |module| module.answered(call, root, token, size)));
}

/// True: nothing is left to wait for.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> bool {
    during((), |call| module::with((), |module| module.done(call, context)));
    true
}

/// Runs a callback, unless one is under way.
fn during<R>(otherwise: R, body: impl FnOnce(&Call) -> R) -> R {
    match Call::begin() {
        Some(call) => body(&call),
        None => otherwise,
    }
}
