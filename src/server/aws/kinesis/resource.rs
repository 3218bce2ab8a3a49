//! What an ARN names: a stream, or a consumer of one.

use super::stream_ref::SERVICE;
use super::{faults, shapes};
use crate::aws::arn::Arn;
use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use crate::aws::wire::{Member, Pattern, Shape, Text, required};
use std::collections::BTreeMap;
use std::sync::Arc;
use streams::{DataSettings, StreamInfo, StreamKind};

pub(super) const RESOURCE_ARN: Member = required(
    "ResourceARN",
    Shape::Text(Text::of(1, 2048).like(Pattern {
        shown: "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+",
        matches: |text| shapes::is_arn(text, &["stream/", "channel/", "queue/"]),
    })),
);

/// A stream or a consumer that there is.
pub(super) struct Resource {
    pub(super) stream: Arc<StreamInfo>,
    /// The consumer's name, if it is one.
    pub(super) consumer: Option<String>,
}

/// The tags and the policy of a stream or a consumer.
pub(super) struct Labels<'a> {
    pub(super) tags: &'a mut BTreeMap<String, String>,
    pub(super) policy: &'a mut Option<String>,
}

/// The ARN that a request is about, as it stands.
#[expect(clippy::unnecessary_wraps, reason = "one of several ways to find a resource")]
pub(super) fn of_resource(call: &Call<'_>) -> Result<String, AwsError> {
    Ok(call.input.text("ResourceARN").unwrap_or_default().to_owned())
}

/// What the request's ARN names.
pub(super) fn resource(call: &Call<'_>) -> Result<Resource, AwsError> {
    let text = call.input.text("ResourceARN").unwrap_or_default();
    let not_found = || AwsError::new("ResourceNotFoundException", format!("Resource {text} not found."));
    let arn = Arn::parse(text).filter(|arn| arn.is_here(&call.app.config, SERVICE)).ok_or_else(not_found)?;
    let path = arn.resource.strip_prefix("stream/").ok_or_else(not_found)?;
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let stream = call.app.streams.look(name).ok().filter(|stream| stream.kind == StreamKind::Data);
    let stream = stream.ok_or_else(|| faults::no_such_stream(call, name))?;
    if rest.is_empty() {
        return Ok(Resource { stream, consumer: None });
    }
    let (consumer, made_s) =
        rest.strip_prefix("consumer/").and_then(|rest| rest.split_once(':')).ok_or_else(not_found)?;
    let known = stream.data.as_deref().and_then(|data| data.consumer(consumer));
    let known = known.filter(|known| (known.created_ms / 1000).to_string() == made_s);
    let consumer = known.ok_or_else(not_found)?.name.clone();
    Ok(Resource { stream, consumer: Some(consumer) })
}

impl Resource {
    /// Its tags and policy within the stream's settings; `None` if the consumer has gone.
    pub(super) fn labels<'a>(consumer: Option<&str>, data: &'a mut DataSettings) -> Option<Labels<'a>> {
        match consumer {
            None => Some(Labels { tags: &mut data.tags, policy: &mut data.policy }),
            Some(name) => {
                let consumer = data.consumers.iter_mut().find(|consumer| consumer.name == name)?;
                Some(Labels { tags: &mut consumer.tags, policy: &mut consumer.policy })
            }
        }
    }

    /// Its tags and policy as they stand.
    pub(super) fn read(&self) -> (BTreeMap<String, String>, Option<String>) {
        let Some(data) = self.stream.data.as_deref() else { return Default::default() };
        match self.consumer.as_deref().map(|name| data.consumer(name)) {
            None => (data.tags.clone(), data.policy.clone()),
            Some(Some(consumer)) => (consumer.tags.clone(), consumer.policy.clone()),
            Some(None) => Default::default(),
        }
    }
}

/// The resource went away while it was about to be changed.
pub(super) fn went_away() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The consumer was deregistered meanwhile.")
}
