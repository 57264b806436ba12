//! `memcmp` as the compiler emits it: its loops must not become calls of itself.

use wasmtime::{Config, Engine, Linker, Module, Store};

/// More than the comparison of 40 bytes takes.
const FUEL: u64 = 1_000;

#[test]
fn the_compiled_memcmp_compares_and_does_not_call_itself() {
    let engine = Engine::new(Config::new().consume_fuel(true)).expect("an engine that counts");
    // wasm-opt removes the export and recognises no loops.
    let module = Module::from_file(&engine, artifact::unoptimised_fluent_bit_module()).expect("a module");
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).expect("imports");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).expect("an instance");
    let memory = instance.get_memory(&mut store, "memory").expect("a memory");
    let memcmp = instance.get_typed_func::<(u32, u32, u32), i32>(&mut store, "memcmp").expect("memcmp");
    let at_a = u32::try_from(memory.data_size(&store)).expect("a small memory");
    let at_b = at_a + 64;
    memory.grow(&mut store, 1).expect("a page");
    let mut compare = |a: &[u8], b: &[u8]| {
        memory.write(&mut store, at_a as usize, a).expect("room");
        memory.write(&mut store, at_b as usize, b).expect("room");
        store.set_fuel(FUEL).expect("an engine that counts");
        let order = memcmp.call(&mut store, (at_a, at_b, a.len() as u32));
        order.expect("memcmp returns without a call of itself").cmp(&0)
    };
    for count in 0..40 {
        let equal = vec![7; count];
        assert_eq!(compare(&equal, &equal), equal.cmp(&equal), "{count} equal bytes");
        for index in 0..count {
            for byte in [6, 8] {
                let mut other = equal.clone();
                other[index] = byte;
                assert_eq!(compare(&equal, &other), equal.cmp(&other), "byte {index} of {count} is {byte}");
            }
        }
    }
}
