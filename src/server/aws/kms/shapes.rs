//! Types that several operations share, as the service's model has them.

use crate::aws::wire::{Member, Pattern, Shape, Text, optional, required};

pub(super) const KEY_ID: Member = required("KeyId", Shape::Text(Text::of(1, 2048)));
/// `Limit` and `Marker` of what is listed in pages.
pub(super) const LIMIT: Member = optional("Limit", Shape::Integer { min: 1, max: 1000 });
pub(super) const MARKER: Member = optional(
    "Marker",
    Shape::Text(Text::of(1, 1024).like(Pattern {
        shown: "[\\u0020-\\u00FF]*",
        matches: |text| text.chars().all(|character| ('\u{20}'..='\u{ff}').contains(&character)),
    })),
);
pub(super) const ALIAS_NAME: Member = required(
    "AliasName",
    Shape::Text(Text::of(1, 256).like(Pattern {
        shown: "^[a-zA-Z0-9:/_-]+$",
        matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte)),
    })),
);
pub(super) const POLICY: Shape = Shape::Text(Text::of(1, 131_072).like(Pattern {
    shown: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
    matches: |text| text.chars().all(|character| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{ff}')),
}));
pub(super) const CONTEXT: Shape =
    Shape::Map { names: Text::of(0, usize::MAX), values: Text::of(0, usize::MAX), min: 0, max: usize::MAX };
/// Grants would make what they grant count at once; there are none.
pub(super) const GRANT_TOKENS: Member = optional(
    "GrantTokens",
    Shape::List { of: &Shape::Text(Text::of(1, 8192)), min: 0, max: 10, called: None },
);
pub(super) const DRY_RUN: Member = optional("DryRun", Shape::Boolean);
pub(super) const ALGORITHMS: Shape =
    Shape::Text(Text::one_of(&["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"]));
pub(super) const TAGS: Shape = Shape::List {
    of: &Shape::Structure(&[
        required("TagKey", Shape::Text(Text::of(1, 128))),
        required("TagValue", Shape::Text(Text::of(0, 256))),
    ]),
    min: 0,
    max: 50,
    called: None,
};
