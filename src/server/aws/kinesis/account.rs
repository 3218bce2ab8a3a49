//! `DescribeLimits`, `DescribeAccountSettings` and `UpdateAccountSettings`
//!
//! The one setting of an account is a commitment to pay for a minimum. Nobody pays here, but clients get to read what they set.
//! It is one row of the metadata:
//!
//! ```text
//! key    account/settings
//! value  JSON {"v":1,"committed_ms":…,"ended_ms":…}, both left out until they happen
//! ```

use super::quota;
use crate::app::App;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Shape, Text, Value, required, structure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shardlog::{MetaError, MetaStore};
use std::sync::Arc;
use tokio::sync::Mutex;

pub(super) const UPDATE: &[Member] = &[required(
    "MinimumThroughputBillingCommitment",
    Shape::Structure(&[required("Status", Shape::Text(Text::one_of(&["ENABLED", "DISABLED"])))]),
)];

const ROW: &str = "account/settings";
const VERSION: u8 = 1;
/// A commitment cannot end earlier than this after it was made.
const COMMITTED_MS_MIN: u64 = 24 * 3_600_000;

/// The settings, as the row says them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    committed_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_ms: Option<u64>,
}

/// The account's settings and where they are kept.
pub(crate) struct AccountSettings {
    meta: Arc<dyn MetaStore>,
    /// What the row says, and its version if there is one. Held while it is written.
    row: Mutex<(Row, Option<u64>)>,
}

impl AccountSettings {
    /// Reads the row, if there is one.
    pub(crate) async fn open(meta: Arc<dyn MetaStore>) -> Result<Self, MetaError> {
        let (row, version) = match meta.get(ROW).await? {
            None => (Row { v: VERSION, ..Row::default() }, None),
            Some(found) => match serde_json::from_slice::<Row>(&found.value) {
                Ok(row) if row.v == VERSION => (row, Some(found.version)),
                // Nothing depends on it: better without it than without the service.
                other => {
                    tracing::error!(?other, "the account's settings cannot be read; they count as unset");
                    (Row { v: VERSION, ..Row::default() }, Some(found.version))
                }
            },
        };
        Ok(Self { meta, row: Mutex::new((row, version)) })
    }

    /// Whether the account has committed itself, by which streams on demand get more.
    pub(super) async fn is_committed(&self, now_ms: u64) -> bool {
        let (row, _) = *self.row.lock().await;
        row.committed_ms.is_some() && row.ended_ms.is_none_or(|end| end > now_ms)
    }

    async fn set(&self, change: impl FnOnce(&mut Row)) -> Result<Row, AwsError> {
        let mut held = self.row.lock().await;
        let (mut row, version) = *held;
        change(&mut row);
        let json = serde_json::to_vec(&row).map_err(|error| AwsError::internal(&error))?;
        let written = self.meta.put(ROW, version, Bytes::from(json)).await;
        let version = written.map_err(|error| AwsError::internal(&error))?;
        *held = (row, Some(version));
        Ok(row)
    }
}

/// `DescribeLimits`
pub(super) fn limits(call: Call<'_>) -> Outcome {
    let there = quota::census(call.app);
    Ok(structure([
        ("ShardLimit", quota::shards_max(call.app).into()),
        ("OpenShardCount", there.open.into()),
        ("OnDemandStreamCount", there.on_demand.into()),
        ("OnDemandStreamCountLimit", quota::on_demand_max(call.app).into()),
    ])
    .into())
}

/// `DescribeAccountSettings`
pub(super) async fn describe(call: Call<'_>) -> Outcome {
    let (row, _) = *call.app.aws.account.row.lock().await;
    Ok(shown(call.app, row).into())
}

/// `UpdateAccountSettings`
pub(super) async fn update(call: Call<'_>) -> Outcome {
    let commitment = call.input.structure("MinimumThroughputBillingCommitment");
    let enable = commitment.and_then(|commitment| commitment.text("Status")) == Some("ENABLED");
    let now_ms = call.app.env.clock.now_ms();
    let row = call.app.aws.account.set(|row| {
        if enable {
            if row.committed_ms.is_none() || row.ended_ms.is_some() {
                row.committed_ms = Some(now_ms);
            }
            row.ended_ms = None;
        } else if let (Some(committed_ms), None) = (row.committed_ms, row.ended_ms) {
            row.ended_ms = Some(now_ms.max(committed_ms.saturating_add(COMMITTED_MS_MIN)));
        }
    });
    let row = row.await?;
    Ok(shown(call.app, row).into())
}

fn shown(app: &App, row: Row) -> Value<'static> {
    let now_ms = app.env.clock.now_ms();
    let status = match row {
        Row { committed_ms: None, .. } => "DISABLED",
        Row { ended_ms: None, .. } => "ENABLED",
        Row { ended_ms: Some(end), .. } if end > now_ms => "ENABLED_UNTIL_EARLIEST_ALLOWED_END",
        Row { .. } => "DISABLED",
    };
    let at = |ms: Option<u64>| {
        ms.map_or(Value::Null, |ms| Value::Timestamp(i64::try_from(ms).unwrap_or(i64::MAX)))
    };
    let earliest = row.committed_ms.map(|ms| ms.saturating_add(COMMITTED_MS_MIN));
    structure([(
        "MinimumThroughputBillingCommitment",
        structure([
            ("Status", status.into()),
            ("StartedAt", at(row.committed_ms)),
            ("EndedAt", at(row.ended_ms.filter(|end| *end <= now_ms))),
            ("EarliestAllowedEndAt", at(earliest)),
        ]),
    )])
}
