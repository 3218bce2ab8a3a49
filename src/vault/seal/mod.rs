//! The format of a sealed record: a head and a body, sealed apart so that heads can be read without bodies, and bodies in
//! pieces so that a byte range can be opened alone.
//!
//! Records are sealed in batches. A batch has a key of its own, HKDF-SHA256(data key, salt = 16 random bytes,
//! info = "kinetoscope record 1" and the key number), and counts its nonces from zero.
//!
//! ```text
//! sealed head                                         sealed body
//! offset  size                                        offset     size
//! 0       1     layout version = 1                    0          262144  piece 0, ciphertext
//! 1       4     key number                            262144     16      piece 0, tag
//! 5       16    batch salt                            262160     262144  piece 1, ciphertext
//! 21      4     first nonce N                         …
//! 25      4     length of the body in plaintext       262160·(p−1) 0..   last piece, ciphertext
//! 29      H     head, ciphertext                      …          16      last piece, tag
//! 29+H    16    tag
//! ```
//! Integers are big-endian. A body has at least one piece (an empty one if the body is empty); every piece but the last is
//! full. AES-256-GCM; the nonce is 8 zero bytes and a 4-byte count: N for the head, N+1+i for piece i.
//!
//! ```text
//! additional data, 51 bytes
//! 0       1     layout version = 1                    7          4       length of the body in plaintext
//! 1       1     part: 1 head, 2 body                  11         16      stream
//! 2       1     1 if this is the last piece           27         16      shard
//! 3       4     index of the piece (head: 0)          43         8       sequence
//! ```
//! So nothing can be altered, reordered, cut, or moved to another place: key number and salt enter the key, the rest enters
//! the nonce or the additional data. In the clear remain the first 29 bytes of the head and the lengths.
//!
//! **Limits.** A batch gives out at most 2^24 nonces (4 TiB of body), which keeps AES-GCM's distinguishing advantage below
//! 2^-52 per batch; [`BatchSealer::seal`] checks it before it seals. That two batches of one data key ever share a salt has
//! a chance below 2^-76 in a day of a thousand batches a second; replacing data keys daily keeps it there.

mod body;
mod head;
mod range;

pub use head::SealedHead;
pub use range::{body_plain_len, body_sealed_len, sealed_range};

use crate::data_key::BatchKeyId;
use crate::{DataKey, Entropy, SealError};
use aws_lc_rs::aead::{LessSafeKey, NONCE_LEN, Nonce};
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::sync::Arc;

/// Plaintext bytes of every piece of a body but the last.
pub const PIECE: usize = 256 << 10;
/// Bytes of the tag that follows every piece.
pub const TAG: usize = 16;
/// How much longer a sealed head is than the head.
pub const HEAD_OVERHEAD: usize = head::PREFIX_BYTES + TAG;
/// Most plaintext bytes of a head: a sealed head has at most 4 KiB.
pub const HEAD_BYTES_MAX: usize = (4 << 10) - HEAD_OVERHEAD;
/// Most plaintext bytes of a body.
pub const BODY_BYTES_MAX: usize = 64 << 20;

const VERSION: u8 = 1;
/// Nonces one batch may give out.
const NONCES_MAX: u32 = 1 << 24;

/// Where a record belongs. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordContext {
    /// The stream's id.
    pub stream: u128,
    /// The shard's id.
    pub shard: u128,
    /// The record's sequence number in the shard.
    pub seq: u64,
}

/// A part of a record that is sealed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The head.
    Head,
    /// A piece of the body.
    Piece(u32),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => formatter.write_str("the head"),
            Self::Piece(index) => write!(formatter, "piece {index} of the body"),
        }
    }
}

/// A sealed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The sealed head, [`HEAD_OVERHEAD`] longer than the head.
    pub head: Bytes,
    /// The sealed body, [`body_sealed_len`] long.
    pub body: Bytes,
}

/// Seals the records of one batch.
pub struct BatchSealer {
    key: Arc<LessSafeKey>,
    id: BatchKeyId,
    /// The next nonce to give out; counts to [`NONCES_MAX`].
    next_nonce: u32,
    heads: BytesMut,
    bodies: BytesMut,
}

impl BatchSealer {
    /// Begins a batch under a data key, which opening will find by `key_number`.
    pub fn new(key: &DataKey, key_number: u32, entropy: &dyn Entropy) -> Self {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let id = BatchKeyId { key_number, salt };
        let (heads, bodies) = Default::default();
        Self { key: key.batch_key(&id), id, next_nonce: 0, heads, bodies }
    }

    /// Sets room aside for so many sealed bytes. Records that fit share it, instead of having memory of their own: what keeps
    /// one body keeps them all, and the same goes for heads.
    pub fn reserve(&mut self, heads_bytes: usize, bodies_bytes: usize) {
        self.heads.reserve(heads_bytes);
        self.bodies.reserve(bodies_bytes);
    }

    /// Seals a record: a head of at most [`HEAD_BYTES_MAX`] and a body of at most [`BODY_BYTES_MAX`] bytes. Each part is
    /// written once, encrypted on the way into the room that was set aside, or into a buffer of its exact size.
    pub fn seal(&mut self, context: &RecordContext, head: &[u8], body: &[u8]) -> Result<Sealed, SealError> {
        if head.len() > HEAD_BYTES_MAX {
            return Err(SealError::HeadTooLarge { max: HEAD_BYTES_MAX, found: head.len() });
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(SealError::BodyTooLarge { max: BODY_BYTES_MAX, found: body.len() });
        }
        let body_len = body.len() as u32;
        let first_nonce = self.next_nonce;
        let end = first_nonce + 1 + range::piece_count(body_len);
        if end > NONCES_MAX {
            return Err(SealError::BatchFull);
        }
        // Spent before use: even if sealing panicked half-way, no nonce would be given out again.
        self.next_nonce = end;

        let scope = Scope { context: *context, first_nonce, body_len };
        Ok(Sealed {
            head: head::seal(&self.key, &self.id, &scope, head, &mut self.heads),
            body: body::seal(&self.key, &scope, body, &mut self.bodies),
        })
    }
}

impl fmt::Debug for BatchSealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("BatchSealer");
        debug.field("key_number", &self.id.key_number).field("next_nonce", &self.next_nonce);
        debug.finish_non_exhaustive()
    }
}

/// What all parts of one record share.
struct Scope {
    context: RecordContext,
    first_nonce: u32,
    body_len: u32,
}

impl Scope {
    fn nonce(&self, part: Part) -> Nonce {
        let count = match part {
            Part::Head => self.first_nonce,
            // A forged head may state any first nonce: wrapping is harmless, since nothing will open.
            Part::Piece(index) => self.first_nonce.wrapping_add(1).wrapping_add(index),
        };
        let mut nonce = [0; NONCE_LEN];
        nonce[8..].copy_from_slice(&count.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    fn additional_data(&self, part: Part) -> [u8; 51] {
        let (kind, index, last) = match part {
            Part::Head => (1, 0, true),
            Part::Piece(index) => (2, index, index + 1 == range::piece_count(self.body_len)),
        };
        let mut data = [0; 51];
        data[0] = VERSION;
        data[1] = kind;
        data[2] = u8::from(last);
        data[3..7].copy_from_slice(&index.to_be_bytes());
        data[7..11].copy_from_slice(&self.body_len.to_be_bytes());
        data[11..27].copy_from_slice(&self.context.stream.to_be_bytes());
        data[27..43].copy_from_slice(&self.context.shard.to_be_bytes());
        data[43..].copy_from_slice(&self.context.seq.to_be_bytes());
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use crate::secret::Secret;

    const CONTEXT: RecordContext = RecordContext { stream: 1, shard: 2, seq: 3 };

    #[test]
    fn a_batch_ends_with_its_nonces() {
        let key = DataKey::new(Secret::random(&SystemEntropy));
        let mut sealer = BatchSealer::new(&key, 1, &SystemEntropy);
        sealer.next_nonce = NONCES_MAX - 3;
        // One for the head, three for the pieces: one too many.
        assert_eq!(sealer.seal(&CONTEXT, b"", &vec![0; 2 * PIECE + 1]), Err(SealError::BatchFull));
        // A refused record takes nothing.
        let last = sealer.seal(&CONTEXT, b"", &vec![0; 2 * PIECE]).unwrap();
        assert_eq!(sealer.seal(&CONTEXT, b"", b""), Err(SealError::BatchFull));
        let head = SealedHead::parse(&last.head).unwrap();
        assert!(key.open_body(&CONTEXT, &head, &last.body).is_ok());
    }

    #[test]
    fn no_nonce_is_given_out_twice() {
        let key = DataKey::new(Secret::random(&SystemEntropy));
        let mut sealer = BatchSealer::new(&key, 1, &SystemEntropy);
        let mut next = 0;
        for len in [0, 1, PIECE, PIECE + 1, 3 * PIECE, 0] {
            let sealed = sealer.seal(&CONTEXT, b"", &vec![0; len]).unwrap();
            let pieces = sealed.body.len().div_ceil(PIECE + TAG);
            assert_eq!(SealedHead::parse(&sealed.head).unwrap().first_nonce, next);
            next += 1 + pieces as u32;
        }
    }
}
