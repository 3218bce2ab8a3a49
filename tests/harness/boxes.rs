//! Cutting fragmented MP4 at its box borders; independent of the product's own parser.

/// The top-level boxes of `file`: four-letter type and whole bytes.
pub fn boxes(file: &[u8]) -> Vec<(String, &[u8])> {
    let mut rest = file;
    let mut found = Vec::new();
    while rest.len() >= 8 {
        let size = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        assert!((8..=rest.len()).contains(&size), "box of {size} bytes with {} left", rest.len());
        found.push((String::from_utf8_lossy(&rest[4..8]).into_owned(), &rest[..size]));
        rest = &rest[size..];
    }
    found
}

/// A fragmented file as a camera sends it: the init segment, then each `moof` with its `mdat`.
pub fn fragments(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut init, mut fragments) = (Vec::new(), Vec::<Vec<u8>>::new());
    for (kind, bytes) in boxes(file) {
        match kind.as_str() {
            "ftyp" | "moov" => init.extend_from_slice(bytes),
            "moof" => fragments.push(bytes.to_vec()),
            "mdat" => fragments.last_mut().expect("mdat follows moof").extend_from_slice(bytes),
            _ => {}
        }
    }
    (init, fragments)
}

/// The payload of every `mdat`, joined.
pub fn samples(file: &[u8]) -> Vec<u8> {
    boxes(file).iter().filter(|(kind, _)| kind == "mdat").flat_map(|(_, bytes)| bytes[8..].to_vec()).collect()
}
