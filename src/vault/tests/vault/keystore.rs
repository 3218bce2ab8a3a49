//! The keystore on disk.

use crate::support::{Home, flips, vault_with_key};
use aws_lc_rs::digest::{SHA256, digest};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use vault::{
    DESCRIPTION_BYTES_MAX, KeyError, KeyId, KeyInfo, KeyState, RootSource, SystemEntropy, VERSIONS_MAX,
    Vault, VaultError,
};

fn reopen(home: &Home) -> Result<Vault, VaultError> {
    Vault::open(&home.keys_dir(), &home.root(), Arc::new(SystemEntropy))
}

#[test]
fn keys_survive_reopening() {
    let home = Home::new();
    let vault = home.open();
    let first = vault.create_key("cameras, Süd").unwrap();
    let second = vault.create_key("").unwrap();
    vault.rotate(&first).unwrap();
    vault.disable(&second).unwrap();
    let keys = vault.keys();
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.keys(), keys);
    let KeyInfo { id, description, state, version, .. } = vault.key(&first).unwrap();
    assert_eq!((id, description.as_str(), state, version), (first, "cameras, Süd", KeyState::Enabled, 2));
    assert_eq!(vault.key(&second).unwrap().state, KeyState::Disabled);
}

#[test]
fn nobody_else_may_read_the_files() {
    let (home, _vault, _) = vault_with_key();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.keys_dir()), 0o700);
    assert_eq!(mode(home.keystore()), 0o600);
    assert_eq!(mode(home.keys_dir().join("lock")), 0o600);
    assert_eq!(mode(home.root_file()), 0o600);
}

#[test]
fn one_vault_at_a_time() {
    let home = Home::new();
    let vault = home.open();
    assert!(matches!(reopen(&home), Err(VaultError::InUse(dir)) if dir == home.keys_dir()));
    drop(vault);
    assert!(reopen(&home).is_ok());
}

#[test]
fn no_altered_keystore_opens() {
    let (home, vault, _) = vault_with_key();
    drop(vault);
    let intact = fs::read(home.keystore()).unwrap();
    for (at, flipped) in flips(&intact) {
        fs::write(home.keystore(), &flipped).unwrap();
        let error = reopen(&home).unwrap_err();
        match at {
            // 3 is known, of another kind of root.
            8 if flipped[8] != 3 => {
                assert!(matches!(error, VaultError::UnknownVersion { found, .. } if found == flipped[8]));
            }
            _ => assert!(matches!(error, VaultError::Damaged { .. }), "byte {at}: {error}"),
        }
    }
    for len in 0..intact.len() {
        fs::write(home.keystore(), &intact[..len]).unwrap();
        let error = reopen(&home).unwrap_err();
        assert!(matches!(error, VaultError::Damaged { .. }), "{len} bytes: {error}");
    }
    fs::write(home.keystore(), [&intact[..], &[0]].concat()).unwrap();
    assert!(matches!(reopen(&home), Err(VaultError::Damaged { .. })));
    fs::write(home.keystore(), &intact).unwrap();
    assert!(reopen(&home).is_ok());
}

/// Someone who knows the layout makes the checksum fit.
#[test]
fn no_forged_keystore_opens() {
    let (home, vault, _) = vault_with_key();
    drop(vault);
    let intact = fs::read(home.keystore()).unwrap();
    let (sealed, _) = intact.split_at(intact.len() - 32);
    for (at, mut forged) in flips(sealed) {
        forged.extend_from_slice(digest(&SHA256, &forged).as_ref());
        fs::write(home.keystore(), &forged).unwrap();
        let error = reopen(&home).unwrap_err();
        let expected = match at {
            8 if forged[8] != 3 => matches!(error, VaultError::UnknownVersion { .. }),
            9 => matches!(error, VaultError::OtherRoot { .. } | VaultError::Damaged { .. }),
            22..54 => matches!(error, VaultError::WrongRootKey(_)),
            _ => matches!(error, VaultError::Damaged { .. }),
        };
        assert!(expected, "byte {at}: {error}");
    }
}

#[test]
fn what_a_crash_left_behind_does_no_harm() {
    let (home, vault, key) = vault_with_key();
    drop(vault);
    let tmp = home.keys_dir().join("keystore.tmp");
    fs::write(&tmp, b"half a keyst").unwrap();
    let vault = home.open();
    assert_eq!(vault.keys().len(), 1);
    vault.rotate(&key).unwrap();
    assert!(!tmp.exists());
    drop(vault);
    assert_eq!(home.open().key(&key).unwrap().version, 2);
}

#[test]
fn a_change_that_cannot_be_written_does_not_happen() {
    let (home, vault, key) = vault_with_key();
    let before = fs::read(home.keystore()).unwrap();
    // A directory in the place of the temporary file.
    let obstacle = home.keys_dir().join("keystore.tmp");
    fs::create_dir(&obstacle).unwrap();
    assert!(matches!(vault.rotate(&key), Err(KeyError::NotDone(_))));
    assert!(matches!(vault.destroy(&key), Err(KeyError::NotDone(_))));
    assert!(matches!(vault.create_key("new"), Err(KeyError::NotDone(_))));
    assert_eq!(vault.keys().len(), 1);
    assert_eq!(vault.key(&key).unwrap().version, 1);
    assert!(vault.generate_data_key(&key, b"c").is_ok());
    assert_eq!(fs::read(home.keystore()).unwrap(), before);

    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(vault.rotate(&key).unwrap(), 2);
}

#[test]
fn destroying_is_final() {
    let (home, vault, key) = vault_with_key();
    vault.destroy(&key).unwrap();
    drop(vault);
    let vault = home.open();
    for refused in
        [vault.destroy(&key), vault.enable(&key), vault.disable(&key), vault.rotate(&key).map(drop)]
    {
        assert!(matches!(refused, Err(KeyError::Destroyed(id)) if id == key));
    }
    assert_eq!(vault.keys().len(), 1);
}

#[test]
fn limits_and_unknown_keys() {
    let (_home, vault, key) = vault_with_key();
    assert!(vault.create_key(&"x".repeat(DESCRIPTION_BYTES_MAX)).is_ok());
    let too_long = vault.create_key(&"x".repeat(DESCRIPTION_BYTES_MAX + 1));
    assert!(matches!(too_long, Err(KeyError::DescriptionTooLong { .. })));

    let unknown = KeyId::from_bytes([9; 16]);
    assert!(vault.key(&unknown).is_none());
    for refused in [vault.destroy(&unknown), vault.enable(&unknown), vault.rotate(&unknown).map(drop)] {
        assert!(matches!(refused, Err(KeyError::NotFound(id)) if id == unknown));
    }

    while vault.key(&key).unwrap().version < VERSIONS_MAX as u32 {
        vault.rotate(&key).unwrap();
    }
    assert!(matches!(vault.rotate(&key), Err(KeyError::TooMany { max: VERSIONS_MAX, .. })));
}

#[test]
fn the_file_tells_nothing() {
    let home = Home::new();
    let vault = home.open_counting();
    vault.create_key("a telling description").unwrap();
    let file = fs::read(home.keystore()).unwrap();
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|part| part == needle);
    assert!(!holds(b"telling"));
    // The counted bytes of the root key, the internal secret and the key.
    for secret in [0..32_u8, 48..80, 128..160] {
        assert!(!holds(&secret.collect::<Vec<_>>()[..8]));
    }
}

#[test]
fn a_key_is_changed_while_others_use_it() {
    let (_home, vault, key) = vault_with_key();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let (_, wrapped) = vault.generate_data_key(&key, b"c").unwrap();
                    vault.unwrap(&wrapped, b"c").unwrap();
                }
            });
        }
        for _ in 0..20 {
            vault.rotate(&key).unwrap();
        }
    });
    assert_eq!(vault.key(&key).unwrap().version, 21);
}

#[test]
fn a_key_id_has_one_form() {
    let id = KeyId::from_bytes([0xab; 16]);
    let text = "abababab-abab-abab-abab-abababababab";
    assert_eq!(id.to_string(), text);
    assert_eq!(text.parse::<KeyId>(), Ok(id));
    for other in [
        "",
        "abababababababababababababababab",
        "ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB",
        "{abababab-abab-abab-abab-abababababab}",
    ] {
        assert!(other.parse::<KeyId>().is_err(), "{other}");
    }
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<KeyId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<KeyId>("\"x\"").is_err());
}

#[test]
fn a_vault_is_shared_between_threads() {
    fn shareable<T: Send + Sync>() {}
    shareable::<Vault>();
    shareable::<vault::DataKey>();
    shareable::<vault::BatchSealer>();
    shareable::<RootSource>();
}
