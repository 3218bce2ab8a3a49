//! Any text as a policy; the first byte says whether of a user or of a resource.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((first, text)) = data.split_first()
        && let Ok(text) = std::str::from_utf8(text)
    {
        server::fuzzing::policy(first & 1 == 1, text);
    }
});
