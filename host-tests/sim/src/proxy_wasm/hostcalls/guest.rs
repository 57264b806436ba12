//! The module that makes a hostcall: its memory, and the faults that are injected.

use wasmtime::{Caller, Result};

use super::super::Status;
use super::super::vm_state::VmState;

/// The module that makes a hostcall.
pub(super) type Guest<'a, 'b> = &'a mut Caller<'b, VmState>;

/// Counts the call, applies an injected fault if one is due, and converts the status to a number.
pub(super) fn call(
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

/// Returns bytes in memory that the module allocates; an empty value is a null pointer.
pub(super) fn return_bytes(guest: Guest<'_, '_>, bytes: &[u8], data: u32, size: u32) -> Result<Status> {
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

/// Reads bytes of the module's memory; `None` outside of it.
pub(super) fn read(guest: Guest<'_, '_>, pointer: u32, size: u32) -> Option<Vec<u8>> {
    let memory = guest.data().memory?;
    let start = pointer as usize;
    memory.data(&*guest).get(start..start.checked_add(size as usize)?).map(<[u8]>::to_vec)
}

/// Writes bytes into the module's memory.
pub(super) fn write(guest: Guest<'_, '_>, pointer: u32, bytes: &[u8]) -> Status {
    let Some(memory) = guest.data().memory else { return Status::InvalidMemoryAccess };
    match memory.write(&mut *guest, pointer as usize, bytes) {
        Ok(()) => Status::Ok,
        Err(_) => Status::InvalidMemoryAccess,
    }
}
