//! Linker options of the simulated Envoy for native modules, which find its functions among the symbols of the process.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for symbol in ["envoy_dynamic_module_callback_*", "clock_gettime", "clock_nanosleep", "nanosleep"] {
        println!("cargo:rustc-link-arg-bin=native-sim=-Wl,--export-dynamic-symbol={symbol}");
    }
}
