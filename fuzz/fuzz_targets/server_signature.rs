//! Any bytes as the head of a request and its body: what its signature presents, and the canonical form of what it covers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| server::fuzzing::signature(data));
