//! What the tests share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tempfile::TempDir;
use vault::{BatchSealer, DataKey, Entropy, KeyId, RecordContext, RootSource, SystemEntropy, Vault};

/// "Random" bytes 0, 1, 2 … 255, 0, 1 …
#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU8);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// A directory with a vault's keystore and root key file in it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn keys_dir(&self) -> PathBuf {
        self.0.path().join("data/keys")
    }

    pub(crate) fn keystore(&self) -> PathBuf {
        self.keys_dir().join("keystore")
    }

    pub(crate) fn root_file(&self) -> PathBuf {
        self.0.path().join("root.key")
    }

    pub(crate) fn root(&self) -> RootSource {
        RootSource::from_file(self.root_file(), true)
    }

    pub(crate) fn open(&self) -> Vault {
        Vault::open(&self.keys_dir(), &self.root(), Arc::new(SystemEntropy)).unwrap()
    }

    pub(crate) fn open_counting(&self) -> Vault {
        Vault::open(&self.keys_dir(), &self.root(), Arc::new(CountingEntropy::default())).unwrap()
    }
}

/// A vault with one key in it.
pub(crate) fn vault_with_key() -> (Home, Vault, KeyId) {
    let home = Home::new();
    let vault = home.open();
    let key = vault.create_key("test").unwrap();
    (home, vault, key)
}

pub(crate) fn data_key() -> DataKey {
    let (_home, vault, key) = vault_with_key();
    vault.generate_data_key(&key, b"stream").unwrap().0
}

pub(crate) fn sealer(key: &DataKey) -> BatchSealer {
    BatchSealer::new(key, 1, &SystemEntropy)
}

pub(crate) const CONTEXT: RecordContext = RecordContext { stream: 1, shard: 2, seq: 3 };

/// Bytes that differ from piece to piece and within each.
pub(crate) fn body(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8).collect()
}

/// Each way of flipping one bit.
pub(crate) fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit / 8, flipped)
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
