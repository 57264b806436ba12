//! What an exchange costs in wasmtime, and how big the module is.

fn main() {
    host_tests::bench::in_wasmtime::run();
}
