//! `RegisterStreamConsumer`, `DeregisterStreamConsumer`, `DescribeStreamConsumer` and `ListStreamConsumers`
//!
//! The token of a list is a sealed blob, good for five minutes, of
//!
//! ```text
//! version u8 = 1 | stream u128 | made at, ms u64 | last consumer's name (to the end)
//! ```
//! with little-endian numbers.

use super::shapes::{CONSUMER_ARN, LIMIT, NEXT_TOKEN, STREAM_ARN, STREAM_ID_MEMBER, STREAM_NAME, TAGS};
use super::stream_ref::{look, stream_arn};
use super::{faults, making, tags, token};
use crate::aws::arn::Arn;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Value, optional, required, structure};
use std::collections::BTreeMap;
use std::sync::Arc;
use streams::{Capacity, Consumer, ConsumerError, StreamInfo, StreamKind};

pub(super) const REGISTER: &[Member] = &[
    required("StreamARN", STREAM_ARN),
    required("ConsumerName", STREAM_NAME),
    optional("Tags", TAGS),
    STREAM_ID_MEMBER,
];
pub(super) const ONE: &[Member] = &[
    optional("StreamARN", STREAM_ARN),
    optional("ConsumerName", STREAM_NAME),
    optional("ConsumerARN", CONSUMER_ARN),
    STREAM_ID_MEMBER,
];
pub(super) const LIST: &[Member] = &[
    required("StreamARN", STREAM_ARN),
    optional("NextToken", NEXT_TOKEN),
    optional("MaxResults", LIMIT),
    optional("StreamCreationTimestamp", Shape::Timestamp),
    STREAM_ID_MEMBER,
];

/// Most consumers of a stream, and of one on demand whose account has committed itself.
const CONSUMERS_MAX: usize = 20;
const CONSUMERS_MAX_COMMITTED: usize = 50;
/// Consumers of one answer.
const LISTED_MAX: usize = 100;
const PURPOSE: &str = "next token of ListStreamConsumers";
const VERSION: u8 = 1;
/// How long a token is good for.
const LIFETIME_MS: u64 = 300_000;

/// A consumer that there is, and its stream.
pub(super) struct Known {
    pub(super) stream: Arc<StreamInfo>,
    pub(super) consumer: Consumer,
}

fn consumer_arn(call: &Call<'_>, stream: &str, consumer: &Consumer) -> String {
    format!("{}/consumer/{}:{}", stream_arn(call, stream), consumer.name, consumer.created_ms / 1000)
}

/// The ARN of the consumer a request is about; of its stream, as long as that is not said or not there.
pub(super) fn of_consumer(call: &Call<'_>) -> Result<String, AwsError> {
    match call.input.text("ConsumerARN") {
        Some(arn) => Ok(arn.to_owned()),
        None => named(call).map(|known| consumer_arn(call, &known.stream.name, &known.consumer)),
    }
}

/// The consumer a request is about, by its ARN or by its name and its stream's ARN.
pub(super) fn named(call: &Call<'_>) -> Result<Known, AwsError> {
    let Some(arn) = call.input.text("ConsumerARN") else {
        let missing = || {
            AwsError::invalid_argument("Either ConsumerARN, or StreamARN and ConsumerName must be specified.")
        };
        let name = call.input.text("ConsumerName").ok_or_else(missing)?;
        call.input.text("StreamARN").ok_or_else(missing)?;
        let stream = look(call)?;
        let consumer = stream.data.as_deref().and_then(|data| data.consumer(name)).cloned();
        let consumer = consumer.ok_or_else(|| no_such_consumer(call, &stream.name, name))?;
        return Ok(Known { stream, consumer });
    };
    let not_found = || AwsError::new("ResourceNotFoundException", format!("Consumer {arn} not found."));
    let parsed = Arn::parse(arn).filter(|arn| arn.is_here(&call.app.config, super::stream_ref::SERVICE));
    let path = parsed.and_then(|arn| arn.resource.strip_prefix("stream/")).ok_or_else(not_found)?;
    let (stream, rest) = path.split_once("/consumer/").ok_or_else(not_found)?;
    let (name, made_s) = rest.split_once(':').ok_or_else(not_found)?;
    let stream = call.app.streams.look(stream).ok().filter(|stream| stream.kind == StreamKind::Data);
    let stream = stream.ok_or_else(not_found)?;
    let known = stream.data.as_deref().and_then(|data| data.consumer(name));
    let known = known.filter(|known| (known.created_ms / 1000).to_string() == made_s).cloned();
    Ok(Known { consumer: known.ok_or_else(not_found)?, stream })
}

fn no_such_consumer(call: &Call<'_>, stream: &str, name: &str) -> AwsError {
    let (arn, account) = (stream_arn(call, stream), &call.app.config.account_id);
    AwsError::new(
        "ResourceNotFoundException",
        format!("Consumer {name} under stream {arn} not found for account {account}."),
    )
}

/// What every answer says of a consumer. One that is registered can be used at once.
fn describe(call: &Call<'_>, stream: &str, consumer: &Consumer, with_stream: bool) -> Value<'static> {
    structure([
        ("ConsumerName", consumer.name.clone().into()),
        ("ConsumerARN", consumer_arn(call, stream, consumer).into()),
        ("ConsumerStatus", "ACTIVE".into()),
        (
            "ConsumerCreationTimestamp",
            Value::Timestamp(i64::try_from(consumer.created_ms).unwrap_or(i64::MAX)),
        ),
        ("StreamARN", with_stream.then(|| stream_arn(call, stream)).into()),
    ])
}

/// `RegisterStreamConsumer`
pub(super) async fn register(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    super::change::must_be_usable(&call, &stream)?;
    let name = call.input.text("ConsumerName").unwrap_or_default();
    let mut new_tags = BTreeMap::new();
    tags::add(&mut new_tags, call.input.pairs("Tags"))?;
    let on_demand = stream.data.as_deref().is_some_and(|data| data.capacity == Capacity::OnDemand);
    let committed = on_demand && call.app.aws.account.is_committed(call.app.env.clock.now_ms()).await;
    let max =
        if committed || !call.app.config.shard_limits { CONSUMERS_MAX_COMMITTED } else { CONSUMERS_MAX };
    let _place = making::consumer(&call)?;
    let registered = call.app.streams.register_consumer(&stream.name, name, new_tags, max).await;
    let consumer = registered.map_err(|error| refused(&call, &stream.name, &error))?;
    Ok(structure([("Consumer", describe(&call, &stream.name, &consumer, false))]).into())
}

/// `DeregisterStreamConsumer`. Its subscriptions end.
pub(super) async fn deregister(call: Call<'_>) -> Outcome {
    let Known { stream, consumer } = named(&call)?;
    let deregistered = call.app.streams.deregister_consumer(&stream.name, &consumer.name).await;
    deregistered.map_err(|error| refused(&call, &stream.name, &error))?;
    Ok(Reply::Empty)
}

/// `DescribeStreamConsumer`
pub(super) fn describe_one(call: Call<'_>) -> Outcome {
    let Known { stream, consumer } = named(&call)?;
    Ok(structure([("ConsumerDescription", describe(&call, &stream.name, &consumer, true))]).into())
}

/// `ListStreamConsumers`, in the order of their names.
pub(super) fn list(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    let made_then = call.input.timestamp_ms("StreamCreationTimestamp");
    if made_then.is_some_and(|then| then / 1000 != stream.created_ms / 1000) {
        return Err(faults::no_such_stream(&call, &stream.name));
    }
    let now_ms = call.app.env.clock.now_ms();
    let after = call.input.text("NextToken").map(|text| go_on(&call, &stream, text, now_ms)).transpose()?;
    let limit = call.input.integer("MaxResults").and_then(|max| usize::try_from(max).ok());
    let limit = limit.unwrap_or(LISTED_MAX).min(LISTED_MAX);
    let mut consumers: Vec<_> = stream.data.iter().flat_map(|data| &data.consumers).collect();
    consumers.sort_by(|a, b| a.name.cmp(&b.name));
    consumers.retain(|consumer| after.as_ref().is_none_or(|after| consumer.name > *after));
    let more = consumers.len() > limit;
    consumers.truncate(limit);
    let last = consumers.last().filter(|_| more);
    let next = last
        .map(|last| token::seal(call.app, PURPOSE, &encode(stream.id, now_ms, &last.name)))
        .transpose()?;
    let consumers: Vec<_> =
        consumers.into_iter().map(|consumer| describe(&call, &stream.name, consumer, false)).collect();
    Ok(structure([("Consumers", consumers.into()), ("NextToken", next.into())]).into())
}

fn encode(stream: u128, made_ms: u64, last: &str) -> Vec<u8> {
    [&[VERSION][..], &stream.to_le_bytes(), &made_ms.to_le_bytes(), last.as_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Option<(u128, u64, String)> {
    let (version, rest) = bytes.split_first()?;
    let (stream, rest) = rest.split_first_chunk()?;
    let (made_ms, name) = rest.split_first_chunk()?;
    let name = String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty())?;
    (*version == VERSION).then(|| (u128::from_le_bytes(*stream), u64::from_le_bytes(*made_ms), name))
}

/// The name behind which a list goes on.
fn go_on(call: &Call<'_>, stream: &StreamInfo, text: &str, now_ms: u64) -> Result<String, AwsError> {
    let found = token::open(call.app, PURPOSE, text).and_then(|bytes| decode(&bytes));
    let found = found.filter(|(id, _, _)| *id == stream.id);
    let (_, made_ms, name) = found.ok_or_else(|| AwsError::invalid_argument("Invalid NextToken."))?;
    if now_ms.saturating_sub(made_ms) > LIFETIME_MS {
        let message = format!("NextToken expired. It is good for {LIFETIME_MS} milliseconds.");
        return Err(AwsError::new("ExpiredNextTokenException", message));
    }
    Ok(name)
}

fn refused(call: &Call<'_>, stream: &str, error: &ConsumerError) -> AwsError {
    let (arn, account) = (stream_arn(call, stream), &call.app.config.account_id);
    match error {
        ConsumerError::Update(error) => faults::update(call, error),
        ConsumerError::AlreadyExists { name } => faults::in_use(format!(
            "Consumer {name} under stream {arn} already exists for account {account}."
        )),
        ConsumerError::NoSuchConsumer { name } => no_such_consumer(call, stream, name),
        ConsumerError::TooMany { max } => AwsError::new(
            "LimitExceededException",
            format!("Stream {arn} of account {account} may have no more than {max} consumers."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_and_cannot_be_cut() {
        let bytes = encode(1 << 100, 7, "n");
        assert_eq!(decode(&bytes), Some((1 << 100, 7, "n".to_owned())));
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), None, "cut at {len}");
        }
        assert_eq!(decode(&[&[2], &bytes[1..]].concat()), None);
    }
}
