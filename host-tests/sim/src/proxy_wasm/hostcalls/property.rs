//! Properties of the plugin, the node and the stream.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::vm_state::VmState;
use super::super::{Status, StreamPhase};
use super::guest::{Guest, call, read, return_bytes};

/// Id of the node in the bootstrap configuration.
const NODE: &str = "scenario";

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut guest: Caller<'_, VmState>, path: u32, path_size: u32, data: u32, size: u32| {
            call(&mut guest, "proxy_get_property", |guest| {
                let Some(path) = read(guest, path, path_size) else { return Ok(Status::InvalidMemoryAccess) };
                let text = String::from_utf8(path).map_err(|_| Error::msg("a path that is not UTF-8"))?;
                let parts: Vec<_> = text.trim_end_matches('\0').split('\0').collect();
                match property(guest, &parts) {
                    Ok(value) => return_bytes(guest, &value, data, size),
                    Err(Some(status)) => Ok(status),
                    Err(None) => Err(Error::msg(format!("property {parts:?} is not simulated"))),
                }
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut guest: Caller<'_, VmState>, path: u32, path_size: u32, value: u32, size: u32| {
            call(&mut guest, "proxy_set_property", |guest| {
                let (Some(path), Some(value)) = (read(guest, path, path_size), read(guest, value, size))
                else {
                    return Ok(Status::InvalidMemoryAccess);
                };
                let path = String::from_utf8(path).map_err(|_| Error::msg("a path that is not UTF-8"))?;
                let is_root_active = guest.data().is_root_active();
                let (phase, stream) = guest.data_mut().current_stream();
                // An access logger can read its stream but not change it.
                let Some(stream) = stream.filter(|_| !is_root_active) else { return Ok(Status::NotFound) };
                if phase == StreamPhase::Between {
                    return Err(Error::msg("filter state set where no access log can see it"));
                }
                stream.filter_state.insert(format!("wasm.{path}"), value);
                Ok(Status::Ok)
            })
        },
    )?;
    Ok(())
}

/// Looks up a property of the plugin, the node or the stream.
fn property(guest: Guest<'_, '_>, path: &[&str]) -> std::result::Result<Vec<u8>, Option<Status>> {
    match path {
        ["plugin_name" | "plugin_root_id"] => return Ok(b"nearmiss".to_vec()),
        ["xds", "node", "id"] => return Ok(NODE.into()),
        _ => (),
    }
    let (phase, stream) = guest.data_mut().current_stream();
    stream.ok_or(Some(Status::NotFound))?.property(path, phase)
}
