//! Envoy's foreign functions, of which only the expression language is supported.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::Status;
use super::super::expression::ListExpression;
use super::super::vm_state::VmState;
use super::guest::{Guest, call, read, return_bytes};
use super::header_map::serialize;

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
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
