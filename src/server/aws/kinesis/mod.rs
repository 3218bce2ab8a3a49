//! Kinesis Data Streams.
//!
//! One table says what there is; each group of operations has a file. Streams and records themselves are the business of
//! [`streams`]; here is what AWS clients call them and how they are told.

mod account;
mod capacity;
mod change;
mod consumers;
mod decimal;
mod describe;
mod encryption;
mod faults;
mod get_records;
mod hash_key;
mod iterator;
mod list_shards;
mod list_streams;
mod making;
mod monitoring;
mod policy;
mod put_records;
mod quota;
mod reshard;
mod resource;
mod retention;
pub(crate) mod sequence;
mod shapes;
mod shard_id;
mod stream_life;
mod stream_ref;
mod subscribe;
mod tags;
mod token;
mod traffic;

pub(crate) use account::AccountSettings;
pub(crate) use making::Making;
pub(crate) use shard_id::{shard_index, shard_name};
pub(crate) use traffic::TRAFFIC;

use super::operation::{Operation, Service, operation as op};
use super::rates::Per::{Account, Shard, Stream, Subscription};
use consumers::of_consumer;
use resource::of_resource;
use stream_ref::{anything, of_iterator, of_stream};

/// The service.
pub(crate) static SERVICE: Service =
    Service { target: "Kinesis_20131202", signing_name: "kinesis", operations: OPERATIONS };

/// The operation whose answer goes on and on.
pub(crate) const SUBSCRIBE_TO_SHARD: &str = "kinesis:SubscribeToShard";

/// What a policy calls the operation, its input, what it is about, and what does it; and how often per second, where the service
/// says so: in the documentation of the operation, or in that of its quotas.
const OPERATIONS: &[Operation] = &[
    // Streams.
    op("kinesis:CreateStream", stream_life::CREATE, of_stream, |call| Box::pin(stream_life::create(call)))
        .at_most(5, Account),
    op("kinesis:DeleteStream", stream_life::DELETE, of_stream, |call| Box::pin(stream_life::delete(call)))
        .at_most(5, Account),
    op("kinesis:DescribeStream", describe::STREAM, of_stream, |call| {
        Box::pin(async move { describe::stream(call) })
    })
    .at_most(10, Account),
    op("kinesis:DescribeStreamSummary", describe::SUMMARY, of_stream, |call| {
        Box::pin(async move { describe::summary(call) })
    })
    .at_most(20, Account),
    op("kinesis:ListStreams", list_streams::INPUT, anything, |call| {
        Box::pin(async move { list_streams::list_streams(call) })
    })
    .at_most(5, Account),
    op("kinesis:ListShards", list_shards::INPUT, list_shards::resource, |call| {
        Box::pin(async move { list_shards::list_shards(call) })
    })
    .at_most(1000, Stream),
    // Records.
    op("kinesis:PutRecord", put_records::ONE, of_stream, |call| Box::pin(put_records::put_record(call))),
    op("kinesis:PutRecords", put_records::MANY, of_stream, |call| Box::pin(put_records::put_records(call))),
    op("kinesis:GetShardIterator", iterator::INPUT, of_stream, |call| {
        Box::pin(iterator::get_shard_iterator(call))
    })
    .at_most(5, Shard),
    op("kinesis:GetRecords", get_records::INPUT, of_iterator, |call| {
        Box::pin(get_records::get_records(call))
    }),
    // Consumers.
    op("kinesis:RegisterStreamConsumer", consumers::REGISTER, of_stream, |call| {
        Box::pin(consumers::register(call))
    })
    .at_most(5, Account),
    op("kinesis:DeregisterStreamConsumer", consumers::ONE, of_consumer, |call| {
        Box::pin(consumers::deregister(call))
    })
    .at_most(5, Stream),
    op("kinesis:DescribeStreamConsumer", consumers::ONE, of_consumer, |call| {
        Box::pin(async move { consumers::describe_one(call) })
    })
    .at_most(20, Stream),
    op("kinesis:ListStreamConsumers", consumers::LIST, of_stream, |call| {
        Box::pin(async move { consumers::list(call) })
    })
    .at_most(5, Stream),
    op(SUBSCRIBE_TO_SHARD, subscribe::INPUT, of_consumer, |call| {
        Box::pin(subscribe::subscribe_to_shard(call))
    })
    .at_most(1, Subscription),
    // Shards.
    op("kinesis:SplitShard", reshard::SPLIT, of_stream, |call| Box::pin(reshard::split(call)))
        .at_most(5, Account),
    op("kinesis:MergeShards", reshard::MERGE, of_stream, |call| Box::pin(reshard::merge(call)))
        .at_most(5, Account),
    op("kinesis:UpdateShardCount", reshard::COUNT, of_stream, |call| Box::pin(reshard::update_count(call)))
        .at_most(10, Account),
    // Settings of streams.
    op("kinesis:IncreaseStreamRetentionPeriod", retention::INPUT, of_stream, |call| {
        Box::pin(retention::increase(call))
    }),
    op("kinesis:DecreaseStreamRetentionPeriod", retention::INPUT, of_stream, |call| {
        Box::pin(retention::decrease(call))
    }),
    op("kinesis:EnableEnhancedMonitoring", monitoring::INPUT, of_stream, |call| {
        Box::pin(monitoring::enable(call))
    }),
    op("kinesis:DisableEnhancedMonitoring", monitoring::INPUT, of_stream, |call| {
        Box::pin(monitoring::disable(call))
    }),
    op("kinesis:StartStreamEncryption", encryption::INPUT, of_stream, |call| {
        Box::pin(encryption::start(call))
    }),
    op("kinesis:StopStreamEncryption", encryption::INPUT, of_stream, |call| Box::pin(encryption::stop(call))),
    op("kinesis:UpdateStreamMode", capacity::SET_MODE, of_stream, |call| Box::pin(capacity::set_mode(call))),
    op("kinesis:UpdateMaxRecordSize", capacity::SET_RECORD_SIZE, of_stream, |call| {
        Box::pin(capacity::set_record_size(call))
    }),
    op("kinesis:UpdateStreamWarmThroughput", capacity::SET_WARM, of_stream, |call| {
        Box::pin(capacity::set_warm(call))
    })
    .at_most(5, Account),
    op("kinesis:UpdateStreamRecordDistributionStrategy", capacity::SET_DISTRIBUTION, of_stream, |call| {
        Box::pin(capacity::set_distribution(call))
    }),
    // Tags and policies.
    op("kinesis:AddTagsToStream", tags::ADD, of_stream, |call| Box::pin(tags::add_to_stream(call)))
        .at_most(5, Account),
    op("kinesis:RemoveTagsFromStream", tags::REMOVE, of_stream, |call| {
        Box::pin(tags::remove_from_stream(call))
    })
    .at_most(5, Account),
    op("kinesis:ListTagsForStream", tags::LIST, of_stream, |call| {
        Box::pin(async move { tags::list_for_stream(call) })
    })
    .at_most(5, Account),
    op("kinesis:TagResource", tags::TAG, of_resource, |call| Box::pin(tags::tag(call))).at_most(5, Account),
    op("kinesis:UntagResource", tags::UNTAG, of_resource, |call| Box::pin(tags::untag(call)))
        .at_most(5, Account),
    op("kinesis:ListTagsForResource", tags::LIST_OF, of_resource, |call| {
        Box::pin(async move { tags::list_for_resource(call) })
    })
    .at_most(5, Account),
    op("kinesis:PutResourcePolicy", policy::PUT, of_resource, |call| Box::pin(policy::put(call))),
    op("kinesis:GetResourcePolicy", policy::ONE, of_resource, |call| {
        Box::pin(async move { policy::get(call) })
    }),
    op("kinesis:DeleteResourcePolicy", policy::ONE, of_resource, |call| Box::pin(policy::delete(call))),
    // The account.
    op("kinesis:DescribeLimits", &[], anything, |call| Box::pin(async move { account::limits(call) }))
        .at_most(1, Account),
    op("kinesis:DescribeAccountSettings", &[], anything, |call| Box::pin(account::describe(call)))
        .at_most(5, Account),
    op("kinesis:UpdateAccountSettings", account::UPDATE, anything, |call| Box::pin(account::update(call)))
        .at_most(5, Account),
];
