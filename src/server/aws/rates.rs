//! How often an operation may be called: as many times per second as the service itself takes.
//!
//! Each operation has a bucket, of which each stream or shard has its own where the service counts by those. A bucket that is
//! full again is as good as none, so they are thrown away from time to time.

use super::arn::Arn;
use super::error::AwsError;
use super::kinesis::{shard_index, shard_name};
use super::operation::Call;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use streams::Bucket;

/// Most buckets. What is called on so many different things within a second is refused.
const BUCKETS_MAX: usize = 1 << 16;

/// How often an operation may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// So many times, by all callers together.
    pub(crate) per_second: u64,
    /// On what.
    pub(crate) per: Per,
}

/// What a rate is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Per {
    /// Everything.
    Account,
    /// A stream, and all that belongs to it.
    Stream,
    /// The shard that `ShardId` says.
    Shard,
    /// That shard and the consumer that reads it.
    Subscription,
}

/// What a bucket is for: an operation on a thing, and a shard of it.
type Key = (&'static str, String, Option<u32>);

/// The buckets.
pub(crate) struct Rates {
    percent: u64,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

impl Rates {
    /// With so many per cent of the service's own rates.
    pub(crate) fn new(percent: u64) -> Self {
        Self { percent, buckets: Mutex::default() }
    }

    /// Refuses a call that comes too soon after others. `resource`: the ARN of what it is about.
    pub(crate) fn admit(
        &self,
        action: &'static str,
        rate: Rate,
        call: &Call<'_>,
        resource: &str,
    ) -> Result<(), AwsError> {
        let stream = stream_of(resource);
        let shard = call.input.text("ShardId").and_then(shard_index);
        let key = match rate.per {
            Per::Account => (action, String::new(), None),
            Per::Stream => (action, stream.to_owned(), None),
            Per::Shard => (action, stream.to_owned(), shard),
            Per::Subscription => (action, resource.to_owned(), shard),
        };
        if self.takes(key, rate.per_second, call.app.env.clock.monotonic()) {
            return Ok(());
        }
        let account = &call.app.config.account_id;
        // Only this one has no other error to say it with.
        if rate.per == Per::Shard {
            let shard = shard.map(shard_name).unwrap_or_default();
            return Err(AwsError::new(
                "ProvisionedThroughputExceededException",
                format!("Rate exceeded for shard {shard} in stream {stream} under account {account}."),
            ));
        }
        let message = match stream {
            "" => format!("Rate exceeded for account {account}."),
            stream => format!("Rate exceeded for stream {stream} under account {account}."),
        };
        Err(AwsError::new("LimitExceededException", message))
    }

    fn takes(&self, key: Key, per_second: u64, now: Duration) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= BUCKETS_MAX {
                return false;
            }
        }
        let per_second = (per_second * self.percent / 100).max(1);
        buckets.entry(key).or_default().try_take(per_second, now)
    }
}

/// The name of the stream that an ARN is about; empty if it is about none.
fn stream_of(resource: &str) -> &str {
    let path = Arn::parse(resource).and_then(|arn| arn.resource.strip_prefix("stream/"));
    path.and_then(|path| path.split('/').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(action: &'static str, stream: usize) -> Key {
        (action, stream.to_string(), None)
    }

    #[test]
    fn each_operation_and_stream_has_its_own() {
        let rates = Rates::new(100);
        let taken = |key: Key, now| (0..9).filter(|_| rates.takes(key.clone(), 5, now)).count();
        assert_eq!(taken(key("a", 1), SECOND), 5);
        assert_eq!(taken(key("a", 2), SECOND), 5);
        assert_eq!(taken(key("b", 1), SECOND), 5);
        assert_eq!(taken(key("a", 1), SECOND + SECOND * 2 / 5), 2);
    }

    #[test]
    fn rates_are_changed_by_per_cent_and_never_to_nothing() {
        for (percent, per_second, taken) in [(200, 5, 10), (40, 5, 2), (1, 5, 1), (1, 1000, 10)] {
            let rates = Rates::new(percent);
            let found = (0..20).filter(|_| rates.takes(key("a", 1), per_second, SECOND)).count();
            assert_eq!(found, taken, "{percent} % of {per_second}");
        }
    }

    #[test]
    fn buckets_are_bounded_and_full_ones_make_room() {
        let rates = Rates::new(100);
        for stream in 0..BUCKETS_MAX {
            assert!(rates.takes(key("a", stream), 1, SECOND));
        }
        assert!(!rates.takes(key("a", BUCKETS_MAX), 1, SECOND));
        assert!(rates.takes(key("a", BUCKETS_MAX), 1, SECOND * 2));
        assert_eq!(rates.buckets.lock().unwrap().len(), 1);
    }

    #[test]
    fn streams_of_arns() {
        for (resource, stream) in [
            ("*", ""),
            ("arn:aws:kinesis:us-east-1:000000000000:stream/s", "s"),
            ("arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1", "s"),
        ] {
            assert_eq!(stream_of(resource), stream);
        }
    }
}
