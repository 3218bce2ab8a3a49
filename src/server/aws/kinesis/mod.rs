//! Kinesis Data Streams.
//!
//! One table says what there is; each group of operations has a file. Streams and records themselves are the business of
//! [`streams`]; here is what AWS clients call them and how they are told.

mod account;
mod capacity;
mod change;
mod consumers;
mod describe;
mod encryption;
mod faults;
mod get_records;
mod hash_key;
mod iterator;
mod list_shards;
mod list_streams;
mod monitoring;
mod policy;
mod put_records;
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

pub(crate) use account::AccountSettings;

use super::operation::{Operation, Service, operation as op};
use consumers::of_consumer;
use resource::of_resource;
use stream_ref::{anything, of_iterator, of_stream};

/// The service.
pub(crate) static SERVICE: Service =
    Service { target: "Kinesis_20131202", signing_name: "kinesis", operations: OPERATIONS };

/// The operation whose answer goes on and on.
pub(crate) const SUBSCRIBE_TO_SHARD: &str = "kinesis:SubscribeToShard";

/// What a policy calls the operation, its input, what it is about, and what does it.
const OPERATIONS: &[Operation] = &[
    // Streams.
    op("kinesis:CreateStream", stream_life::CREATE, of_stream, |call| Box::pin(stream_life::create(call))),
    op("kinesis:DeleteStream", stream_life::DELETE, of_stream, |call| Box::pin(stream_life::delete(call))),
    op("kinesis:DescribeStream", describe::STREAM, of_stream, |call| {
        Box::pin(async move { describe::stream(call) })
    }),
    op("kinesis:DescribeStreamSummary", describe::SUMMARY, of_stream, |call| {
        Box::pin(async move { describe::summary(call) })
    }),
    op("kinesis:ListStreams", list_streams::INPUT, anything, |call| {
        Box::pin(async move { list_streams::list_streams(call) })
    }),
    op("kinesis:ListShards", list_shards::INPUT, list_shards::resource, |call| {
        Box::pin(async move { list_shards::list_shards(call) })
    }),
    // Records.
    op("kinesis:PutRecord", put_records::ONE, of_stream, |call| Box::pin(put_records::put_record(call))),
    op("kinesis:PutRecords", put_records::MANY, of_stream, |call| Box::pin(put_records::put_records(call))),
    op("kinesis:GetShardIterator", iterator::INPUT, of_stream, |call| {
        Box::pin(iterator::get_shard_iterator(call))
    }),
    op("kinesis:GetRecords", get_records::INPUT, of_iterator, |call| {
        Box::pin(get_records::get_records(call))
    }),
    // Consumers.
    op("kinesis:RegisterStreamConsumer", consumers::REGISTER, of_stream, |call| {
        Box::pin(consumers::register(call))
    }),
    op("kinesis:DeregisterStreamConsumer", consumers::ONE, of_consumer, |call| {
        Box::pin(consumers::deregister(call))
    }),
    op("kinesis:DescribeStreamConsumer", consumers::ONE, of_consumer, |call| {
        Box::pin(async move { consumers::describe_one(call) })
    }),
    op("kinesis:ListStreamConsumers", consumers::LIST, of_stream, |call| {
        Box::pin(async move { consumers::list(call) })
    }),
    op(SUBSCRIBE_TO_SHARD, subscribe::INPUT, of_consumer, |call| {
        Box::pin(subscribe::subscribe_to_shard(call))
    }),
    // Shards.
    op("kinesis:SplitShard", reshard::SPLIT, of_stream, |call| Box::pin(reshard::split(call))),
    op("kinesis:MergeShards", reshard::MERGE, of_stream, |call| Box::pin(reshard::merge(call))),
    op("kinesis:UpdateShardCount", reshard::COUNT, of_stream, |call| Box::pin(reshard::update_count(call))),
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
    }),
    op("kinesis:UpdateStreamRecordDistributionStrategy", capacity::SET_DISTRIBUTION, of_stream, |call| {
        Box::pin(capacity::set_distribution(call))
    }),
    // Tags and policies.
    op("kinesis:AddTagsToStream", tags::ADD, of_stream, |call| Box::pin(tags::add_to_stream(call))),
    op("kinesis:RemoveTagsFromStream", tags::REMOVE, of_stream, |call| {
        Box::pin(tags::remove_from_stream(call))
    }),
    op("kinesis:ListTagsForStream", tags::LIST, of_stream, |call| {
        Box::pin(async move { tags::list_for_stream(call) })
    }),
    op("kinesis:TagResource", tags::TAG, of_resource, |call| Box::pin(tags::tag(call))),
    op("kinesis:UntagResource", tags::UNTAG, of_resource, |call| Box::pin(tags::untag(call))),
    op("kinesis:ListTagsForResource", tags::LIST_OF, of_resource, |call| {
        Box::pin(async move { tags::list_for_resource(call) })
    }),
    op("kinesis:PutResourcePolicy", policy::PUT, of_resource, |call| Box::pin(policy::put(call))),
    op("kinesis:GetResourcePolicy", policy::ONE, of_resource, |call| {
        Box::pin(async move { policy::get(call) })
    }),
    op("kinesis:DeleteResourcePolicy", policy::ONE, of_resource, |call| Box::pin(policy::delete(call))),
    // The account.
    op("kinesis:DescribeLimits", &[], anything, |call| Box::pin(async move { account::limits(call) })),
    op("kinesis:DescribeAccountSettings", &[], anything, |call| Box::pin(account::describe(call))),
    op("kinesis:UpdateAccountSettings", account::UPDATE, anything, |call| Box::pin(account::update(call))),
];
