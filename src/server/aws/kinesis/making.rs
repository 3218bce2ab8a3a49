//! Streams and consumers that are being made or deleted at this moment: of each, so many at a time.

use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Most at a time.
const MAX: usize = 5;

/// Places for them.
pub(crate) struct Making {
    /// For streams.
    pub(crate) streams: Semaphore,
    /// For consumers.
    pub(crate) consumers: Semaphore,
}

impl Default for Making {
    fn default() -> Self {
        Self { streams: Semaphore::new(MAX), consumers: Semaphore::new(MAX) }
    }
}

/// A place, given back when dropped; none is needed without limits.
pub(super) type Place<'a> = Option<SemaphorePermit<'a>>;

/// A place for a stream that is to be made or deleted.
pub(super) fn stream<'a>(call: &Call<'a>) -> Result<Place<'a>, AwsError> {
    place(call, &call.app.aws.making.streams, "streams", "CREATING or DELETING")
}

/// A place for a consumer that is to be registered.
pub(super) fn consumer<'a>(call: &Call<'a>) -> Result<Place<'a>, AwsError> {
    place(call, &call.app.aws.making.consumers, "consumers", "CREATING")
}

fn place<'a>(call: &Call<'a>, of: &'a Semaphore, what: &str, state: &str) -> Result<Place<'a>, AwsError> {
    if !call.app.config.shard_limits {
        return Ok(None);
    }
    of.try_acquire().map(Some).map_err(|_| {
        let account = &call.app.config.account_id;
        let message = format!(
            "This request would have exceed the limit on the number of {what} that can simultaneously be in {state} for the \
             account {account}. Limit: {MAX}."
        );
        AwsError::new("LimitExceededException", message)
    })
}
