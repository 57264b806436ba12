//! HTTP calls to a cluster.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::Status;
use super::super::process_state::HttpCall;
use super::super::vm_state::VmState;
use super::guest::{call, read, write};
use super::header_map::deserialize;

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |mut guest: Caller<'_, VmState>,
         cluster: u32,
         cluster_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         _trailers: u32,
         _trailers_size: u32,
         timeout_ms: u32,
         out: u32| {
            call(&mut guest, "proxy_http_call", |guest| {
                let mut bytes = |pointer, size| read(guest, pointer, size);
                let (Some(cluster), Some(headers), Some(body)) =
                    (bytes(cluster, cluster_size), bytes(headers, headers_size), bytes(body, body_size))
                else {
                    return Ok(Status::InvalidMemoryAccess);
                };
                let headers =
                    deserialize(&headers).ok_or_else(|| Error::msg("headers that are not a map"))?;
                let has = |name: &str| headers.iter().any(|(known, _)| known == name.as_bytes());
                let cluster = String::from_utf8_lossy(&cluster).into_owned();
                if ![":method", ":path", ":authority"].into_iter().all(has) || cluster == "nowhere" {
                    return Ok(Status::BadArgument);
                }
                let state = guest.data_mut();
                let token = state.next_token;
                state.next_token += 1;
                state.http_calls.push(HttpCall { token, cluster, headers, body, timeout_ms });
                Ok(write(guest, out, &token.to_le_bytes()))
            })
        },
    )?;
    Ok(())
}
