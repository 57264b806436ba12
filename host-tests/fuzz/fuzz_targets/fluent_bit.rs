#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sim::fuzz::fluent_bit(bytes));
