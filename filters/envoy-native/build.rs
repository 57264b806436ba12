//! Linker options of the module.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A thread of the module runs until the process ends, so the module stays loaded, whatever the configuration says.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
