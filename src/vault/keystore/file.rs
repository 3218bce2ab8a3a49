//! The keystore's file: `keystore` in the vault's directory, replaced whole at every change.
//!
//! ```text
//! offset  size
//! 0       8     magic "KINVAULT"
//! 8       1     layout version: 2, or 3 if the root is wrapped; 1 is read too (see the module `contents`)
//! 9       1     kind of the root: 1 file, 2 passphrase, 3 secret, 4 wrapped
//! 10      4     Argon2id memory in KiB        ┐
//! 14      4     Argon2id passes               │ zero unless the root is a passphrase
//! 18      4     Argon2id lanes                ┘
//! 22      16    salt, made with the keystore: Argon2id's, and the check's
//! 38      16    check of the root key: HKDF-SHA256(root key, salt, "kinetoscope vault root check 1"), cut to 16 bytes
//! 54      4     length L of the envelope
//! 58      2     length W of the wrapped root key, 1 to 16384   ┐ in layout version 3 only;
//! 60      W     the wrapped root key, as its keeper gave it    ┘ H = 60+W there, 58 otherwise
//! H       L     envelope of the contents (see the module `contents`), sealed under the root key
//! H+L     32    SHA-256 of everything before
//! ```
//! Integers are big-endian. Additional data of the envelope: bytes 0..H. The checksum and the check tell an accident and a
//! wrong root key from each other, so that the operator learns which it is; what is opened is decided by the envelope alone.
//! What a power cut leaves is the old file or the new one (see `durable`).

use super::contents::{Contents, Layout};
use super::durable;
use super::root::{PassphraseCost, Root, RootKind, RootSource, SALT_BYTES, WRAPPED_ROOT_BYTES_MAX};
use crate::envelope::{self, ENVELOPE_OVERHEAD};
use crate::secret::Secret;
use crate::{Entropy, VaultError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use std::path::Path;

const MAGIC: &[u8; 8] = b"KINVAULT";
const VERSION: u8 = 2;
const VERSION_WRAPPED: u8 = 3;
const HEADER_BYTES: usize = 58;
const CHECK_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 32;
/// More than the largest contents take.
pub(super) const FILE_BYTES_MAX: usize = 128 << 20;
const PURPOSE: &[u8] = b"kinetoscope vault keystore 1";
const CHECK_PURPOSE: &[u8] = b"kinetoscope vault root check 1";

/// Reads and opens a keystore file; `None` if there is none.
pub(super) fn read(path: &Path, source: &RootSource) -> Result<Option<(Root, Contents)>, VaultError> {
    bytes(path)?.map(|bytes| decode(path, &bytes, source)).transpose()
}

/// The kind of root that a keystore file was made with, and the root key as it is wrapped if it is; `None` if there is no
/// file. What it states may be forged until the file is opened.
pub(super) fn stated(path: &Path) -> Result<Option<(RootKind, Vec<u8>)>, VaultError> {
    let bytes = bytes(path)?;
    bytes
        .map(|bytes| Parts::parse(path, &bytes).map(|parts| (parts.kind, parts.wrapped.to_vec())))
        .transpose()
}

fn bytes(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    let read = durable::read(path, FILE_BYTES_MAX).map_err(|source| VaultError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    match read {
        None => Ok(None),
        Some((_, bytes)) if bytes.len() > FILE_BYTES_MAX => Err(damaged(path, "it is too large")),
        Some((_, bytes)) => Ok(Some(bytes)),
    }
}

/// The bytes of a keystore file, sealed afresh.
pub(super) fn encode(root: &Root, contents: &Contents, entropy: &dyn Entropy) -> Vec<u8> {
    let plain = contents.encode();
    let sealed_len = plain.len() + ENVELOPE_OVERHEAD;
    let cost = root.cost.unwrap_or(PassphraseCost { memory_kib: 0, passes: 0, lanes: 0 });

    let mut bytes = Vec::with_capacity(HEADER_BYTES + 2 + root.wrapped.len() + sealed_len + CHECKSUM_BYTES);
    bytes.extend_from_slice(MAGIC);
    let version = if root.kind == RootKind::Wrapped { VERSION_WRAPPED } else { VERSION };
    bytes.extend_from_slice(&[version, root.kind as u8]);
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&root.salt);
    bytes.extend_from_slice(&check(&root.key, &root.salt));
    bytes.extend_from_slice(&(sealed_len as u32).to_be_bytes());
    if root.kind == RootKind::Wrapped {
        bytes.extend_from_slice(&(root.wrapped.len() as u16).to_be_bytes()); // at most WRAPPED_ROOT_BYTES_MAX
        bytes.extend_from_slice(&root.wrapped);
    }
    let header = bytes.clone();
    envelope::seal(&root.key, entropy, PURPOSE, &header, &plain, &mut bytes);
    let checksum = digest(&SHA256, &bytes);
    bytes.extend_from_slice(checksum.as_ref());
    bytes
}

/// A keystore file taken apart. Its checksum holds; nothing is authentic yet.
struct Parts<'a> {
    layout: Layout,
    kind: RootKind,
    /// The part of the header that all layouts have.
    fields: &'a [u8; HEADER_BYTES],
    wrapped: &'a [u8],
    /// Everything before the envelope.
    header: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn parse(path: &Path, bytes: &'a [u8]) -> Result<Self, VaultError> {
        let damaged = |what| damaged(path, what);
        let (layout, is_wrapped) = match bytes.strip_prefix(MAGIC).map(<[u8]>::first) {
            None => return Err(damaged("it does not begin like a keystore")),
            Some(Some(&VERSION)) => (Layout::Two, false),
            Some(Some(&VERSION_WRAPPED)) => (Layout::Two, true),
            Some(Some(1)) => (Layout::One, false),
            Some(None) => return Err(damaged("it is cut short")),
            Some(Some(&found)) => return Err(VaultError::UnknownVersion { path: path.to_owned(), found }),
        };
        let short = || damaged("it is cut short");
        let (rest, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(short)?;
        if digest(&SHA256, rest).as_ref() != checksum {
            return Err(damaged("its checksum does not match"));
        }
        let (fields, mut sealed) = rest.split_first_chunk::<HEADER_BYTES>().ok_or_else(short)?;
        let kind =
            RootKind::from_byte(fields[9]).ok_or_else(|| damaged("it states an unknown kind of root"))?;
        if is_wrapped != (kind == RootKind::Wrapped) {
            return Err(damaged("its layout is not that of its kind of root"));
        }
        let mut wrapped: &[u8] = &[];
        if is_wrapped {
            let (len, rest) = sealed.split_first_chunk().ok_or_else(short)?;
            let len = usize::from(u16::from_be_bytes(*len));
            if !(1..=WRAPPED_ROOT_BYTES_MAX).contains(&len) {
                return Err(damaged("it states an impossible length of the wrapped root key"));
            }
            (wrapped, sealed) = rest.split_at_checked(len).ok_or_else(short)?;
        }
        if u32::from_be_bytes(field(fields, 54)) as usize != sealed.len() {
            return Err(damaged("its length does not match"));
        }
        let header = &rest[..rest.len() - sealed.len()];
        Ok(Self { layout, kind, fields, wrapped, header, sealed })
    }
}

fn decode(path: &Path, bytes: &[u8], source: &RootSource) -> Result<(Root, Contents), VaultError> {
    let damaged = |what| damaged(path, what);
    let Parts { layout, kind, fields, header, sealed, .. } = Parts::parse(path, bytes)?;
    if kind != source.kind() {
        return Err(VaultError::OtherRoot { path: path.to_owned(), stored: kind, given: source.kind() });
    }
    let number = |at| u32::from_be_bytes(field(fields, at));
    let cost = PassphraseCost { memory_kib: number(10), passes: number(14), lanes: number(18) };
    let salt: [u8; SALT_BYTES] = field(fields, 22);
    let root =
        source.existing_root(salt, cost)?.ok_or(damaged("it states an absurd cost of the passphrase"))?;
    if verify_slices_are_equal(&check(&root.key, &salt), &field::<CHECK_BYTES>(fields, 38)).is_err() {
        return Err(VaultError::WrongRootKey(path.to_owned()));
    }
    let plain = envelope::open(&root.key, PURPOSE, header, sealed)
        .map_err(|_| damaged("its contents are not authentic"))?;
    let contents = Contents::decode(&plain, layout).ok_or(damaged("its contents make no sense"))?;
    Ok((root, contents))
}

fn check(root_key: &Secret, salt: &[u8]) -> [u8; CHECK_BYTES] {
    let derived = root_key.derive(salt, &[CHECK_PURPOSE]);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&derived.as_bytes()[..CHECK_BYTES]);
    check
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&header[at..at + N]);
    field
}

fn damaged(path: &Path, what: &'static str) -> VaultError {
    VaultError::Damaged { path: path.to_owned(), what }
}
