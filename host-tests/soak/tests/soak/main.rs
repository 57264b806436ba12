//! Claims that only a day or a million records show, in the simulated hosts.

mod corrupted_records;
mod day;
mod fluent_bit_memory;
