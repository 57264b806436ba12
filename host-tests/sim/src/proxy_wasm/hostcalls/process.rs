//! The log, the clock, random numbers and the timer.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::Status;
use super::super::abi::RANDOM_GET;
use super::super::process_state::EnvoyLogLine;
use super::super::vm_state::VmState;
use super::guest::{call, read, write};

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
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
    Ok(())
}
