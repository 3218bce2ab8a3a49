//! Data keys: wrapped, unwrapped, refused.

use crate::support::{CONTEXT, flips, hex, sealer, vault_with_key};
use vault::{
    DataKey, KeyState, KeyUseError, SealedHead, SystemEntropy, UnwrapError, WRAPPED_KEY_BYTES, WrappedKey,
};

/// Whether two data keys are the same key.
fn same(one: &DataKey, two: &DataKey) -> bool {
    let sealed = sealer(one).seal(&CONTEXT, b"head", b"").unwrap();
    two.open_head(&CONTEXT, &SealedHead::parse(&sealed.head).unwrap()).is_ok()
}

#[test]
fn unwrapping_gives_the_same_key_back() {
    let (home, vault, key) = vault_with_key();
    let (data_key, wrapped) = vault.generate_data_key(&key, b"stream").unwrap();
    let (other, _) = vault.generate_data_key(&key, b"stream").unwrap();
    assert_eq!(wrapped.as_bytes().len(), WRAPPED_KEY_BYTES);
    assert_eq!((wrapped.key_id(), wrapped.key_version()), (key, 1));

    let stored = WrappedKey::parse(wrapped.as_bytes()).unwrap();
    assert_eq!(stored, wrapped);
    assert!(same(&data_key, &vault.unwrap(&stored, b"stream").unwrap()));
    assert!(!same(&data_key, &other));
    drop(vault);
    assert!(same(&data_key, &home.open().unwrap(&stored, b"stream").unwrap()));
}

#[test]
fn the_context_must_be_the_same() {
    let (_home, vault, key) = vault_with_key();
    let (_, wrapped) = vault.generate_data_key(&key, b"stream").unwrap();
    for context in [&b""[..], b"strea", b"streams", b"Stream"] {
        assert_eq!(vault.unwrap(&wrapped, context).unwrap_err(), UnwrapError::NotAuthentic);
    }
}

#[test]
fn every_version_of_a_key_unwraps_what_it_wrapped() {
    let (home, vault, key) = vault_with_key();
    let mut made = vec![vault.generate_data_key(&key, b"c").unwrap()];
    for version in 2..=5 {
        assert_eq!(vault.rotate(&key).unwrap(), version);
        made.push(vault.generate_data_key(&key, b"c").unwrap());
    }
    drop(vault);
    let vault = home.open();
    for (version, (data_key, wrapped)) in (1..).zip(&made) {
        assert_eq!(wrapped.key_version(), version);
        assert!(same(data_key, &vault.unwrap(wrapped, b"c").unwrap()));
    }
}

#[test]
fn disabled_and_destroyed_keys_neither_wrap_nor_unwrap() {
    let (home, vault, key) = vault_with_key();
    let (data_key, wrapped) = vault.generate_data_key(&key, b"c").unwrap();

    vault.disable(&key).unwrap();
    let disabled = KeyUseError::Disabled(key);
    assert_eq!(vault.generate_data_key(&key, b"c").unwrap_err(), disabled);
    assert_eq!(vault.unwrap(&wrapped, b"c").unwrap_err(), UnwrapError::Key(disabled));

    vault.enable(&key).unwrap();
    assert!(same(&data_key, &vault.unwrap(&wrapped, b"c").unwrap()));

    vault.destroy(&key).unwrap();
    let destroyed = KeyUseError::Destroyed(key);
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.generate_data_key(&key, b"c").unwrap_err(), destroyed);
    assert_eq!(vault.unwrap(&wrapped, b"c").unwrap_err(), UnwrapError::Key(destroyed));
    assert_eq!(vault.key(&key).unwrap().state, KeyState::Destroyed);
}

#[test]
fn a_key_of_another_keystore_is_not_found() {
    let (_home, vault, key) = vault_with_key();
    let (_other_home, other, _) = vault_with_key();
    let (_, wrapped) = vault.generate_data_key(&key, b"c").unwrap();
    let not_found = UnwrapError::Key(KeyUseError::NotFound(key));
    assert_eq!(other.unwrap(&wrapped, b"c").unwrap_err(), not_found);
}

#[test]
fn no_altered_wrapped_key_unwraps() {
    let (_home, vault, key) = vault_with_key();
    let (_, wrapped) = vault.generate_data_key(&key, b"c").unwrap();
    for (at, flipped) in flips(wrapped.as_bytes()) {
        let error = match WrappedKey::parse(&flipped) {
            Err(error) => error,
            Ok(wrapped) => vault.unwrap(&wrapped, b"c").unwrap_err(),
        };
        match at {
            0 => assert_eq!(error, UnwrapError::UnknownVersion(flipped[0])),
            1..17 => assert!(matches!(error, UnwrapError::Key(KeyUseError::NotFound(_)))),
            17..21 => assert!(matches!(error, UnwrapError::UnknownKeyVersion { .. })),
            _ => assert_eq!(error, UnwrapError::NotAuthentic),
        }
    }
    for len in 0..WRAPPED_KEY_BYTES {
        let wrong_length = UnwrapError::Length { expected: WRAPPED_KEY_BYTES, found: len };
        assert_eq!(WrappedKey::parse(&wrapped.as_bytes()[..len]).unwrap_err(), wrong_length);
    }
    let too_long = [wrapped.as_bytes(), &[0]].concat();
    assert!(matches!(WrappedKey::parse(&too_long), Err(UnwrapError::Length { .. })));
}

#[test]
fn a_version_or_key_cannot_be_passed_off_as_another() {
    let (_home, vault, key) = vault_with_key();
    let (_, wrapped) = vault.generate_data_key(&key, b"c").unwrap();
    vault.rotate(&key).unwrap();
    let other = vault.create_key("other").unwrap();

    let mut as_version_two = wrapped.as_bytes().to_vec();
    as_version_two[20] = 2;
    let mut as_other_key = wrapped.as_bytes().to_vec();
    as_other_key[1..17].copy_from_slice(&other.to_bytes());
    for forged in [as_version_two, as_other_key] {
        let forged = WrappedKey::parse(&forged).unwrap();
        assert_eq!(vault.unwrap(&forged, b"c").unwrap_err(), UnwrapError::NotAuthentic);
    }
}

#[test]
fn no_key_is_printed() {
    let home = crate::support::Home::new();
    let vault = home.open_counting();
    let key = vault.create_key("test").unwrap();
    let (data_key, wrapped) = vault.generate_data_key(&key, b"c").unwrap();
    let sealer = vault::BatchSealer::new(&data_key, 5, &SystemEntropy);
    assert_eq!(format!("{data_key:?}"), "DataKey(..)");
    assert_eq!(format!("{wrapped:?}"), format!("WrappedKey({key} version 1)"));
    assert_eq!(format!("{vault:?}"), "Vault { keys: 1, .. }");
    assert_eq!(format!("{sealer:?}"), "BatchSealer { key_number: 5, next_nonce: 0, .. }");
    // The wrapped bytes hold neither the data key nor the key that wraps it (both runs of counted bytes).
    let wrapped = hex(wrapped.as_bytes());
    assert!(!wrapped.contains(&hex(&(192..224).collect::<Vec<u8>>())));
    assert!(!wrapped.contains(&hex(&(128..160).collect::<Vec<u8>>())));
}
