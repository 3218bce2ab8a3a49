//! Tags: `AddTagsToStream`, `RemoveTagsFromStream` and `ListTagsForStream` for streams, `TagResource`, `UntagResource` and
//! `ListTagsForResource` for whatever has an ARN.

use super::change::change;
use super::resource::{RESOURCE_ARN, Resource, resource, went_away};
use super::shapes::{ARN_MEMBER, NAME_MEMBER, STREAM_ID_MEMBER, TAGS};
use super::stream_ref::look;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, Value, optional, required, structure};
use std::collections::BTreeMap;

const KEYS: Member =
    required("TagKeys", Shape::List { of: &Shape::Text(Text::of(1, 128)), min: 1, max: 50, called: None });
pub(super) const ADD: &[Member] = &[NAME_MEMBER, ARN_MEMBER, required("Tags", TAGS), STREAM_ID_MEMBER];
pub(super) const REMOVE: &[Member] = &[NAME_MEMBER, ARN_MEMBER, KEYS, STREAM_ID_MEMBER];
pub(super) const LIST: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    optional("ExclusiveStartTagKey", Shape::Text(Text::of(1, 128))),
    optional("Limit", Shape::Integer { min: 1, max: 50 }),
    STREAM_ID_MEMBER,
];
pub(super) const TAG: &[Member] = &[RESOURCE_ARN, required("Tags", TAGS), STREAM_ID_MEMBER];
pub(super) const UNTAG: &[Member] = &[RESOURCE_ARN, KEYS, STREAM_ID_MEMBER];
pub(super) const LIST_OF: &[Member] = &[RESOURCE_ARN, STREAM_ID_MEMBER];

/// Most tags of one resource.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

/// `AddTagsToStream`
pub(super) async fn add_to_stream(call: Call<'_>) -> Outcome {
    add_to(call, Resource { stream: look(&call)?, consumer: None }).await
}

/// `TagResource`
pub(super) async fn tag(call: Call<'_>) -> Outcome {
    add_to(call, resource(&call)?).await
}

/// `RemoveTagsFromStream`
pub(super) async fn remove_from_stream(call: Call<'_>) -> Outcome {
    remove_from(call, Resource { stream: look(&call)?, consumer: None }).await
}

/// `UntagResource`
pub(super) async fn untag(call: Call<'_>) -> Outcome {
    remove_from(call, resource(&call)?).await
}

async fn add_to(call: Call<'_>, resource: Resource) -> Outcome {
    let more: Vec<_> =
        call.input.pairs("Tags").map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    edit(call, resource, move |tags| {
        add(tags, more.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    })
    .await
}

async fn remove_from(call: Call<'_>, resource: Resource) -> Outcome {
    let keys: Vec<_> = call.input.texts("TagKeys").map(str::to_owned).collect();
    edit(call, resource, move |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await
}

async fn edit(
    call: Call<'_>,
    resource: Resource,
    edit: impl Fn(&mut Tags) -> Result<(), AwsError> + Send + 'static,
) -> Outcome {
    let Resource { stream, consumer } = resource;
    change(&call, &stream, move |data| {
        edit(Resource::labels(consumer.as_deref(), data).ok_or_else(went_away)?.tags)
    })
    .await?;
    Ok(Reply::Empty)
}

/// `ListTagsForStream`
pub(super) fn list_for_stream(call: Call<'_>) -> Outcome {
    let (tags, _) = Resource { stream: look(&call)?, consumer: None }.read();
    let limit = call.input.integer("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(TAGS_MAX);
    let after = call.input.text("ExclusiveStartTagKey");
    let rest = tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    let more = rest.clone().count() > limit;
    let tags: Vec<_> = rest.take(limit).map(tag_value).collect();
    Ok(structure([("Tags", tags.into()), ("HasMoreTags", more.into())]).into())
}

/// `ListTagsForResource`
pub(super) fn list_for_resource(call: Call<'_>) -> Outcome {
    let (tags, _) = resource(&call)?.read();
    Ok(structure([("Tags", tags.iter().map(tag_value).collect::<Vec<_>>().into())]).into())
}

fn tag_value((key, value): (&String, &String)) -> Value<'static> {
    structure([("Key", key.clone().into()), ("Value", value.clone().into())])
}

/// Letters, digits and spaces of any language, and a few signs.
fn is_allowed(symbol: char) -> bool {
    symbol.is_alphanumeric() || symbol.is_whitespace() && !symbol.is_control() || "_.:/=+-@%".contains(symbol)
}

/// Adds tags to those that there are; a name that there is gets the new value.
pub(super) fn add<'a>(
    tags: &mut Tags,
    more: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), AwsError> {
    for (key, value) in more {
        for (what, text) in [("key", key), ("value", value)] {
            if !text.chars().all(is_allowed) {
                return Err(AwsError::invalid_argument(format!(
                    "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % \
                     @ :. The {what} is {text:?}."
                )));
            }
        }
        if key.starts_with("aws:") {
            return Err(AwsError::invalid_argument("Tag keys that begin with aws: are reserved."));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > TAGS_MAX {
        return Err(AwsError::invalid_argument(format!(
            "Failed to add tags: a resource may have no more than {TAGS_MAX} tags, and there would be {}.",
            tags.len()
        )));
    }
    Ok(())
}
