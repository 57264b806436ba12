//! Linker options of the module.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A thread of the module runs until the process ends, so the module stays, although Envoy may be told to unload it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
