//! The sources of the root key, and changing from one to another.

use crate::support::{Home, hex};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use vault::{KeyUseError, RootKind, RootRefusal, RootSource, SystemEntropy, UnwrapError, Vault, VaultError};

const SECRET: &str = "8f1d3c5b7a9e0f2d4c6b8a1e3f5d7c9b0a2e4f6d8c1b3a5e7f9d0c2b4a6e8f10";
const PASSPHRASE: &str = "correct horse battery";

fn open(home: &Home, root: &RootSource) -> Result<Vault, VaultError> {
    Vault::open(&home.keys_dir(), root, Arc::new(SystemEntropy))
}

/// Makes a keystore and hands out something that only opens if the root key was right.
fn make(home: &Home, root: &RootSource) -> Vec<u8> {
    open(home, root).unwrap().seal_blob(b"c", b"value").unwrap()
}

fn assert_opens(home: &Home, root: &RootSource, blob: &[u8]) {
    assert_eq!(open(home, root).unwrap().open_blob(b"c", blob).unwrap(), b"value");
}

#[test]
fn a_file() {
    let home = Home::new();
    let blob = make(&home, &home.root());
    assert_opens(&home, &home.root(), &blob);
    assert_opens(&home, &RootSource::from_file(home.root_file(), false), &blob);

    // As a person would type it in again, without the end of the line.
    let text = fs::read_to_string(home.root_file()).unwrap();
    fs::write(home.root_file(), text.trim_end()).unwrap();
    assert_opens(&home, &home.root(), &blob);
}

#[test]
fn a_file_is_made_only_when_allowed_and_only_for_a_new_keystore() {
    let home = Home::new();
    let missing =
        |result| matches!(result, Err(VaultError::RootFileMissing(path)) if path == home.root_file());
    assert!(missing(open(&home, &RootSource::from_file(home.root_file(), false))));
    assert!(!home.keystore().exists());

    make(&home, &home.root());
    fs::remove_file(home.root_file()).unwrap();
    assert!(missing(open(&home, &home.root())));
    assert!(!home.root_file().exists());
}

#[test]
fn a_file_that_stands_is_used() {
    let (one, two) = (Home::new(), Home::new());
    make(&one, &one.root());
    let shared = RootSource::from_file(one.root_file(), true);
    let before = fs::read(one.root_file()).unwrap();
    let blob = make(&two, &shared);
    assert_opens(&two, &shared, &blob);
    assert_eq!(fs::read(one.root_file()).unwrap(), before);
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let home = Home::new();
    make(&home, &home.root());
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777] {
        fs::set_permissions(home.root_file(), Permissions::from_mode(mode)).unwrap();
        let error = open(&home, &home.root()).unwrap_err();
        assert!(matches!(error, VaultError::RootFileExposed { mode: found, .. } if found == mode));
        assert!(error.to_string().contains(&format!("mode {mode:o}")), "{error}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(home.root_file(), Permissions::from_mode(mode)).unwrap();
        assert!(open(&home, &home.root()).is_ok());
    }
}

#[test]
fn a_file_with_something_else_in_it_is_refused() {
    let home = Home::new();
    make(&home, &home.root());
    let intact = fs::read(home.root_file()).unwrap();
    let mut cases: Vec<Vec<u8>> = (0..intact.len() - 1).map(|len| intact[..len].to_vec()).collect();
    cases.push([&intact[..intact.len() - 1], b"00\n"].concat());
    cases.push([&intact[..intact.len() - 2], b"g\n"].concat());
    cases.push([&intact[..], &[0xff]].concat());
    cases.push(vec![b'k'; 1 << 20]);
    for case in cases {
        fs::write(home.root_file(), &case).unwrap();
        let error = open(&home, &home.root()).unwrap_err();
        assert!(matches!(error, VaultError::RootFileMalformed(path) if path == home.root_file()));
    }
}

#[test]
fn a_passphrase() {
    let home = Home::new();
    let root = RootSource::from_passphrase(PASSPHRASE);
    let blob = make(&home, &root);
    assert_opens(&home, &root, &blob);
    let wrong = RootSource::from_passphrase("correct horse batter1");
    assert!(matches!(open(&home, &wrong), Err(VaultError::WrongRootKey(path)) if path == home.keystore()));
    for passphrase in ["", "eleven byte", &"x".repeat(1025)] {
        let refused = open(&Home::new(), &RootSource::from_passphrase(passphrase));
        assert!(matches!(refused, Err(VaultError::Passphrase)));
    }
}

#[test]
fn a_keystore_cannot_ask_for_absurd_work() {
    let home = Home::new();
    let root = RootSource::from_passphrase(PASSPHRASE);
    make(&home, &root);
    let intact = fs::read(home.keystore()).unwrap();
    for (at, number) in [(10, u32::MAX), (14, u32::MAX), (18, 1 << 20), (10, 0), (14, 0), (18, 0)] {
        let mut forged = intact[..intact.len() - 32].to_vec();
        forged[at..at + 4].copy_from_slice(&number.to_be_bytes());
        forged.extend_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &forged).as_ref());
        fs::write(home.keystore(), forged).unwrap();
        let error = open(&home, &root).unwrap_err();
        assert!(matches!(error, VaultError::Damaged { .. } | VaultError::Argon2(_)), "{error}");
    }
}

#[test]
fn a_secret() {
    let home = Home::new();
    let blob = make(&home, &RootSource::from_secret(SECRET));
    assert_opens(&home, &RootSource::from_secret(format!(" {SECRET}\n")), &blob);
    assert_opens(&home, &RootSource::from_secret(SECRET.to_uppercase()), &blob);
    let wrong = SECRET.replacen('8', "9", 1);
    assert!(matches!(open(&home, &RootSource::from_secret(wrong)), Err(VaultError::WrongRootKey(_))));
}

#[test]
fn a_secret_in_base64_is_the_same_secret() {
    let home = Home::new();
    let blob = make(&home, &RootSource::from_secret("fb+/3+x6mY4vTVtqe4ydrr/A0eLz9AUWJzhJWmt8jZ4="));
    for same in
        ["fb+/3+x6mY4vTVtqe4ydrr/A0eLz9AUWJzhJWmt8jZ4", "fb-_3-x6mY4vTVtqe4ydrr_A0eLz9AUWJzhJWmt8jZ4="]
    {
        assert_opens(&home, &RootSource::from_secret(same), &blob);
    }
}

#[test]
fn a_weak_secret_is_refused() {
    let short = hex(&(0..31).collect::<Vec<u8>>());
    let zeros = "0".repeat(64);
    let repeated = "deadbeef".repeat(8);
    let too_long = hex(&(0..=255).cycle().take(1025).collect::<Vec<u8>>());
    for secret in ["", "hunter2", "not in base64!", &short, &zeros, &repeated, &too_long] {
        let refused = open(&Home::new(), &RootSource::from_secret(secret));
        assert!(matches!(refused, Err(VaultError::RootSecret)), "{secret}");
    }
}

#[test]
fn the_wrong_root_key_is_told_from_damage() {
    let (home, other) = (Home::new(), Home::new());
    make(&home, &home.root());
    make(&other, &other.root());
    let error = open(&home, &other.root()).unwrap_err();
    assert!(matches!(&error, VaultError::WrongRootKey(path) if *path == home.keystore()));
    assert!(error.to_string().starts_with("this is not the root key of the keystore "));
}

#[test]
fn the_wrong_kind_of_root_is_named() {
    let home = Home::new();
    make(&home, &RootSource::from_secret(SECRET));
    let error = open(&home, &RootSource::from_passphrase(PASSPHRASE)).unwrap_err();
    assert!(matches!(
        &error,
        VaultError::OtherRoot { stored: RootKind::Secret, given: RootKind::Passphrase, .. }
    ));
    assert!(error.to_string().ends_with("was made with a secret as its root, not with a passphrase"));
    assert!(matches!(open(&home, &home.root()), Err(VaultError::OtherRoot { .. })));
    assert!(!home.root_file().exists());
}

#[test]
fn no_source_prints_what_it_holds() {
    assert_eq!(format!("{:?}", RootSource::from_passphrase(PASSPHRASE)), "Passphrase(..)");
    assert_eq!(format!("{:?}", RootSource::from_secret(SECRET)), "Secret(..)");
}

/// As an external KMS hands a key out: what it is, and its wrapping.
fn wrapped_root(byte: u8, wrapping: &[u8]) -> RootSource {
    RootSource::from_wrapped(&[byte; 32], wrapping.to_vec()).unwrap()
}

#[test]
fn a_wrapped_key_is_carried_by_the_keystore_file() {
    let home = Home::new();
    assert_eq!(vault::stated_root(&home.keys_dir()).unwrap(), None);
    let blob = make(&home, &wrapped_root(7, b"wrapping"));
    let stated = vault::stated_root(&home.keys_dir()).unwrap().unwrap();
    assert_eq!((stated.kind, &stated.wrapped[..]), (RootKind::Wrapped, &b"wrapping"[..]));
    assert_opens(&home, &wrapped_root(7, &stated.wrapped), &blob);
    let wrong = open(&home, &wrapped_root(8, b"wrapping"));
    assert!(matches!(wrong, Err(VaultError::WrongRootKey(_))));
    assert!(matches!(open(&home, &home.root()), Err(VaultError::OtherRoot { .. })));
    // A change keeps it.
    open(&home, &wrapped_root(7, b"wrapping")).unwrap().create_key("k").unwrap();
    assert_eq!(vault::stated_root(&home.keys_dir()).unwrap().unwrap().wrapped, b"wrapping");

    let longest = vec![1; vault::WRAPPED_ROOT_BYTES_MAX];
    let other = Home::new();
    make(&other, &wrapped_root(7, &longest));
    assert_eq!(vault::stated_root(&other.keys_dir()).unwrap().unwrap().wrapped, longest);
    for (key, wrapping) in [(&[7; 31][..], 8), (&[7; 33], 8), (&[7; 32], 0), (&[7; 32], longest.len() + 1)] {
        assert!(RootSource::from_wrapped(key, vec![1; wrapping]).is_none());
    }
    assert_eq!(format!("{:?}", wrapped_root(7, b"w")), "Wrapped(..)");
}

#[test]
fn a_file_with_a_wrapped_key_that_is_cut_or_changed_is_refused() {
    let home = Home::new();
    make(&home, &wrapped_root(7, b"wrapping"));
    let intact = fs::read(home.keystore()).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(home.keystore(), bytes).unwrap();
        assert!(open(&home, &wrapped_root(7, b"wrapping")).is_err());
        vault::stated_root(&home.keys_dir())
    };
    for len in 0..intact.len() {
        assert!(refused(&intact[..len]).is_err(), "{len}");
    }
    // With a checksum that fits: the version, the kind, the length of the wrapping, the wrapping.
    for (at, byte) in [(8, 2), (9, 1), (58, 0xff), (59, 0), (59, 200), (60, b'W')] {
        let mut forged = intact[..intact.len() - 32].to_vec();
        forged[at] = byte;
        forged.extend_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &forged).as_ref());
        // A changed wrapping shows only when the file is opened.
        assert_eq!(refused(&forged).is_ok(), at == 60, "{at}");
    }
}

#[test]
fn a_keystore_moves_from_one_root_to_another_and_back() {
    let home = Home::new();
    let blob = make(&home, &home.root());
    let wrapped = wrapped_root(7, b"wrapping");
    let change =
        |from: &RootSource, to: &RootSource| vault::change_root(&home.keys_dir(), from, to, &SystemEntropy);
    assert!(matches!(change(&wrapped, &home.root()), Err(VaultError::OtherRoot { .. })));
    change(&home.root(), &wrapped).unwrap();
    assert!(matches!(open(&home, &home.root()), Err(VaultError::OtherRoot { .. })));
    assert_opens(&home, &wrapped, &blob);
    {
        let _open = open(&home, &wrapped).unwrap();
        assert!(matches!(change(&wrapped, &home.root()), Err(VaultError::InUse(_))));
    }
    change(&wrapped, &home.root()).unwrap();
    assert_opens(&home, &home.root(), &blob);
    let none = tempfile::tempdir().unwrap();
    let refused = vault::change_root(none.path(), &wrapped, &home.root(), &SystemEntropy);
    assert!(matches!(refused, Err(VaultError::NoKeystore(_))));
}

#[test]
fn no_key_is_used_while_the_root_is_refused() {
    let home = Home::new();
    let vault = open(&home, &wrapped_root(7, b"wrapping")).unwrap();
    let key = vault.create_key("k").unwrap();
    let (_, wrapped) = vault.generate_data_key(&key, b"c").unwrap();
    for refusal in
        [RootRefusal::Disabled, RootRefusal::AccessDenied, RootRefusal::InvalidState, RootRefusal::NotFound]
    {
        vault.refuse_root(Some(refusal));
        assert_eq!(vault.root_refusal(), Some(refusal));
        let refused = KeyUseError::Root(refusal);
        assert_eq!(vault.generate_data_key(&key, b"c").unwrap_err(), refused);
        assert_eq!(vault.unwrap(&wrapped, b"c").unwrap_err(), UnwrapError::Key(refused));
        assert!(vault.encrypt(&key, &Default::default(), b"t").is_err());
        // What it takes to administer the server.
        assert!(vault.seal_blob(b"c", b"v").is_ok() && vault.create_key("k").is_ok());
    }
    vault.refuse_root(None);
    assert!(vault.unwrap(&wrapped, b"c").is_ok());
}
