//! Statistics.

use wasmtime::{Caller, Error, Linker, Result};

use super::super::Status;
use super::super::process_state::MetricKind;
use super::super::vm_state::VmState;
use super::guest::{Guest, call, read, write};

/// Number of low bits of a metric id that hold its kind, as in Envoy.
const KIND_BITS: u32 = 2;

pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
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

fn metric(guest: Guest<'_, '_>, id: u32) -> Option<String> {
    let index = (id >> KIND_BITS).checked_sub(1)?;
    guest.data().metric_ids.get(index as usize).map(|(_, name)| name.clone())
}
