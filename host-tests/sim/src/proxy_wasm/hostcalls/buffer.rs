//! Buffers: configurations, and the bodies of responses to HTTP calls.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::Status;
use super::super::abi::{HTTP_CALL_RESPONSE_BODY, PLUGIN_CONFIGURATION, VM_CONFIGURATION};
use super::super::vm_state::VmState;
use super::guest::{call, return_bytes};

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut guest: Caller<'_, VmState>, kind: u32, start: u32, length: u32, data: u32, size: u32| {
            call(&mut guest, "proxy_get_buffer_bytes", |guest| {
                let state = guest.data();
                let bytes = match kind {
                    VM_CONFIGURATION => Vec::new(),
                    HTTP_CALL_RESPONSE_BODY => match &state.http_call_response {
                        Some(response) => response.body.clone(),
                        None => return Ok(Status::NotFound),
                    },
                    PLUGIN_CONFIGURATION if !state.configuring => return Ok(Status::NotFound),
                    PLUGIN_CONFIGURATION => state.contexts[&state.active].configuration.clone(),
                    _ => return Err(Error::msg(format!("buffer {kind} is not one the filter may read"))),
                };
                let Some(end) = start.checked_add(length) else { return Ok(Status::BadArgument) };
                let end = (end as usize).min(bytes.len());
                let bytes = bytes.get(start as usize..end).unwrap_or_default().to_vec();
                return_bytes(guest, &bytes, data, size)
            })
        },
    )?;
    Ok(())
}
