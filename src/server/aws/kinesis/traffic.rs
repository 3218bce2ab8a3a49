//! What a stream took and gave in the last minutes: `GET /v1/data/{stream}/traffic`. The original service tells this by
//! another service's metrics.

use super::faults;
use super::shapes::NAME_MEMBER;
use super::shard_id::shard_name;
use super::stream_ref::{of_stream, stream_name, usable};
use crate::aws::operation::{Call, Operation, Outcome, operation as op};
use crate::aws::wire::{Value, structure};
use streams::Traffic;
use streams::limits::TRAFFIC_STEP;

/// For whoever may see what the stream is like.
pub(crate) static TRAFFIC: Operation =
    op("kinesis:DescribeStreamSummary", &[NAME_MEMBER], of_stream, |call| {
        Box::pin(async move { traffic(call) })
    });

fn traffic(call: Call<'_>) -> Outcome {
    usable(&call)?;
    let name = stream_name(&call)?;
    let recent = call.app.streams.recent_traffic(name).map_err(|_| faults::no_such_stream(&call, name))?;
    let shards = recent.shards.iter().map(|(index, steps)| {
        structure([("shard_id", shard_name(*index).into()), ("traffic", series(steps))])
    });
    Ok(structure([
        ("step_s", TRAFFIC_STEP.as_secs().into()),
        ("until_ms", recent.until_ms.into()),
        ("traffic", series(&recent.stream)),
        ("shards", shards.collect::<Vec<_>>().into()),
    ])
    .into())
}

/// Each number's steps. What was zero all the time is left out.
fn series(steps: &[Traffic]) -> Value<'static> {
    let counts = |of: fn(&Traffic) -> u64| {
        let any = steps.iter().any(|step| of(step) > 0);
        any.then(|| steps.iter().map(|step| of(step).into()).collect::<Vec<_>>())
    };
    let read = steps.iter().any(|step| step.behind_ms.is_some());
    let ages = read.then(|| steps.iter().map(|step| step.behind_ms.into()).collect::<Vec<_>>());
    structure([
        ("in_bytes", counts(|step| step.in_bytes).into()),
        ("in_records", counts(|step| step.in_records).into()),
        ("out_bytes", counts(|step| step.out_bytes).into()),
        ("out_records", counts(|step| step.out_records).into()),
        ("throttled_records", counts(|step| step.throttled_records).into()),
        ("throttled_reads", counts(|step| step.throttled_reads).into()),
        ("iterator_age_ms", ages.into()),
    ])
}
