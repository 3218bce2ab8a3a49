//! Keys as a key management service has them: dates, schedules, tags, aliases, and texts encrypted under them.

use crate::support::{Home, flips};
use proptest::prelude::*;
use std::fs;
use std::sync::Arc;
use vault::{
    AliasError, EncryptError, EncryptionContext, KeyError, KeyInfo, KeyState, KeyUseError, NewKey,
    RootSource, Swept, SystemEntropy, TEXT_BYTES_MAX, UnwrapError, Vault, VersionCause, encrypted_under,
};

const DAY_MS: u64 = 24 * 3600 * 1000;

fn new_key(vault: &Vault, now_ms: u64) -> KeyInfo {
    let tags = [("site".to_owned(), "north".to_owned())].into();
    vault.create_key_with(NewKey { description: "d".into(), policy: "{}".into(), tags, now_ms }).unwrap()
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn all_that_is_known_of_a_key_survives_reopening() {
    let home = Home::new();
    let vault = home.open();
    let key = new_key(&vault, 1000).id;
    vault.describe_key(&key, "doors").unwrap();
    vault.put_key_policy(&key, "{ }".into()).unwrap();
    vault.tag_key(&key, [("floor".to_owned(), "1".to_owned())].into(), &["site".to_owned()]).unwrap();
    vault.schedule_rotation(&key, Some(90), 2000).unwrap();
    assert_eq!(vault.rotate_on_demand(&key, 3000).unwrap(), 2);
    vault.create_alias("alias/door", &key, 4000).unwrap();
    let other = new_key(&vault, 5000).id;
    vault.schedule_deletion(&other, 6000).unwrap();
    let (keys, aliases) = (vault.keys(), vault.aliases());
    drop(vault);
    let vault = home.open();
    assert_eq!((vault.keys(), vault.aliases()), (keys, aliases));
    let info = vault.key(&key).unwrap();
    assert_eq!(
        (info.description.as_str(), info.attributes.policy.as_str(), info.version),
        ("doors", "{ }", 2)
    );
    assert_eq!(info.attributes.tags, context(&[("floor", "1")]));
    assert_eq!(info.attributes.versions[1].cause, VersionCause::Demand);
    assert_eq!(
        info.attributes.next_rotation_ms(),
        Some(2000 + 90 * DAY_MS),
        "rotating on demand changes no date"
    );
    assert_eq!(vault.key(&other).unwrap().attributes.deletion_ms, Some(6000));
}

#[test]
fn a_keystore_of_the_first_layout_opens_and_is_written_anew() {
    let home = Home::new();
    drop(home.open());
    // Made by a program that knew only the first layout, with this secret as its root.
    fs::write(home.keystore(), include_bytes!("keystore_v1")).unwrap();
    let root = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let open =
        || Vault::open(&home.keys_dir(), &RootSource::from_secret(root), Arc::new(SystemEntropy)).unwrap();
    let vault = open();
    let keys = vault.keys();
    assert_eq!(keys.len(), 1);
    assert_eq!((keys[0].state, keys[0].version, keys[0].attributes.created_ms), (KeyState::Enabled, 1, 0));
    assert_eq!(fs::read(home.keystore()).unwrap()[8], 1, "looking changes nothing");
    vault.create_alias("alias/old", &keys[0].id, 7).unwrap();
    drop(vault);
    assert_eq!(fs::read(home.keystore()).unwrap()[8], 2);
    assert_eq!(open().keys(), keys);
    assert_eq!(open().alias("alias/old"), Some(keys[0].id));
}

#[test]
fn deletion_waits_can_be_cancelled_and_destroys() {
    let home = Home::new();
    let vault = home.open();
    let key = new_key(&vault, 0).id;
    let (encrypted, _) = vault.encrypt(&key, &context(&[]), b"text").unwrap();
    vault.create_alias("alias/a", &key, 0).unwrap();
    assert!(matches!(vault.cancel_deletion(&key), Err(KeyError::NotPendingDeletion(_))));
    vault.schedule_deletion(&key, 1000).unwrap();
    assert!(matches!(vault.schedule_deletion(&key, 2000), Err(KeyError::PendingDeletion(_))));
    assert!(matches!(vault.enable(&key), Err(KeyError::PendingDeletion(_))));
    assert!(matches!(
        vault.encrypt(&key, &context(&[]), b""),
        Err(EncryptError::Key(KeyUseError::PendingDeletion(_)))
    ));
    assert_eq!(vault.sweep(999).unwrap(), []);
    vault.cancel_deletion(&key).unwrap();
    assert_eq!(vault.sweep(u64::MAX).unwrap(), []);
    assert!(matches!(
        vault.encrypt(&key, &context(&[]), b""),
        Err(EncryptError::Key(KeyUseError::Disabled(_)))
    ));
    vault.enable(&key).unwrap();
    assert_eq!(*vault.decrypt(&encrypted, &context(&[])).unwrap().text, b"text");
    vault.schedule_deletion(&key, 1000).unwrap();
    assert_eq!(vault.sweep(1000).unwrap(), [Swept::Destroyed(key)]);
    assert_eq!(vault.sweep(1000).unwrap(), []);
    let lost = vault.decrypt(&encrypted, &context(&[])).err();
    assert_eq!(lost, Some(UnwrapError::Key(KeyUseError::Destroyed(key))));
    assert_eq!((vault.alias("alias/a"), vault.key(&key).unwrap().state), (None, KeyState::Destroyed));
}

#[test]
fn keys_rotate_when_they_are_due_and_old_texts_still_open() {
    let home = Home::new();
    let vault = home.open();
    let key = new_key(&vault, 0).id;
    let (old, version) = vault.encrypt(&key, &context(&[]), b"old").unwrap();
    assert_eq!(version, 1);
    vault.schedule_rotation(&key, Some(90), 5).unwrap();
    assert_eq!(vault.sweep(90 * DAY_MS + 4).unwrap(), []);
    assert_eq!(vault.sweep(90 * DAY_MS + 5).unwrap(), [Swept::Rotated(key)]);
    assert_eq!(vault.sweep(90 * DAY_MS + 5).unwrap(), []);
    assert_eq!(vault.key(&key).unwrap().attributes.next_rotation_ms(), Some(180 * DAY_MS + 5));
    let (new, version) = vault.encrypt(&key, &context(&[]), b"new").unwrap();
    assert_eq!((version, encrypted_under(&new)), (2, Ok((key, 2))));
    assert_eq!(*vault.decrypt(&old, &context(&[])).unwrap().text, b"old");
    vault.schedule_rotation(&key, None, 6).unwrap();
    assert_eq!(vault.sweep(u64::MAX).unwrap(), []);
    for _ in 0..vault::DEMANDS_MAX {
        vault.rotate_on_demand(&key, 7).unwrap();
    }
    assert!(matches!(vault.rotate_on_demand(&key, 7), Err(KeyError::TooMany { .. })));
}

#[test]
fn aliases_name_one_key_at_a_time() {
    let home = Home::new();
    let vault = home.open();
    let (one, two) = (new_key(&vault, 0).id, new_key(&vault, 0).id);
    assert!(matches!(vault.update_alias("alias/a", &one, 1), Err(AliasError::NotFound(_))));
    vault.create_alias("alias/a", &one, 1).unwrap();
    assert!(matches!(vault.create_alias("alias/a", &two, 1), Err(AliasError::Exists(_))));
    vault.update_alias("alias/a", &two, 2).unwrap();
    let alias = &vault.aliases()[0];
    assert_eq!((alias.key, alias.created_ms, alias.updated_ms), (two, 1, 2));
    vault.delete_alias("alias/a").unwrap();
    assert!(matches!(vault.delete_alias("alias/a"), Err(AliasError::NotFound(_))));
    assert!(matches!(vault.create_alias("", &one, 1), Err(AliasError::Key(KeyError::TooMany { .. }))));
}

#[test]
fn what_does_not_fit_is_refused() {
    let home = Home::new();
    let vault = home.open();
    let key = new_key(&vault, 0).id;
    let long = "x".repeat(vault::KEY_POLICY_BYTES_MAX + 1);
    assert!(matches!(vault.put_key_policy(&key, long), Err(KeyError::AttributesTooLarge)));
    let tags = (0..51).map(|number| (number.to_string(), String::new())).collect();
    assert!(matches!(vault.tag_key(&key, tags, &[]), Err(KeyError::AttributesTooLarge)));
    let too_long = vault.encrypt(&key, &context(&[]), &[0; TEXT_BYTES_MAX + 1]);
    assert!(matches!(too_long, Err(EncryptError::TooLong { .. })));
    assert_eq!(vault.key(&key).unwrap().attributes.tags, context(&[("site", "north")]));
}

#[test]
fn no_altered_text_decrypts() {
    let home = Home::new();
    let vault = home.open();
    let key = new_key(&vault, 0).id;
    let context = context(&[("a", "b")]);
    let (encrypted, _) = vault.encrypt(&key, &context, b"text").unwrap();
    for (at, flipped) in flips(&encrypted) {
        let error = vault.decrypt(&flipped, &context).err().unwrap();
        match at {
            0 => assert!(matches!(error, UnwrapError::UnknownVersion(_))),
            1..17 => assert!(matches!(error, UnwrapError::Key(KeyUseError::NotFound(_)))),
            17..21 => assert!(matches!(error, UnwrapError::UnknownKeyVersion { .. })),
            _ => assert_eq!(error, UnwrapError::NotAuthentic),
        }
    }
    for len in 0..encrypted.len() {
        assert!(vault.decrypt(&encrypted[..len], &context).is_err(), "{len}");
    }
    assert!(vault.decrypt(&[&encrypted[..], &[0]].concat(), &context).is_err());
}

#[test]
fn a_text_opens_with_its_own_context_alone() {
    let home = Home::new();
    let vault = home.open();
    let key = new_key(&vault, 0).id;
    let own = context(&[("ab", "c"), ("d", "")]);
    let (encrypted, _) = vault.encrypt(&key, &own, b"text").unwrap();
    assert!(vault.decrypt(&encrypted, &own).is_ok());
    for other in [
        &[][..],
        &[("ab", "c")],
        &[("a", "bc"), ("d", "")],
        &[("AB", "c"), ("d", "")],
        &[("ab", "cd"), ("", "")],
    ] {
        let error = vault.decrypt(&encrypted, &context(other)).err();
        assert_eq!(error, Some(UnwrapError::NotAuthentic), "{other:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn texts_come_back(text in prop::collection::vec(any::<u8>(), 0..=TEXT_BYTES_MAX), name in ".{0,20}", value in ".{0,20}") {
        let home = Home::new();
        let vault = home.open();
        let key = new_key(&vault, 0).id;
        let context = context(&[(name.as_str(), value.as_str())]);
        let (encrypted, _) = vault.encrypt(&key, &context, &text).unwrap();
        prop_assert_eq!(encrypted.len(), text.len() + 69);
        prop_assert_eq!(&*vault.decrypt(&encrypted, &context).unwrap().text, &text);
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = encrypted_under(&bytes);
    }
}
