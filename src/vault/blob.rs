//! Blobs: small values sealed under the keystore itself, such as rows of metadata and credentials.
//!
//! ```text
//! offset  size
//! 0       1     layout version = 1
//! 1       48+n  envelope of the value (salt, ciphertext, tag)
//! ```
//! Additional data: the version byte and the context. The context says what the value is and where it belongs (for
//! example the row's key), so that one row cannot be passed off as another.

use crate::envelope::{self, ENVELOPE_OVERHEAD};
use crate::{BlobError, Vault};

/// Most bytes of a value.
pub const BLOB_BYTES_MAX: usize = 1 << 20;
/// How much longer a sealed blob is than its value.
pub const BLOB_OVERHEAD: usize = 1 + ENVELOPE_OVERHEAD;

const VERSION: u8 = 1;
const PURPOSE: &[u8] = b"kinetoscope vault blob 1";

impl Vault {
    /// Seals a value of at most [`BLOB_BYTES_MAX`] bytes. It opens only with the same context and in this keystore.
    pub fn seal_blob(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, BlobError> {
        if plain.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { max: BLOB_BYTES_MAX, found: plain.len() });
        }
        let mut sealed = Vec::with_capacity(plain.len() + BLOB_OVERHEAD);
        sealed.push(VERSION);
        let keys = self.contents();
        envelope::seal(
            &keys.internal,
            self.entropy(),
            PURPOSE,
            &additional_data(context),
            plain,
            &mut sealed,
        );
        Ok(sealed)
    }

    /// Opens what [`Vault::seal_blob`] sealed.
    pub fn open_blob(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
        let truncated = BlobError::Truncated { min: BLOB_OVERHEAD, found: sealed.len() };
        let (version, envelope) = sealed.split_first().ok_or(truncated)?;
        if *version != VERSION {
            return Err(BlobError::UnknownVersion(*version));
        }
        let len = envelope.len().checked_sub(ENVELOPE_OVERHEAD).ok_or(truncated)?;
        if len > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { max: BLOB_BYTES_MAX, found: len });
        }
        let keys = self.contents();
        let mut plain = envelope::open(&keys.internal, PURPOSE, &additional_data(context), envelope)
            .map_err(|_| BlobError::NotAuthentic)?;
        Ok(std::mem::take(&mut *plain))
    }
}

fn additional_data(context: &[u8]) -> Vec<u8> {
    [&[VERSION], context].concat()
}
