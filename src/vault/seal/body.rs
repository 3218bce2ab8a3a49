//! The body: pieces of 256 KiB, each sealed by itself.

use super::{PIECE, Part, RecordContext, Scope, SealedHead, TAG, range};
use crate::{DataKey, OpenError};
use aws_lc_rs::aead::{Aad, LessSafeKey};
use bytes::{Bytes, BytesMut};

impl DataKey {
    /// Opens a whole body.
    pub fn open_body(
        &self,
        context: &RecordContext,
        head: &SealedHead<'_>,
        sealed_body: &[u8],
    ) -> Result<Bytes, OpenError> {
        range::check_sealed_len(head, sealed_body.len() as u64)?;
        let mut plain = vec![0; head.body_len as usize];
        open_pieces(&self.batch_key(&head.batch), &head.scope(context), 0, sealed_body, &mut plain)?;
        Ok(plain.into())
    }
}

/// Seals a body of checked length.
pub(super) fn seal(key: &LessSafeKey, scope: &Scope, body: &[u8], room: &mut BytesMut) -> Bytes {
    room.reserve(range::body_sealed_len(body.len() as u64) as usize);
    let mut rest = body;
    for index in 0..range::piece_count(body.len() as u32) {
        let part = Part::Piece(index);
        let (plain, tail) = rest.split_at(rest.len().min(PIECE));
        rest = tail;
        // Piece by piece: the zeros are still in the processor's cache when they are written over.
        let start = room.len();
        room.resize(start + plain.len() + TAG, 0);
        let (ciphertext, tag) = room[start..].split_at_mut(plain.len());
        let aad = Aad::from(scope.additional_data(part));
        key.seal_out_of_place_scatter(scope.nonce(part), aad, plain, ciphertext, &[], tag)
            .expect("lengths are right and small");
    }
    room.split().freeze()
}

/// Opens adjoining pieces, from `first` on, into `plain`, which must have exactly the length of their plaintext.
pub(super) fn open_pieces(
    key: &LessSafeKey,
    scope: &Scope,
    first: u32,
    sealed: &[u8],
    plain: &mut [u8],
) -> Result<(), OpenError> {
    let mut rest = plain;
    for (index, piece) in (first..).zip(sealed.chunks(PIECE + TAG)) {
        let part = Part::Piece(index);
        let not_authentic = OpenError::NotAuthentic { part };
        let (ciphertext, tag) = piece.split_last_chunk::<TAG>().ok_or(not_authentic)?;
        let (target, tail) = rest.split_at_mut_checked(ciphertext.len()).ok_or(not_authentic)?;
        rest = tail;
        let aad = Aad::from(scope.additional_data(part));
        key.open_separate_gather(scope.nonce(part), aad, ciphertext, tag, target)
            .map_err(|_| not_authentic)?;
    }
    Ok(())
}
