//! Header maps.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::Status;
use super::super::abi::MapType;
use super::super::context::{readable, writable};
use super::super::stream::Headers;
use super::super::vm_state::VmState;
use super::guest::{call, read, return_bytes};

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut guest: Caller<'_, VmState>, kind: u32, data: u32, size: u32| {
            call(&mut guest, "proxy_get_header_map_pairs", |guest| {
                let Some(kind) = MapType::from_number(kind) else { return Ok(Status::BadArgument) };
                let (phase, stream) = guest.data_mut().current_stream();
                let map = stream.and_then(|stream| readable(stream, phase, kind));
                let bytes = map.filter(|map| !map.is_empty()).map(serialize).unwrap_or_default();
                return_bytes(guest, &bytes, data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |mut guest: Caller<'_, VmState>, kind: u32, key: u32, key_size: u32, data: u32, size: u32| {
            call(&mut guest, "proxy_get_header_map_value", |guest| {
                let Some(kind) = MapType::from_number(kind) else { return Ok(Status::BadArgument) };
                let Some(key) = read(guest, key, key_size) else { return Ok(Status::InvalidMemoryAccess) };
                let response_headers =
                    guest.data().http_call_response.as_ref().map(|response| response.headers.clone());
                let (phase, stream) = guest.data_mut().current_stream();
                let map = match kind {
                    MapType::HttpCallResponseHeaders => response_headers.as_ref(),
                    _ => stream.and_then(|stream| readable(stream, phase, kind)),
                };
                let Some(map) = map else { return Ok(Status::BadArgument) };
                let key = key.to_ascii_lowercase();
                let Some((_, value)) = map.iter().find(|(name, _)| *name == key) else {
                    return Ok(Status::NotFound);
                };
                let value = value.clone();
                return_bytes(guest, &value, data, size)
            })
        },
    )?;
    link_change(linker, "proxy_add_header_map_value", |map, key, value| map.push((key, value)))?;
    link_change(linker, "proxy_replace_header_map_value", |map, key, value| {
        map.retain(|(name, _)| *name != key);
        map.push((key, value));
    })
}

fn link_change(
    linker: &mut Linker<VmState>,
    name: &'static str,
    change: fn(&mut Headers, Vec<u8>, Vec<u8>),
) -> Result<()> {
    linker.func_wrap(
        "env",
        name,
        move |mut guest: Caller<'_, VmState>, kind: u32, key: u32, key_size: u32, value: u32, size: u32| {
            call(&mut guest, name, |guest| {
                if MapType::from_number(kind) != Some(MapType::ResponseHeaders) {
                    return Err(Error::msg(format!("{name} on map {kind}: only responses are annotated")));
                }
                let (Some(key), Some(value)) = (read(guest, key, key_size), read(guest, value, size)) else {
                    return Ok(Status::InvalidMemoryAccess);
                };
                let (phase, stream) = guest.data_mut().current_stream();
                let Some(stream) = stream else { return Ok(Status::BadArgument) };
                Ok(match writable(stream, phase) {
                    Ok(map) => {
                        change(map, key.to_ascii_lowercase(), value);
                        Status::Ok
                    }
                    Err(status) => status,
                })
            })
        },
    )?;
    Ok(())
}

/// Serializes a map: count, then both lengths of each pair, then both strings of each pair, each followed by a NUL.
pub(super) fn serialize(map: &Headers) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).expect("headers below 4 GiB").to_le_bytes();
    let mut bytes = number(map.len()).to_vec();
    for (name, value) in map {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for part in map.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(part);
        bytes.push(0);
    }
    bytes
}

/// Parses a header map serialized by a module.
pub(super) fn deserialize(bytes: &[u8]) -> Option<Headers> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let count = number(0)?;
    let mut at = 4 + 8 * count;
    let mut text = |size: usize| {
        let text = bytes.get(at..at + size)?.to_vec();
        at += size + 1;
        Some(text)
    };
    (0..count).map(|pair| Some((text(number(4 + 8 * pair)?)?, text(number(8 + 8 * pair)?)?))).collect()
}
