//! Sealing something small once: under a key of its own, so that no two sealings ever share a key and a nonce.
//!
//! ```text
//! offset  size
//! 0       32    salt, random
//! 32      n     ciphertext
//! 32+n    16    tag
//! ```
//! Key: HKDF-SHA256(secret, salt, purpose). AES-256-GCM, nonce zero (the key is used once), additional data by the caller.
//! With 256 random bits of salt, a repeated key under one secret stays out of reach for any number of sealings.

use crate::Entropy;
use crate::secret::Secret;
use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

const SALT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// How much longer an envelope is than what is in it.
pub(crate) const ENVELOPE_OVERHEAD: usize = SALT_BYTES + TAG_BYTES;

/// The envelope doesn't open: damaged, or sealed under another secret, purpose or additional data, or too short.
#[derive(Debug)]
pub(crate) struct NotAuthentic;

/// Appends the envelope of `plain` to `out`.
pub(crate) fn seal(
    secret: &Secret,
    entropy: &dyn Entropy,
    purpose: &[u8],
    aad: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    out.reserve_exact(plain.len() + ENVELOPE_OVERHEAD);
    out.extend_from_slice(&salt);
    let start = out.len();
    out.resize(start + plain.len() + TAG_BYTES, 0);
    let (ciphertext, tag) = out[start..].split_at_mut(plain.len());
    secret
        .aead_key(&salt, &[purpose])
        .seal_out_of_place_scatter(zero_nonce(), Aad::from(aad), plain, ciphertext, &[], tag)
        .expect("lengths are right and small");
}

/// What is in an envelope. It may be key material, so it wipes itself.
pub(crate) fn open(
    secret: &Secret,
    purpose: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
    let (salt, rest) = sealed.split_at_checked(SALT_BYTES).ok_or(NotAuthentic)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;
    let mut plain = Zeroizing::new(vec![0; ciphertext.len()]);
    secret
        .aead_key(salt, &[purpose])
        .open_separate_gather(zero_nonce(), Aad::from(aad), ciphertext, tag, &mut plain)
        .map_err(|_| NotAuthentic)?;
    Ok(plain)
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}
