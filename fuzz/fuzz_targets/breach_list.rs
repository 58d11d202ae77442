#![no_main]
//! See the entry of the same name.

#[path = "../../tests/fuzz_entries/mod.rs"]
mod fuzz_entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_entries::lists::breach_list(data));
