//! Shared data.

use wasmtime::{Caller, Linker, Result};

use super::super::Status;
use super::super::vm_state::VmState;
use super::guest::{call, read, return_bytes, write};

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
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
