//! What is written on keys: `TagResource`, `UntagResource`, `ListResourceTags`.

use super::describe::page;
use super::key_ref::key;
use super::keys::{change, staying};
use super::shapes::{KEY_ID, LIMIT, MARKER, TAGS};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, required, structure};
use std::collections::BTreeMap;

pub(super) const TAG: &[Member] = &[KEY_ID, required("Tags", TAGS)];
pub(super) const UNTAG: &[Member] = &[
    KEY_ID,
    required("TagKeys", Shape::List { of: &Shape::Text(Text::of(1, 128)), min: 0, max: 50, called: None }),
];
pub(super) const LIST: &[Member] = &[KEY_ID, LIMIT, MARKER];

/// `TagResource`
pub(super) async fn tag(call: Call<'_>) -> Outcome {
    let (id, tags) = (staying(&call)?.id, given(&call)?);
    change(&call, move |vault| vault.tag_key(&id, tags, &[])).await?;
    Ok(Reply::Empty)
}

/// `UntagResource`
pub(super) async fn untag(call: Call<'_>) -> Outcome {
    let id = staying(&call)?.id;
    let names: Vec<String> = call.input.texts("TagKeys").map(str::to_owned).collect();
    change(&call, move |vault| vault.tag_key(&id, BTreeMap::new(), &names)).await?;
    Ok(Reply::Empty)
}

/// `ListResourceTags`
pub(super) fn list(call: Call<'_>) -> Outcome {
    let info = key(&call)?;
    let tags: Vec<_> = info.attributes.tags.iter().collect();
    page(
        &call,
        "Tags",
        50,
        &tags,
        |(name, _)| (*name).clone(),
        |(name, value)| {
            structure([("TagKey", (*name).clone().into()), ("TagValue", (*value).clone().into())])
        },
    )
}

/// The tags of `Tags`.
pub(super) fn given(call: &Call<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for tag in call.input.structures("Tags") {
        let text = |name: &str| tag.text(name).unwrap_or_default().to_owned();
        let name = text("TagKey");
        if name.starts_with("aws:") {
            return Err(AwsError::new("TagException", "Tag keys that begin with aws: are reserved"));
        }
        if tags.insert(name, text("TagValue")).is_some() {
            return Err(AwsError::new("TagException", "Duplicate tag keys"));
        }
    }
    Ok(tags)
}
