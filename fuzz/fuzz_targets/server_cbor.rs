//! Any bytes as a body of CBOR for the operation that the first byte counts off.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((operation, body)) = data.split_first() {
        server::fuzzing::body(false, *operation, body);
    }
});
