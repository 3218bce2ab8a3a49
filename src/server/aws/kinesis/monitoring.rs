//! `EnableEnhancedMonitoring` and `DisableEnhancedMonitoring`

use super::change::{change, must_be_active};
use super::shapes::{ARN_MEMBER, NAME_MEMBER, STREAM_ID_MEMBER};
use super::stream_ref::{look, stream_arn};
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Shape, Text, Value, required, structure};
use std::collections::BTreeSet;

/// Every metric of a shard, and the word for all of them.
const NAMES: &[&str] = &[
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
    ALL,
];
const ALL: &str = "ALL";

pub(super) const INPUT: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    required(
        "ShardLevelMetrics",
        Shape::List { of: &Shape::Text(Text::one_of(NAMES)), min: 1, max: 7, called: None },
    ),
    STREAM_ID_MEMBER,
];

/// `EnableEnhancedMonitoring`
pub(super) async fn enable(call: Call<'_>) -> Outcome {
    set(call, |monitored, named| monitored.extend(named.iter().cloned())).await
}

/// `DisableEnhancedMonitoring`
pub(super) async fn disable(call: Call<'_>) -> Outcome {
    set(call, |monitored, named| monitored.retain(|name| !named.contains(name))).await
}

type Names = BTreeSet<String>;

async fn set(call: Call<'_>, edit: fn(&mut Names, &Names)) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    let mut named: Names = call.input.texts("ShardLevelMetrics").map(str::to_owned).collect();
    if named.remove(ALL) {
        named.extend(NAMES.iter().filter(|name| **name != ALL).map(|name| (*name).to_owned()));
    }
    let (before, after) = change(&call, &stream, move |data| {
        let before = data.monitored.clone();
        edit(&mut data.monitored, &named);
        Ok((before, data.monitored.clone()))
    })
    .await?;
    let list = |names: Names| Value::List(names.into_iter().map(Value::from).collect());
    Ok(structure([
        ("StreamName", stream.name.clone().into()),
        ("StreamARN", stream_arn(&call, &stream.name).into()),
        ("CurrentShardLevelMetrics", list(before)),
        ("DesiredShardLevelMetrics", list(after)),
    ])
    .into())
}
