//! Names of shards: `shardId-000000000012` is the one with the index 12.

use super::{decimal, faults};
use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use streams::{ShardInfo, StreamInfo};

const PREFIX: &str = "shardId-";

/// The name of the shard of an index.
pub(crate) fn shard_name(index: u32) -> String {
    let mut digits = [0; 12];
    decimal::write(index.into(), &mut digits);
    [PREFIX, decimal::text(&digits)].concat()
}

/// The index of a name; the service takes `shardId-12` and `12` as well.
pub(crate) fn shard_index(name: &str) -> Option<u32> {
    let digits = name.strip_prefix(PREFIX).unwrap_or(name);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|index| *index <= i32::MAX.cast_unsigned())
}

/// The shard of a stream that has this name.
pub(super) fn shard_named<'a>(
    call: &Call<'_>,
    stream: &'a StreamInfo,
    name: &str,
) -> Result<&'a ShardInfo, AwsError> {
    let index = shard_index(name);
    let shard = index.and_then(|index| stream.shards.by_index(index));
    let shown = index.map_or_else(|| name.to_owned(), shard_name);
    shard.ok_or_else(|| faults::no_such_shard(call, &stream.name, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(shard_name(12), "shardId-000000000012");
        for (name, index) in [
            ("shardId-000000000012", Some(12)),
            ("shardId-12", Some(12)),
            ("12", Some(12)),
            ("shardId-2147483647", Some(2_147_483_647)),
            ("shardId-2147483648", None),
            ("shardId-", None),
            ("shard-1", None),
            ("+1", None),
            ("", None),
        ] {
            assert_eq!(shard_index(name), index, "{name}");
        }
    }
}
