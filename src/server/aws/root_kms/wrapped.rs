//! What the keystore file carries of a root key that an external KMS holds. None of it is secret.
//!
//! ```text
//! offset  size
//! 0       1     layout version = 1
//! 1       16    id of the deployment, random: the value of the encryption context
//! 17      2     length K of the key's ARN, 1 to 2048 (big-endian)
//! 19      K     ARN of the key, UTF-8
//! 19+K    2     length B of the blob, 1 to 6144 (big-endian)
//! 21+K    B     CiphertextBlob, as the KMS gave it
//! ```

/// Longest name of a key in bytes, by the service's own limits.
const KEY_BYTES_MAX: usize = 2048;
/// Longest blob in bytes, by the service's own limits.
const BLOB_BYTES_MAX: usize = 6144;
const VERSION: u8 = 1;

/// A root key as the KMS wrapped it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrappedRoot {
    pub(super) deployment: [u8; 16],
    /// What the KMS calls the key that holds it.
    pub(super) key: String,
    pub(super) blob: Vec<u8>,
}

impl WrappedRoot {
    /// `None` if something is empty or too long.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.deployment);
        for (part, max) in [(self.key.as_bytes(), KEY_BYTES_MAX), (&self.blob, BLOB_BYTES_MAX)] {
            let len = u16::try_from(part.len()).ok().filter(|_| (1..=max).contains(&part.len()))?;
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Some(bytes)
    }

    /// `None` if the bytes are not what [`WrappedRoot::encode`] makes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        let (deployment, rest) = rest.split_first_chunk()?;
        let (key, rest) = part(rest, KEY_BYTES_MAX)?;
        let (blob, rest) = part(rest, BLOB_BYTES_MAX)?;
        let key = std::str::from_utf8(key).ok()?.to_owned();
        rest.is_empty().then(|| Self { deployment: *deployment, key, blob: blob.to_owned() })
    }

    /// Whether the key of this ARN holds it. Copies of a key in other regions have the same id.
    pub(super) fn is_under(&self, arn: &str) -> bool {
        let id = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        id(arn) == id(&self.key)
    }
}

/// A part after its length.
fn part(bytes: &[u8], max: usize) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes(*len));
    if (1..=max).contains(&len) { rest.split_at_checked(len) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrapped() -> WrappedRoot {
        let key = "arn:aws:kms:us-east-1:000000000000:key/1234".to_owned();
        WrappedRoot { deployment: [7; 16], key, blob: b"blob".to_vec() }
    }

    #[test]
    fn it_comes_back_whole_or_not_at_all() {
        let bytes = wrapped().encode().unwrap();
        assert_eq!(WrappedRoot::decode(&bytes), Some(wrapped()));
        for len in 0..bytes.len() {
            assert_eq!(WrappedRoot::decode(&bytes[..len]), None, "{len}");
        }
        assert_eq!(WrappedRoot::decode(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(WrappedRoot::decode(&[&[2], &bytes[1..]].concat()), None);
    }

    #[test]
    fn it_fits_into_a_keystore() {
        let largest =
            WrappedRoot { key: "k".repeat(KEY_BYTES_MAX), blob: vec![1; BLOB_BYTES_MAX], ..wrapped() };
        let bytes = largest.encode().unwrap();
        assert!(bytes.len() <= vault::WRAPPED_ROOT_BYTES_MAX);
        assert_eq!(WrappedRoot::decode(&bytes), Some(largest));
        assert_eq!(WrappedRoot { blob: Vec::new(), ..wrapped() }.encode(), None);
        assert_eq!(WrappedRoot { blob: vec![1; BLOB_BYTES_MAX + 1], ..wrapped() }.encode(), None);
        assert_eq!(WrappedRoot { key: "k".repeat(KEY_BYTES_MAX + 1), ..wrapped() }.encode(), None);
    }

    #[test]
    fn a_copy_of_a_key_in_another_region_is_the_same_key() {
        assert!(wrapped().is_under("arn:aws:kms:eu-west-1:000000000000:key/1234"));
        assert!(!wrapped().is_under("arn:aws:kms:us-east-1:000000000000:key/12345"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_is_written(bytes in proptest::collection::vec(any::<u8>(), 0..80), tail in any::<[u8; 6]>()) {
            let mut bytes = bytes;
            // Lengths that can come true are rare among random ones.
            if let Some(field) = bytes.get_mut(17..19) { field.copy_from_slice(&[0, tail[0] % 40]); }
            if let Some(version) = bytes.first_mut() { *version = tail[1] % 3; }
            if let Some(wrapped) = WrappedRoot::decode(&bytes) {
                prop_assert_eq!(wrapped.encode().unwrap(), bytes);
            }
        }
    }
}
