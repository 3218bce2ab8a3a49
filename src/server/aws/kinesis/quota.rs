//! How many shards and streams on demand the account may have.

use crate::app::App;
use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use streams::limits::STREAMS_MAX;
use streams::{Capacity, StreamKind};

/// Shards that an account may have without limits: as many as the service's own model can say.
const SHARDS_MAX: usize = 1_000_000;

/// What there is of all streams of data records.
#[derive(Default)]
pub(super) struct Census {
    /// Open shards.
    pub(super) open: usize,
    /// Those of streams that are not on demand, for which alone there is a quota.
    pub(super) provisioned: usize,
    /// Streams on demand.
    pub(super) on_demand: usize,
}

/// Counts them.
pub(super) fn census(app: &App) -> Census {
    let (mut found, mut after) = (Census::default(), None);
    loop {
        let page = app.streams.list_all(Some(StreamKind::Data), after.as_deref(), usize::MAX);
        for stream in &page.streams {
            let open = stream.open_shards().len();
            found.open += open;
            if stream.data.as_deref().is_some_and(|data| data.capacity == Capacity::OnDemand) {
                found.on_demand += 1;
            } else {
                found.provisioned += open;
            }
        }
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Most open shards.
pub(super) fn shards_max(app: &App) -> usize {
    if app.config.shard_limits { app.config.shards_max as usize } else { SHARDS_MAX }
}

/// Most streams on demand.
pub(super) fn on_demand_max(app: &App) -> usize {
    if app.config.shard_limits { app.config.on_demand_streams_max as usize } else { STREAMS_MAX }
}

/// Refuses if the account may not have so many more shards.
pub(super) fn room_for_shards(call: &Call<'_>, more: usize) -> Result<(), AwsError> {
    let (there, max) = (census(call.app).provisioned, shards_max(call.app));
    if there + more <= max {
        return Ok(());
    }
    let (account, region) = (&call.app.config.account_id, &call.app.config.region);
    Err(exceeded(format!(
        "This request would exceed the shard limit for the account {account} in {region}. Current shard count for the account: \
         {there}. Limit: {max}. Number of additional shards that would have resulted from this request: {more}. Refer to the \
         AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and \
         how to request higher limits."
    )))
}

/// Refuses if the account may not have another stream on demand.
pub(super) fn room_on_demand(call: &Call<'_>) -> Result<(), AwsError> {
    let (there, max) = (census(call.app).on_demand, on_demand_max(call.app));
    if there < max {
        return Ok(());
    }
    let (account, region) = (&call.app.config.account_id, &call.app.config.region);
    Err(exceeded(format!(
        "This request would exceed the limit on the number of On-Demand streams for the account {account} in {region}. Current \
         On-Demand streams count: {there}. Limit: {max}."
    )))
}

fn exceeded(message: String) -> AwsError {
    AwsError::new("LimitExceededException", message)
}
