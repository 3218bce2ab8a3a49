//! Any bytes through the scanner: how they are split makes no difference, what comes out is canonical, and scanning that
//! again changes nothing. The first byte chooses the split.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::MediaError;
use media::fmp4::{Chunk, Init, Piece, ScanLimits, Scanner};

/// Small, so that the limits are reached.
const LIMITS: ScanLimits = ScanLimits { small_box_bytes_max: 1 << 16, mdat_bytes_max: 1 << 18 };

fn scan(limits: ScanLimits, input: &Bytes, step: usize) -> (Vec<Piece>, Result<(), MediaError>) {
    let mut scanner = Scanner::new(limits);
    let mut pieces = Vec::new();
    for start in (0..input.len()).step_by(step) {
        scanner.push(input.slice(start..input.len().min(start + step)));
        loop {
            match scanner.next() {
                Ok(Some(piece)) => pieces.push(piece),
                Ok(None) => break,
                Err(error) => return (pieces, Err(error)),
            }
        }
    }
    let end = scanner.finish();
    (pieces, end)
}

/// The bytes that are stored for these pieces, and the pieces as they read back.
fn store(pieces: &[Piece]) -> (Bytes, Vec<Piece>) {
    let mut bytes = Vec::new();
    let mut back = Vec::new();
    let mut init = None;
    for piece in pieces {
        match piece {
            Piece::Init(came) => {
                bytes.extend_from_slice(&came.bytes);
                let stored = Init::parse(&came.bytes).expect("a stored initialisation segment reads back");
                assert_eq!(stored.tracks, came.tracks);
                back.push(Piece::Init(stored.clone().into()));
                init = Some(stored);
            }
            Piece::Chunk(came) => {
                bytes.extend_from_slice(&came.bytes);
                let init = init.as_ref().expect("a chunk follows an initialisation segment");
                let stored = Chunk::parse(init, came.bytes.clone()).expect("a stored chunk reads back");
                assert_eq!(stored.info, came.info);
                back.push(Piece::Chunk(stored));
            }
        }
    }
    (bytes.into(), back)
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let input = Bytes::copy_from_slice(input);
    let (pieces, end) = scan(LIMITS, &input, input.len().max(1));
    assert_eq!(scan(LIMITS, &input, usize::from(choice) + 1), (pieces.clone(), end));
    let (stored, back) = store(&pieces);
    if !stored.is_empty() {
        // A moof that is written anew can be longer than it came.
        let (again, end) = scan(ScanLimits::default(), &stored, stored.len());
        assert_eq!((again, end), (back, Ok(())));
    }
});
