//! Blobs and message authentication codes.

use crate::support::{Home, flips};
use vault::{BLOB_BYTES_MAX, BLOB_OVERHEAD, BlobError};

#[test]
fn a_blob_opens_with_its_context_only() {
    let home = Home::new();
    let vault = home.open();
    for plain in [&b""[..], b"x", &[7; 5000]] {
        let sealed = vault.seal_blob(b"row/1", plain).unwrap();
        assert_eq!(sealed.len(), plain.len() + BLOB_OVERHEAD);
        assert_eq!(vault.open_blob(b"row/1", &sealed).unwrap(), plain);
        assert_eq!(vault.open_blob(b"row/2", &sealed), Err(BlobError::NotAuthentic));
        assert_eq!(vault.open_blob(b"", &sealed), Err(BlobError::NotAuthentic));
    }
}

#[test]
fn a_blob_outlives_the_process_but_opens_in_no_other_keystore() {
    let home = Home::new();
    let sealed = home.open().seal_blob(b"c", b"value").unwrap();
    assert_eq!(home.open().open_blob(b"c", &sealed).unwrap(), b"value");
    assert_eq!(Home::new().open().open_blob(b"c", &sealed), Err(BlobError::NotAuthentic));
}

#[test]
fn no_altered_blob_opens() {
    let home = Home::new();
    let vault = home.open();
    let sealed = vault.seal_blob(b"c", b"value").unwrap();
    for (at, flipped) in flips(&sealed) {
        let expected = if at == 0 { BlobError::UnknownVersion(flipped[0]) } else { BlobError::NotAuthentic };
        assert_eq!(vault.open_blob(b"c", &flipped), Err(expected));
    }
    for len in 0..sealed.len() {
        let error = vault.open_blob(b"c", &sealed[..len]).unwrap_err();
        if len < BLOB_OVERHEAD {
            assert_eq!(error, BlobError::Truncated { min: BLOB_OVERHEAD, found: len });
        } else {
            assert_eq!(error, BlobError::NotAuthentic);
        }
    }
    assert_eq!(vault.open_blob(b"c", &[&sealed[..], &[0]].concat()), Err(BlobError::NotAuthentic));
}

#[test]
fn two_blobs_of_one_value_share_nothing() {
    let home = Home::new();
    let vault = home.open();
    let (one, two) = (vault.seal_blob(b"c", &[0; 64]).unwrap(), vault.seal_blob(b"c", &[0; 64]).unwrap());
    assert!(one[1..].windows(8).all(|part| !two.windows(8).any(|other| part == other)));
}

#[test]
fn blobs_are_limited() {
    let home = Home::new();
    let vault = home.open();
    let largest = vec![1; BLOB_BYTES_MAX];
    let sealed = vault.seal_blob(b"c", &largest).unwrap();
    assert_eq!(vault.open_blob(b"c", &sealed).unwrap(), largest);
    let too_large = BlobError::TooLarge { max: BLOB_BYTES_MAX, found: BLOB_BYTES_MAX + 1 };
    assert_eq!(vault.seal_blob(b"c", &vec![1; BLOB_BYTES_MAX + 1]), Err(too_large));
    assert_eq!(vault.open_blob(b"c", &[&sealed[..], &[0]].concat()), Err(too_large));
}

#[test]
fn codes_hold_for_one_purpose_one_text_and_one_keystore() {
    let home = Home::new();
    let vault = home.open();
    let code = vault.mac("token", b"data");
    assert!(vault.verify_mac("token", b"data", &code));
    assert!(!vault.verify_mac("iterator", b"data", &code));
    assert!(!vault.verify_mac("token", b"date", &code));
    // The border between purpose and data counts.
    assert!(!vault.verify_mac("tokend", b"ata", &code));
    assert!(!Home::new().open().verify_mac("token", b"data", &code));
    for (_, flipped) in flips(&code) {
        assert!(!vault.verify_mac("token", b"data", &flipped));
    }
    for len in 0..code.len() {
        assert!(!vault.verify_mac("token", b"data", &code[..len]));
    }
    drop(vault);
    assert!(home.open().verify_mac("token", b"data", &code));
}
