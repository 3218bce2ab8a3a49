//! The number by which a record finds its shard.

use crate::aws::error::AwsError;
use md5::{Digest, Md5};

/// The hash key of a partition key: its MD5 as a big-endian number.
pub(super) fn of_partition_key(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key.as_bytes()).into())
}

/// The hash key that a client chose itself.
pub(super) fn explicit(text: &str) -> Result<u128, AwsError> {
    text.parse().map_err(|_| {
        AwsError::invalid_argument(format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        assert_eq!(of_partition_key(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(of_partition_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        assert_eq!(explicit("340282366920938463463374607431768211455"), Ok(u128::MAX));
        let beyond = explicit("340282366920938463463374607431768211456").unwrap_err();
        assert!(beyond.message().ends_with("Specified value was 340282366920938463463374607431768211456"));
    }
}
