//! Message authentication codes under the keystore: for tokens and iterators that travel through clients.
//!
//! HMAC-SHA256 with a key derived from the keystore's internal secret, over
//!
//! ```text
//! offset  size
//! 0       8     length P of the purpose (big-endian)
//! 8       P     purpose
//! 8+P     …     the data
//! ```
//! so that a code made for one purpose is worth nothing for another.

use crate::Vault;
use crate::secret::Secret;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// Bytes of a code.
pub const MAC_BYTES: usize = 32;

const INFO: &[u8] = b"kinetoscope vault mac 1";

impl Vault {
    /// The code of `data` for `purpose`. The same in every process that has this keystore.
    pub fn mac(&self, purpose: &str, data: &[u8]) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(self.mac_key());
        context.update(&(purpose.len() as u64).to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(data);
        let mut code = [0; MAC_BYTES];
        code.copy_from_slice(context.sign().as_ref());
        code
    }

    /// Whether `code` is the code of `data` for `purpose`, in constant time. A shortened code is not.
    pub fn verify_mac(&self, purpose: &str, data: &[u8], code: &[u8]) -> bool {
        verify_slices_are_equal(&self.mac(purpose, data), code).is_ok()
    }
}

/// The key of the codes.
pub(crate) fn key(internal: &Secret) -> hmac::Key {
    internal.mac_key(&[], &[INFO])
}
