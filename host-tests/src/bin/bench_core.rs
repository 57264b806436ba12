//! What the core costs as a wasm module, in wasmtime: `bench_core core_load.wasm [UPSTREAMS [EXCHANGES]]`.
//!
//! The module is `host-tests/core-load`, which also runs natively; both print the same figures.

use std::time::Instant;
use wasmtime::{Config, Engine, Error, Instance, Module, OptLevel, Store};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let module = arguments.next().expect("the path of core_load.wasm");
    let mut numbers = arguments.filter_map(|number| number.parse::<u32>().ok());
    let upstreams = numbers.next().unwrap_or(1_000);
    let exchanges = numbers.next().unwrap_or(1_000_000);

    let engine = Engine::new(Config::new().cranelift_opt_level(OptLevel::Speed))?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &Module::from_file(&engine, module)?, &[])?;
    let new = instance.get_typed_func::<u32, ()>(&mut store, "load_new")?;
    let fill = instance.get_typed_func::<(), ()>(&mut store, "load_fill")?;
    let run = instance.get_typed_func::<u32, u32>(&mut store, "load_run")?;
    let bytes = instance.get_typed_func::<(), u64>(&mut store, "load_bytes")?;
    let allocations = instance.get_typed_func::<(), u64>(&mut store, "load_allocations")?;

    new.call(&mut store, upstreams)?;
    let before = bytes.call(&mut store, ())?;
    fill.call(&mut store, ())?;
    let filled = bytes.call(&mut store, ())? - before;
    println!("bytes per full upstream, wasm32: {}", filled / u64::from(upstreams));
    run.call(&mut store, exchanges)?;
    let allocated = allocations.call(&mut store, ())?;
    let mut runs = Vec::new();
    for _ in 0..9 {
        let start = Instant::now();
        run.call(&mut store, exchanges)?;
        runs.push(start.elapsed().as_nanos() as f64 / f64::from(exchanges));
    }
    runs.sort_by(f64::total_cmp);
    println!("ns per exchange in wasmtime: median {:.1}, {:.1} to {:.1}", runs[4], runs[0], runs[8]);
    let allocated = allocations.call(&mut store, ())? - allocated;
    println!("allocations per exchange: {:.6}", allocated as f64 / f64::from(exchanges) / 9.0);
    Ok(())
}
