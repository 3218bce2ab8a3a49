//! Every bound of this crate, in one place.

use crate::throttle::ShardRates;
use std::time::Duration;

/// Longest stream name in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Most attributes of one stream.
pub const ATTRIBUTES_MAX: usize = 50;
/// Longest attribute name in characters; it has at least one.
pub const ATTRIBUTE_KEY_CHARS_MAX: usize = 128;
/// Longest attribute value in characters; it may be empty.
pub const ATTRIBUTE_VALUE_CHARS_MAX: usize = 256;
/// Most sealed settings of one stream.
pub const SEALED_SETTINGS_MAX: usize = 16;
/// Longest name of a sealed setting in bytes; it has at least one.
pub const SEALED_SETTING_NAME_BYTES_MAX: usize = 128;
/// Most bytes of a stream's sealed settings, names and values together.
pub const SEALED_SETTINGS_BYTES_MAX: usize = 8 << 10;
/// Most bytes of what a stream of data records has besides, as JSON.
pub const DATA_SETTINGS_BYTES_MAX: usize = 256 << 10;
/// Most registered consumers of one stream.
pub const CONSUMERS_MAX: usize = 50;
/// Longest policy in bytes.
pub const POLICY_BYTES_MAX: usize = 20 << 10;
/// Most entries of any other list of a stream of data records.
pub const TEXTS_MAX: usize = 64;
/// Largest data record in bytes that a stream may be told to take, its partition key included.
pub const RECORD_BYTES_MAX: u32 = 10 << 20;
/// Most holds of one stream.
pub const HOLDS_MAX: usize = 64;
/// Longest name of a hold in bytes; it has at least one.
pub const HOLD_NAME_BYTES_MAX: usize = 64;
/// Longest reason of a hold in characters; it may be empty.
pub const HOLD_REASON_CHARS_MAX: usize = 256;
/// Smallest retention in bytes: less could not hold a few seconds of footage.
pub const RETENTION_BYTES_MIN: u64 = 1 << 20;
/// Shortest retention in hours.
pub const RETENTION_HOURS_MIN: u32 = 1;
/// Longest retention in hours: ten years.
pub const RETENTION_HOURS_MAX: u32 = 10 * 365 * 24;
/// Most open shards of one stream.
pub const SHARDS_MAX: u32 = 1024;
/// Most streams of one catalogue; all of them are held in memory.
pub const STREAMS_MAX: usize = 100_000;
/// Largest row of a stream in bytes, before sealing. The data keys of ten years fill about two thirds of it.
pub const ROW_BYTES_MAX: usize = vault::BLOB_BYTES_MAX;
/// Most streams in one answer of `list`.
pub const LIST_MAX: usize = 1000;

/// Largest plaintext head of a record in bytes, if the store takes as much.
pub const HEAD_BYTES_MAX: usize = vault::seal::HEAD_BYTES_MAX;
/// Largest plaintext body of a record in bytes, if the store takes as much.
pub const BODY_BYTES_MAX: usize = vault::seal::BODY_BYTES_MAX;
/// Most records that one read returns.
pub const READ_RECORDS_MAX: usize = 10_000;
/// Most bytes that one read gathers before it stops (a single larger record is still returned).
pub const READ_BYTES_MAX: usize = 64 << 20;

/// Requests that may wait in one owner's queue; bytes are bounded by the admission semaphores.
pub(crate) const OWNER_QUEUE_REQUESTS: usize = 64;
/// Admitted batches of one shard that may wait for durability.
pub(crate) const OWNER_BATCHES_IN_FLIGHT: usize = 1024;
/// An owner that had nothing to do for this long ends and gives its memory back; the next append starts a new one.
pub(crate) const OWNER_IDLE: Duration = Duration::from_secs(10 * 60);
/// How often a claim is tried again with a larger epoch before it is given up.
pub(crate) const CLAIM_TRIES: u32 = 4;
/// How often a change of a row is tried again after somebody else wrote the row first.
pub(crate) const CHANGE_TRIES: u32 = 4;
/// What each record counts for at admission besides its bytes: its bookkeeping is not free.
pub(crate) const RECORD_COST_BYTES: usize = 128;

/// Batches and reads of more bytes than this are sealed and opened on a blocking thread: at about 2 GB/s, 256 KiB take 120 µs,
/// which nobody notices. Handing the work over costs 30 µs and more, and a camera's chunks are mostly smaller than this.
pub(crate) const INLINE_CRYPTO_BYTES: usize = 256 << 10;

/// A stream's data key is replaced at the first append after this time.
pub const DATA_KEY_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// An opened data key is used for this long before its key-encryption key is asked again, so that disabling the latter
/// stops reads and writes within this time.
pub const OPENED_KEY_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Opened data keys kept per stream.
pub(crate) const OPENED_KEYS_MAX: usize = 16;
/// How often the users of a stream may choose a key-encryption key in 24 hours, and how often they may go back to the default
/// key: every change makes a data key that the stream's row has to keep.
pub const KEY_CHANGES_PER_DAY: usize = 25;
/// How long a stream shows as updating after such a change: long enough for whoever waits for that to see it.
pub const KEY_CHANGE_SHOWN: Duration = Duration::from_millis(500);
/// After a replacement of a data key failed because the catalogue could not be written, the next try waits this long.
pub(crate) const DATA_KEY_RETRY: Duration = Duration::from_secs(60);

/// How long a subscription lasts.
pub const SUBSCRIPTION_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The longest time without an event.
pub const SUBSCRIPTION_HEARTBEAT: Duration = Duration::from_secs(4);
/// A subscription younger than this is not taken over.
pub const TAKE_OVER_AFTER: Duration = Duration::from_secs(5);
/// Most records of one event.
pub(crate) const SUBSCRIPTION_EVENT_RECORDS: usize = 1000;
/// Bytes after which an event takes no more records.
pub(crate) const SUBSCRIPTION_EVENT_BYTES: usize = 1 << 20;
/// How often it is looked whether shards of streams on demand are busy.
pub const SCALE_INTERVAL: Duration = Duration::from_secs(10);
/// What shards take and give is counted in steps of this length.
pub const TRAFFIC_STEP: Duration = Duration::from_secs(5);
/// So many of them are kept.
pub const TRAFFIC_STEPS: usize = 60;
/// How often the number of a stream's shards may be set in 24 hours.
pub const COUNT_SETS_PER_DAY: u32 = 10;
/// How long it is waited before a split or merge that did not succeed is tried again: at first, and at most.
pub(crate) const RESHARD_RETRY_FIRST: Duration = Duration::from_millis(250);
pub(crate) const RESHARD_RETRY_MAX: Duration = Duration::from_secs(30);
/// How long an append waits for the children of the shard it was meant for before it is refused.
pub const RESHARD_WAIT: Duration = Duration::from_secs(10);

/// Pause between two passes of the retention task over all streams.
pub const RETENTION_INTERVAL: Duration = Duration::from_secs(60);
/// Pause between two looks at the disk, and at streams that were written to and may keep only so many bytes.
pub const SPACE_INTERVAL: Duration = Duration::from_millis(500);
/// A stream that has grown beyond its bytes is trimmed to this part less, so that not every record trims.
pub(crate) const RETENTION_SLACK: u64 = 32;
/// How long an append to a stream that lets its oldest records go waits for that before it is refused.
pub const ROOM_WAIT: Duration = Duration::from_secs(10);

/// What the operator may tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamsConfig {
    /// Bytes of records, over all shards, that may wait to become durable. Further appends wait.
    pub admission_bytes_max: usize,
    /// The same for one shard. A batch larger than this is let in alone, when nothing else of its shard waits.
    pub shard_admission_bytes_max: usize,
    /// How full the disk may become.
    pub marks: DiskMarks,
    /// What a shard of data records takes and gives per second; `None`: as much as it can.
    pub rates: Option<ShardRates>,
}

/// How full the disk may become, in bytes that are still free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskMarks {
    /// Below this, streams refuse new records or let their oldest go; 0: until the store itself refuses.
    pub full_below: u64,
    /// Below this, the store refuses records.
    pub reserve: u64,
}

impl DiskMarks {
    /// From here on records are taken again. More than the other mark, so that they do not come and go.
    pub(crate) fn roomy_from(&self) -> u64 {
        self.full_below.saturating_add(self.full_below / 8)
    }

    /// Oldest records go until so much is free.
    pub(crate) fn evict_until(&self) -> u64 {
        self.full_below.saturating_add(self.full_below / 4)
    }
}

impl StreamsConfig {
    /// The same within what the semaphores can count; nothing at all would stop everything.
    pub(crate) fn clamped(self) -> Self {
        let max = u32::MAX as usize;
        Self {
            admission_bytes_max: self.admission_bytes_max.clamp(1, max),
            shard_admission_bytes_max: self.shard_admission_bytes_max.clamp(1, max),
            ..self
        }
    }
}

impl Default for StreamsConfig {
    fn default() -> Self {
        Self {
            admission_bytes_max: 256 << 20,
            shard_admission_bytes_max: 32 << 20,
            marks: DiskMarks::default(),
            rates: None,
        }
    }
}
