//! `SubscribeToShard`: an answer that goes on for five minutes.
//!
//! First comes a frame that says that the call succeeded, then an event with the next records whenever there are some, and at
//! least every few seconds. Events are JSON, whatever the request was. At the end of a closed shard the last event names its
//! children and no place to go on from, by which consumer libraries know it.

use super::consumers::{Known, named};
use super::get_records::{children, record_value};
use super::iterator::{KINDS, Wanted, starting_at};
use super::sequence::SequenceNumber;
use super::shapes::{CONSUMER_ARN, DRY_RUN, SEQUENCE_NUMBER, SHARD_ID, STREAM_ID_MEMBER};
use super::shard_id::{shard_name, shard_named};
use super::{change, faults};
use crate::aws::error::AwsError;
use crate::aws::event_stream::{event, exception};
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Format, Member, Shape, Text, optional, required, structure};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use shardlog::env::Env;
use streams::{
    Arrival, ReadError, Seq, ShardInfo, SubscribeError, Subscription, SubscriptionEnd, SubscriptionEvent,
};
use tokio_util::sync::CancellationToken;

pub(super) const INPUT: &[Member] = &[
    required("ConsumerARN", CONSUMER_ARN),
    required("ShardId", SHARD_ID),
    required(
        "StartingPosition",
        Shape::Structure(&[
            required("Type", Shape::Text(Text::one_of(KINDS))),
            optional("SequenceNumber", SEQUENCE_NUMBER),
            optional("Timestamp", Shape::Timestamp),
        ]),
    ),
    DRY_RUN,
    STREAM_ID_MEMBER,
];

/// `SubscribeToShard`
pub(super) async fn subscribe_to_shard(call: Call<'_>) -> Outcome {
    let Known { stream, consumer } = named(&call)?;
    change::must_be_usable(&call, &stream)?;
    let info = shard_named(&call, &stream, call.input.text("ShardId").unwrap_or_default())?;
    let shard =
        call.app.streams.shard(&stream.name, info.index).map_err(|error| faults::shard(&call, &error))?;
    let start = call.input.structure("StartingPosition");
    let wanted = Wanted {
        kind: start.and_then(|start| start.text("Type")).unwrap_or_default(),
        number: start.and_then(|start| start.text("SequenceNumber")),
        at_ms: start.and_then(|start| start.timestamp_ms("Timestamp")),
    };
    let from = starting_at(&call, &stream, info, &shard, wanted).await?;
    call.stop_if_dry_run()?;
    let subscribed = call.app.streams.subscribe(&stream.name, &consumer.name, info.index, from);
    let subscription = subscribed.map_err(|error| match error {
        SubscribeError::TooSoon => faults::in_use(format!(
            "Another active subscription exists for this consumer: {}:{}:{}",
            call.app.config.account_id, stream.name, consumer.name
        )),
        SubscribeError::Shard(error) => faults::shard(&call, &error),
        SubscribeError::NoSuchConsumer { .. } => {
            AwsError::new("ResourceNotFoundException", "The consumer was deregistered meanwhile.")
        }
    })?;
    let (env, stop) = (call.app.env.clone(), call.app.stop.clone());
    let pushing = Pushing { subscription, shard: *info, env, stop };
    let hello = event("initial-response", Format::Json.content_type(), b"{}");
    let events = stream::unfold(Some(pushing), |pushing| async move { pushing?.next().await });
    Ok(Reply::Events(stream::iter([hello]).chain(events).boxed()))
}

/// A subscription on its way to a client.
struct Pushing {
    subscription: Subscription,
    shard: ShardInfo,
    env: Env,
    stop: CancellationToken,
}

impl Pushing {
    /// The next frame, and whether there may be more after it.
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        let told = tokio::select! {
            told = self.subscription.next() => told,
            () = self.stop.cancelled() => return None,
        };
        match told {
            Ok(None) | Err(SubscriptionEnd::Read(ReadError::ShuttingDown)) => None,
            Ok(Some(told)) => match self.frame(told) {
                Ok(frame) => Some((frame, Some(self))),
                Err(error) => Some((failed(&error), None)),
            },
            Err(end) => Some((failed(&self.ended(&end)), None)),
        }
    }

    fn frame(&self, told: SubscriptionEvent) -> Result<Bytes, AwsError> {
        let SubscriptionEvent { records, next, behind_ms, children: came } = told;
        let stream = self.subscription.shard().stream();
        let at_end = !came.is_empty();
        let go_on = (!at_end).then(|| {
            // Without a record its place is all that counts.
            let now = Arrival(self.env.clock.now_ms());
            let arrival = records.last().map_or(now, |last| last.arrival);
            match next.0.checked_sub(1) {
                Some(last) => SequenceNumber::of(&self.shard, Seq(last), arrival),
                None => SequenceNumber::start(&self.shard),
            }
            .to_string()
        });
        let records = records.into_iter().map(|record| record_value(&stream, &self.shard, record));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let payload = Format::Json.encode(&structure([
            ("Records", records.into()),
            ("ContinuationSequenceNumber", go_on.into()),
            ("MillisBehindLatest", behind_ms.into()),
            ("ChildShards", at_end.then(|| children(&stream, &self.shard)).into()),
        ]));
        Ok(event("SubscribeToShardEvent", Format::Json.content_type(), &payload))
    }

    /// Why it ended, in the service's words.
    fn ended(&self, end: &SubscriptionEnd) -> AwsError {
        let place = || {
            format!(
                "shard {} in stream {}",
                shard_name(self.shard.index),
                self.subscription.shard().stream().name
            )
        };
        match end {
            SubscriptionEnd::TakenOver => faults::in_use(format!(
                "Another subscription of this consumer to {} has taken over.",
                place()
            )),
            SubscriptionEnd::Deregistered => {
                AwsError::new("ResourceNotFoundException", "The consumer was deregistered.")
            }
            SubscriptionEnd::Read(ReadError::Deleted) => {
                AwsError::new("ResourceNotFoundException", format!("There is no {} any more.", place()))
            }
            SubscriptionEnd::Read(ReadError::Key(error)) => faults::key(error),
            SubscriptionEnd::Read(error) => AwsError::internal(error),
        }
    }
}

/// The frame of an error.
fn failed(error: &AwsError) -> Bytes {
    // The model has this one name for it in event streams.
    let code = if error.code() == "InternalFailure" { "InternalFailureException" } else { error.code() };
    let payload = Format::Json.encode(&structure([("message", error.message().into())]));
    exception(code, Format::Json.content_type(), &payload)
}
