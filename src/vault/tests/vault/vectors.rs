//! Fixed randomness, fixed bytes: no layout on disk changes without a new version, and what an older program wrote opens.
//! (The bytes were checked against the layouts by a second implementation, written in another language from the drawings.)

use crate::support::{CountingEntropy, Home, body, from_hex, hex};
use aws_lc_rs::digest::{SHA256, digest};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use vault::seal::PIECE;
use vault::{BatchSealer, RecordContext, RootSource, SealedHead, Vault, WrappedKey};

const CONTEXT: RecordContext = RecordContext { stream: 0x11, shard: 0x22, seq: 0x33 };
const ROOT_FILE: &str =
    "kinetoscope-root-key-1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const KEYSTORE: &str = concat!(
    "4b494e5641554c540201000000000000000000000000202122232425262728292a2b2c2d2e2ff8d03bed99d475eee212107c",
    "903e443b000000c1a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf9df2bd66a88ef3629bf3",
    "1052925a65e6efb8a97b1413035b78c6f58fe3d1d6aade0c16d0dba3fbd265ca90eb77befa661374338352760a9de842ce29",
    "fb11ae59b2a85acc51538ef0fe6512ea80fbd83b28a124cbf922931014a0ba179e5ed9db0f0b561a607beda4f32a0e7d75bd",
    "a1d3d6322e9368a63a36eb978669897295fb94632e2ee764f400946175ead8be107816496e68ea760d635756bd13cc6d828d",
    "fdbe8f9274109011b95c8ef8455b648fb65a3b120a818bb60cfda709df8c572a76",
);
/// The same key in a file of layout version 1.
const KEYSTORE_V1: &str = concat!(
    "4b494e5641554c540101000000000000000000000000202122232425262728292a2b2c2d2e2ff8d03bed99d475eee212107c",
    "903e443b00000092a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf9df2bd66a88ef3629bf3",
    "1052925a65e6efb8a97b1413035b78c6f58fe3d1d6aade0c16d0dba3fbd265ca90eb77befa661374338352760a9de842ce29",
    "fb11ae59b2a85acc51538ef0fe6512ea80fbd83b28a124cbf922931014a0ba179e5ed9db0f0b7e18aec876b239d135d99a90",
    "919f8ebdc5640a01e219befbc6a932100ef73a33ada0836d176e3dd3ec809216758b4d0d",
);
const WRAPPED: &str = concat!(
    "017071727374754677b8797a7b7c7d7e7f00000001e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfc",
    "fdfeffb6c65be024b4e5d9d34f326840850afca85248512b9fa22e6061a678ff1990cbdba5e030c25ebeb312e3193024d074",
    "d7",
);
const BLOB: &str = concat!(
    "01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f88e308701a544d998ac9e5572440b47606",
    "e7eb038b",
);
const CODE: &str = "a8aa89eb91a3f66b3d4ae35055ea5fb97f252286b9c231ffa2fd46bd19d81512";
const SMALL_HEAD: &str =
    "0100000007000102030405060708090a0b0c0d0e0f000000000000000431d5050d2ee3df07df30f9f0ddc74b6f9825041c";
const SMALL_BODY: &str = "134aefa1b74ddbd9b90ce07237300e4ffee9e334";
const LARGE_HEAD: &str =
    "0100000007000102030405060708090a0b0c0d0e0f000000020004000a4e553f76873a9fe53b6709fa87608494";
const LARGE_BODY_SHA256: &str = "1ba117816602369313245d6887dc76041dd189d0d921a22add3ab098ec72b522";
const PASSPHRASE_KEYSTORE: &str = concat!(
    "4b494e5641554c540202000100000000000300000004000102030405060708090a0b0c0d0e0f627e6abb7131299cee16298a",
    "3020afb100000058303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f605c73e2a9d25ead8b6d",
    "fc3249b63b2a62eaefcedd6c163e18d3ff7551fcee06fc14860f5a41f8f12c77a2d10fb83ab10b582d30cdce638fef510ae5",
    "bb0286b1a50cd56577c086064e68386163e9358d00463c6ecc77d538",
);
const SECRET_KEYSTORE: &str = concat!(
    "4b494e5641554c540203000000000000000000000000000102030405060708090a0b0c0d0e0f15f98823cc0a8deaf94ef374",
    "560b52c500000058303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f6cba47b40b9e4428633f",
    "aab230ec21ae6f512065677b4fad13eedb76d3f6ab07791031d9beaf14cc6ffd0e8b19cf6bcccdacd1665c8f73cdd53ec1f0",
    "c91fb5137755d8ada4b68098d563ed21596f78443259dc8e9bea967d",
);
const PASSPHRASE: &str = "correct horse battery staple";
const SECRET: &str = "7dbfbfdfec7a998e2f4d5b6a7b8c9daebfc0d1e2f3f405162738495a6b7c8d9e";

#[test]
fn the_same_bytes_are_written() {
    let home = Home::new();
    let vault = home.open_counting();
    assert_eq!(fs::read_to_string(home.root_file()).unwrap(), ROOT_FILE);
    let key = vault.create_key("vectors").unwrap();
    assert_eq!(hex(&fs::read(home.keystore()).unwrap()), KEYSTORE);

    let (data_key, wrapped) = vault.generate_data_key(&key, b"stream").unwrap();
    assert_eq!(hex(wrapped.as_bytes()), WRAPPED);
    assert_eq!(hex(&vault.seal_blob(b"row", b"value").unwrap()), BLOB);
    assert_eq!(hex(&vault.mac("token", b"data")), CODE);

    let mut sealer = BatchSealer::new(&data_key, 7, &CountingEntropy::default());
    let small = sealer.seal(&CONTEXT, b"head", b"body").unwrap();
    assert_eq!(hex(&small.head), SMALL_HEAD);
    assert_eq!(hex(&small.body), SMALL_BODY);
    let large = sealer.seal(&CONTEXT, b"", &body(PIECE + 10)).unwrap();
    assert_eq!(hex(&large.head), LARGE_HEAD);
    assert_eq!(hex(digest(&SHA256, &large.body).as_ref()), LARGE_BODY_SHA256);
}

#[test]
fn what_was_written_before_opens() {
    [KEYSTORE, KEYSTORE_V1].into_iter().for_each(opens);
}

fn opens(keystore: &str) {
    let home = Home::new();
    fs::create_dir_all(home.keys_dir()).unwrap();
    fs::write(home.root_file(), ROOT_FILE).unwrap();
    fs::set_permissions(home.root_file(), Permissions::from_mode(0o600)).unwrap();
    fs::write(home.keystore(), from_hex(keystore)).unwrap();

    let vault = home.open();
    assert_eq!(vault.keys()[0].description, "vectors");
    let data_key = vault.unwrap(&WrappedKey::parse(&from_hex(WRAPPED)).unwrap(), b"stream").unwrap();
    assert_eq!(vault.open_blob(b"row", &from_hex(BLOB)).unwrap(), b"value");
    assert!(vault.verify_mac("token", b"data", &from_hex(CODE)));

    let head = from_hex(SMALL_HEAD);
    let head = SealedHead::parse(&head).unwrap();
    assert_eq!((head.key_number(), head.body_len()), (7, 4));
    assert_eq!(data_key.open_head(&CONTEXT, &head).unwrap(), &b"head"[..]);
    assert_eq!(data_key.open_body(&CONTEXT, &head, &from_hex(SMALL_BODY)).unwrap(), &b"body"[..]);
}

#[test]
fn keystores_of_the_other_roots() {
    for (root, expected) in [
        (RootSource::from_passphrase(PASSPHRASE), PASSPHRASE_KEYSTORE),
        (RootSource::from_secret(SECRET), SECRET_KEYSTORE),
    ] {
        let home = Home::new();
        drop(Vault::open(&home.keys_dir(), &root, Arc::new(CountingEntropy::default())).unwrap());
        assert_eq!(hex(&fs::read(home.keystore()).unwrap()), expected);
        assert!(Vault::open(&home.keys_dir(), &root, Arc::new(CountingEntropy::default())).is_ok());
    }
}
