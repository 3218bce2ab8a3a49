//! Types that several operations share, as the service's model has them.

use crate::aws::wire::{Member, Pattern, Shape, Text, optional};

/// The look of names.
const NAME: Pattern = Pattern {
    shown: "[a-zA-Z0-9_.-]+",
    matches: |text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    },
};

/// Digits without leading zeros.
fn is_decimal(text: &str, digits_max: usize) -> bool {
    let digits =
        !text.is_empty() && text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// An ARN of this service, of a resource that `kinds` begin.
pub(super) fn is_arn(text: &str, kinds: &[&str]) -> bool {
    let Some(arn) = crate::aws::arn::Arn::parse(text) else { return false };
    let account = arn.account.len() == 12 && arn.account.bytes().all(|byte| byte.is_ascii_digit());
    let named = kinds.iter().any(|kind| {
        let name = arn.resource.split_once(kind).map(|(_, name)| name);
        name.is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace))
    });
    arn.service == "kinesis" && account && named
}

pub(super) const STREAM_NAME: Shape = Shape::Text(Text::of(1, 128).like(NAME));
pub(super) const SHARD_ID: Shape = STREAM_NAME;
pub(super) const STREAM_ARN: Shape = Shape::Text(Text::of(1, 2048).like(Pattern {
    shown: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
    matches: |text| is_arn(text, &["stream/"]),
}));
pub(super) const CONSUMER_ARN: Shape = Shape::Text(Text::of(1, 2048).like(Pattern {
    shown: "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
    matches: |text| is_arn(text, &["stream/"]) && text.contains("/consumer/"),
}));
pub(super) const HASH_KEY: Shape = Shape::Text(
    Text::of(0, usize::MAX)
        .like(Pattern { shown: "0|([1-9]\\d{0,38})", matches: |text| is_decimal(text, 39) }),
);
pub(super) const SEQUENCE_NUMBER: Shape = Shape::Text(
    Text::of(0, usize::MAX)
        .like(Pattern { shown: "0|([1-9]\\d{0,128})", matches: |text| is_decimal(text, 129) }),
);
pub(super) const PARTITION_KEY: Shape = Shape::Text(Text::of(1, 256));
pub(super) const DATA: Shape = Shape::Blob { max: 10_485_760 };
pub(super) const ITERATOR: Shape = Shape::Text(Text::of(1, 512));
pub(super) const NEXT_TOKEN: Shape = Shape::Text(Text::of(1, 1_048_576));
pub(super) const TAGS: Shape =
    Shape::Map { names: Text::of(1, 128), values: Text::of(0, 256), min: 1, max: 200 };
pub(super) const LIMIT: Shape = Shape::Integer { min: 1, max: 10_000 };
pub(super) const FROM_ZERO: Shape = Shape::Integer { min: 0, max: i32::MAX as i64 };
pub(super) const FROM_ONE: Shape = Shape::Integer { min: 1, max: i32::MAX as i64 };
pub(super) const RECORD_KIB: Shape = Shape::Integer { min: 1024, max: 10_240 };
pub(super) const DISTRIBUTION: Shape = Shape::Text(Text::one_of(&["AUTO", "USER_PARTITION_KEY"]));
pub(super) const MODE: Shape = Shape::Structure(&[crate::aws::wire::required(
    "StreamMode",
    Shape::Text(Text::one_of(&["PROVISIONED", "ON_DEMAND"])),
)]);

pub(super) const NAME_MEMBER: Member = optional("StreamName", STREAM_NAME);
pub(super) const ARN_MEMBER: Member = optional("StreamARN", STREAM_ARN);
/// The service has reserved it; what keeps to its look is left alone there, too.
pub(super) const STREAM_ID_MEMBER: Member = optional(
    "StreamId",
    Shape::Text(Text::of(1, 24).like(Pattern {
        shown: "[a-z0-9]{20}-[a-z0-9]{3}",
        matches: |text| {
            let plain =
                |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            text.split_once('-').is_some_and(|(long, short)| {
                long.len() == 20 && short.len() == 3 && plain(long) && plain(short)
            })
        },
    })),
);
pub(super) const DRY_RUN: Member = optional("DryRun", Shape::Boolean);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks() {
        assert!(is_decimal("0", 39) && is_decimal("10", 39) && is_decimal(&"9".repeat(39), 39));
        for bad in ["", "00", "01", "-1", "1a", &"9".repeat(40)] {
            assert!(!is_decimal(bad, 39), "{bad}");
        }
        assert!(is_arn("arn:aws:kinesis:us-east-1:000000000000:stream/a", &["stream/"]));
        for bad in [
            "arn:aws:kinesis:us-east-1:00000000000:stream/a",
            "arn:aws:kinesis:us-east-1:000000000000:stream/",
            "arn:aws:kinesis:us-east-1:000000000000:stream/a b",
            "arn:aws:kinesis:us-east-1:000000000000:channel/a",
            "arn:aws:s3:us-east-1:000000000000:stream/a",
        ] {
            assert!(!is_arn(bad, &["stream/"]), "{bad}");
        }
    }
}
