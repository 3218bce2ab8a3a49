//! The head: a prefix in the clear, then the caller's bytes in one sealed part.

use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEAD_OVERHEAD, Part, RecordContext, Scope, TAG, VERSION, range};
use crate::data_key::BatchKeyId;
use crate::{DataKey, OpenError};
use aws_lc_rs::aead::{Aad, LessSafeKey};
use bytes::{Bytes, BytesMut};

pub(super) const PREFIX_BYTES: usize = 29;

/// A sealed head taken apart. What it says is a claim until [`DataKey::open_head`] (or opening any of the body) has
/// succeeded.
#[derive(Clone, Copy)]
pub struct SealedHead<'a> {
    pub(super) batch: BatchKeyId,
    pub(super) first_nonce: u32,
    pub(super) body_len: u32,
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG],
}

impl<'a> SealedHead<'a> {
    /// Takes a sealed head apart, checking its layout and limits.
    pub fn parse(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let max = HEAD_BYTES_MAX + HEAD_OVERHEAD;
        let wrong_length = OpenError::HeadLength { min: HEAD_OVERHEAD, max, found: sealed.len() };
        match sealed.first() {
            None => return Err(wrong_length),
            Some(&VERSION) => {}
            Some(version) => return Err(OpenError::UnknownVersion(*version)),
        }
        if sealed.len() > max {
            return Err(wrong_length);
        }
        let (prefix, rest) = sealed.split_first_chunk::<PREFIX_BYTES>().ok_or(wrong_length)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(wrong_length)?;
        let body_len = number(prefix, 25);
        if body_len as usize > BODY_BYTES_MAX {
            return Err(OpenError::BodyTooLarge { max: BODY_BYTES_MAX, found: body_len.into() });
        }
        let mut salt = [0; 16];
        salt.copy_from_slice(&prefix[5..21]);
        let batch = BatchKeyId { key_number: number(prefix, 1), salt };
        Ok(Self { batch, first_nonce: number(prefix, 21), body_len, ciphertext, tag })
    }

    /// Which of its owner's data keys sealed the record.
    pub fn key_number(&self) -> u32 {
        self.batch.key_number
    }

    /// Plaintext bytes of the body.
    pub fn body_len(&self) -> u64 {
        self.body_len.into()
    }

    /// Bytes of the sealed body.
    pub fn body_sealed_len(&self) -> u64 {
        range::body_sealed_len(self.body_len.into())
    }

    pub(super) fn scope(&self, context: &RecordContext) -> Scope {
        Scope { context: *context, first_nonce: self.first_nonce, body_len: self.body_len }
    }
}

impl DataKey {
    /// Opens a head.
    pub fn open_head(&self, context: &RecordContext, head: &SealedHead<'_>) -> Result<Bytes, OpenError> {
        let scope = head.scope(context);
        let mut plain = vec![0; head.ciphertext.len()];
        self.batch_key(&head.batch)
            .open_separate_gather(
                scope.nonce(Part::Head),
                Aad::from(scope.additional_data(Part::Head)),
                head.ciphertext,
                head.tag,
                &mut plain,
            )
            .map_err(|_| OpenError::NotAuthentic { part: Part::Head })?;
        Ok(plain.into())
    }
}

/// Seals a head of checked length.
pub(super) fn seal(
    key: &LessSafeKey,
    batch: &BatchKeyId,
    scope: &Scope,
    head: &[u8],
    room: &mut BytesMut,
) -> Bytes {
    room.resize(head.len() + HEAD_OVERHEAD, 0);
    let (prefix, rest) = room.split_at_mut(PREFIX_BYTES);
    prefix[0] = VERSION;
    prefix[1..5].copy_from_slice(&batch.key_number.to_be_bytes());
    prefix[5..21].copy_from_slice(&batch.salt);
    prefix[21..25].copy_from_slice(&scope.first_nonce.to_be_bytes());
    prefix[25..].copy_from_slice(&scope.body_len.to_be_bytes());
    let (ciphertext, tag) = rest.split_at_mut(head.len());
    let aad = Aad::from(scope.additional_data(Part::Head));
    key.seal_out_of_place_scatter(scope.nonce(Part::Head), aad, head, ciphertext, &[], tag)
        .expect("lengths are right and small");
    room.split().freeze()
}

fn number(prefix: &[u8; PREFIX_BYTES], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&prefix[at..at + 4]);
    u32::from_be_bytes(bytes)
}
