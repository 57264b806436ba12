//! The hostcalls that our filters may make, each with the statuses that Envoy returns.
//!
//! Any other call traps with its name.

use wasmtime::{Caller, Error, Linker, Result};

use super::abi::{HTTP_CALL_RESPONSE_BODY, MapType, PLUGIN_CONFIGURATION, RANDOM_GET, VM_CONFIGURATION};
use super::context::{readable, writable};
use super::expression::ListExpression;
use super::process_state::{EnvoyLogLine, HttpCall, MetricKind};
use super::stream::Headers;
use super::vm::VmState;
use super::{Status, StreamPhase};

type Guest<'a, 'b> = &'a mut Caller<'b, VmState>;

/// Id of the node in the bootstrap configuration.
const NODE: &str = "scenario";

/// Number of low bits of a metric id that hold its kind, as in Envoy.
const KIND_BITS: u32 = 2;

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
    link_process(linker)?;
    link_maps(linker)?;
    link_properties(linker)?;
    link_foreign(linker)?;
    link_metrics(linker)?;
    link_http_call(linker)?;
    link_shared_data(linker)
}

fn link_http_call(linker: &mut Linker<VmState>) -> Result<()> {
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

/// Parses a header map serialized by a module.
fn deserialize(bytes: &[u8]) -> Option<Headers> {
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

fn link_process(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |mut guest: Caller<'_, VmState>, level: u32, text: u32, size: u32| {
            call(&mut guest, "proxy_log", |guest| {
                let Some(text) = read(guest, text, size) else { return Ok(Status::InvalidMemoryAccess) };
                if level > 5 {
                    return Err(Error::msg(format!("proxy_log at level {level}: Envoy aborts on it")));
                }
                let text = String::from_utf8(text).map_err(|_| Error::msg("a log line is not UTF-8"))?;
                guest.data().process.borrow_mut().log.push(EnvoyLogLine { level, text });
                Ok(Status::Ok)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_get_log_level", |mut guest: Caller<'_, VmState>, out: u32| {
        call(&mut guest, "proxy_get_log_level", |guest| Ok(write(guest, out, &2_u32.to_le_bytes())))
    })?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |mut guest: Caller<'_, VmState>, out: u32| {
            call(&mut guest, "proxy_get_current_time_nanoseconds", |guest| {
                let now = guest.data().process.borrow().now_ns;
                Ok(write(guest, out, &now.to_le_bytes()))
            })
        },
    )?;
    let (module, name) = RANDOM_GET;
    linker.func_wrap(module, name, |mut guest: Caller<'_, VmState>, out: u32, size: u32| {
        call(&mut guest, RANDOM_GET.1, |guest| {
            let bytes = guest.data().process.borrow_mut().random_bytes(size as usize);
            Ok(write(guest, out, &bytes))
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |mut guest: Caller<'_, VmState>, period: u32| {
            call(&mut guest, "proxy_set_tick_period_milliseconds", |guest| {
                let state = guest.data_mut();
                let root = state.contexts.get(&state.active).map_or(state.active, |context| context.root);
                if let Some(root) = state.contexts.get_mut(&root) {
                    root.tick_ms = period;
                }
                Ok(Status::Ok)
            })
        },
    )?;
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

fn link_maps(linker: &mut Linker<VmState>) -> Result<()> {
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

fn link_properties(linker: &mut Linker<VmState>) -> Result<()> {
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

/// Links Envoy's foreign functions; only its expression language is supported.
fn link_foreign(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |mut guest: Caller<'_, VmState>,
         name: u32,
         name_size: u32,
         argument: u32,
         argument_size: u32,
         data: u32,
         size: u32| {
            call(&mut guest, "proxy_call_foreign_function", |guest| {
                let (Some(name), Some(argument)) =
                    (read(guest, name, name_size), read(guest, argument, argument_size))
                else {
                    return Ok(Status::InvalidMemoryAccess);
                };
                let result = match name.as_slice() {
                    b"expr_create" => create_expression(guest.data_mut(), argument),
                    b"expr_evaluate" => evaluate_expression(guest, &argument),
                    _ => {
                        return Err(Error::msg(format!(
                            "{name:?} is a foreign function that the filter does not use"
                        )));
                    }
                };
                match result {
                    Ok(bytes) => return_bytes(guest, &bytes, data, size),
                    Err(status) => Ok(status),
                }
            })
        },
    )?;
    Ok(())
}

fn create_expression(state: &mut VmState, text: Vec<u8>) -> std::result::Result<Vec<u8>, Status> {
    let text = String::from_utf8(text).map_err(|_| Status::BadArgument)?;
    let list = ListExpression::parse(&text).ok_or(Status::BadArgument)?;
    let root = state.contexts.get(&state.active).map_or(state.active, |context| context.root);
    state.expressions.push((root, list));
    let token = u32::try_from(state.expressions.len() - 1).map_err(|_| Status::InternalFailure)?;
    Ok(token.to_le_bytes().to_vec())
}

/// Returns the values of the list as the names of a map, as Envoy serializes them.
fn evaluate_expression(guest: Guest<'_, '_>, token: &[u8]) -> std::result::Result<Vec<u8>, Status> {
    let token = u32::from_le_bytes(token.try_into().map_err(|_| Status::BadArgument)?);
    let state = guest.data_mut();
    let root = state.contexts.get(&state.active).map_or(state.active, |context| context.root);
    // An expression belongs to the plugin that created it.
    let list = state.expressions.get(token as usize).filter(|(owner, _)| *owner == root);
    let list = list.map(|(_, list)| list.clone()).ok_or(Status::NotFound)?;
    let (phase, stream) = state.current_stream();
    let stream = stream.ok_or(Status::InternalFailure)?;
    // One missing value makes the whole expression fail.
    let items = list.evaluate(stream, phase).ok_or(Status::InternalFailure)?;
    Ok(serialize(&items.into_iter().map(|item| (item, Vec::new())).collect()))
}

fn link_metrics(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut guest: Caller<'_, VmState>, kind: u32, name: u32, size: u32, out: u32| {
            call(&mut guest, "proxy_define_metric", |guest| {
                let Some(name) = read(guest, name, size) else { return Ok(Status::InvalidMemoryAccess) };
                let kind = match kind {
                    0 => MetricKind::Counter,
                    1 => MetricKind::Gauge,
                    2 => MetricKind::Histogram,
                    _ => return Ok(Status::BadArgument),
                };
                let name = String::from_utf8(name).map_err(|_| Error::msg("a metric's name is not UTF-8"))?;
                let state = guest.data_mut();
                state.process.borrow_mut().define(kind, &name);
                state.metric_ids.push((kind, name));
                let id = u32::try_from(state.metric_ids.len()).expect("fewer metrics than 4 billion");
                Ok(write(guest, out, &(id << KIND_BITS | kind as u32).to_le_bytes()))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut guest: Caller<'_, VmState>, id: u32, offset: i64| {
            call(&mut guest, "proxy_increment_metric", |guest| {
                let Some(name) = metric(guest, id) else { return Ok(Status::NotFound) };
                Ok(guest.data().process.borrow_mut().increment(&name, offset))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |mut guest: Caller<'_, VmState>, id: u32, value: u64| {
            call(&mut guest, "proxy_record_metric", |guest| {
                let Some(name) = metric(guest, id) else { return Ok(Status::NotFound) };
                Ok(guest.data().process.borrow_mut().record(&name, value))
            })
        },
    )?;
    Ok(())
}

fn link_shared_data(linker: &mut Linker<VmState>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut guest: Caller<'_, VmState>, key: u32, key_size: u32, data: u32, size: u32, cas_out: u32| {
            call(&mut guest, "proxy_get_shared_data", |guest| {
                let Some(key) = read(guest, key, key_size) else { return Ok(Status::InvalidMemoryAccess) };
                let found = guest.data().process.borrow().data.get(&key).cloned();
                let Some((value, cas)) = found else { return Ok(Status::NotFound) };
                match return_bytes(guest, &value, data, size)? {
                    Status::Ok => Ok(write(guest, cas_out, &cas.to_le_bytes())),
                    status => Ok(status),
                }
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut guest: Caller<'_, VmState>, key: u32, key_size: u32, value: u32, size: u32, cas: u32| {
            call(&mut guest, "proxy_set_shared_data", |guest| {
                let (Some(key), Some(value)) = (read(guest, key, key_size), read(guest, value, size)) else {
                    return Ok(Status::InvalidMemoryAccess);
                };
                Ok(guest.data().process.borrow_mut().set_data(&key, &value, cas))
            })
        },
    )?;
    Ok(())
}

/// Counts the call, applies an injected fault if one is due, and converts the status to a number.
fn call(
    guest: Guest<'_, '_>,
    name: &'static str,
    body: impl FnOnce(Guest<'_, '_>) -> Result<Status>,
) -> Result<u32> {
    let status = match guest.data_mut().count_call(name) {
        Some(status) => status,
        None => body(guest)?,
    };
    Ok(status as u32)
}

fn metric(guest: Guest<'_, '_>, id: u32) -> Option<String> {
    let index = (id >> KIND_BITS).checked_sub(1)?;
    guest.data().metric_ids.get(index as usize).map(|(_, name)| name.clone())
}

/// Serializes a map: count, then both lengths of each pair, then both strings of each pair, each followed by a NUL.
fn serialize(map: &Headers) -> Vec<u8> {
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

/// Returns bytes in memory that the module allocates; an empty value is a null pointer.
fn return_bytes(guest: Guest<'_, '_>, bytes: &[u8], data: u32, size: u32) -> Result<Status> {
    let length = u32::try_from(bytes.len()).expect("a value below 4 GiB");
    let mut pointer = 0;
    if length > 0 {
        let allocate = guest.data().allocate.clone().expect("checked when the VM started");
        pointer = allocate.call(&mut *guest, length)?;
        guest.data_mut().calls.returned_data += 1;
        if pointer == 0 || write(guest, pointer, bytes) != Status::Ok {
            return Ok(Status::InvalidMemoryAccess);
        }
    }
    if write(guest, data, &pointer.to_le_bytes()) != Status::Ok {
        return Ok(Status::InvalidMemoryAccess);
    }
    Ok(write(guest, size, &length.to_le_bytes()))
}

fn read(guest: Guest<'_, '_>, pointer: u32, size: u32) -> Option<Vec<u8>> {
    let memory = guest.data().memory?;
    let start = pointer as usize;
    memory.data(&*guest).get(start..start.checked_add(size as usize)?).map(<[u8]>::to_vec)
}

fn write(guest: Guest<'_, '_>, pointer: u32, bytes: &[u8]) -> Status {
    let Some(memory) = guest.data().memory else { return Status::InvalidMemoryAccess };
    match memory.write(&mut *guest, pointer as usize, bytes) {
        Ok(()) => Status::Ok,
        Err(_) => Status::InvalidMemoryAccess,
    }
}
