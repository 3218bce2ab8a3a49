//! The AWS face of the service: unmodified AWS clients pointed here with an endpoint URL.
//!
//! ```text
//! POST ─► body (bounded, hashed) ─► wire (JSON or CBOR) ─► dispatch: which operation ─► sigv4: who ─► input: types, constraints
//!              ─► authorize: may they ─► the operation (kinesis/…) ─► answer
//! ```
//! The order of the checks is the service's own: clients and their test suites see which one fails first. AWS names stand in
//! this folder and nowhere else.

pub(crate) mod answer;
pub(crate) mod arn;
pub(crate) mod authorize;
mod body;
#[cfg(test)]
mod contract;
pub(crate) mod dispatch;
pub(crate) mod error;
mod event_stream;
pub(crate) mod front;
pub(crate) mod kinesis;
pub(crate) mod kms;
pub(crate) mod native;
pub(crate) mod operation;
pub(crate) mod rates;
pub mod root_kms;
pub(crate) mod sigv4;
pub(crate) mod wire;

pub(crate) use front::divert;

use crate::config::Config;
use crate::keystore_copy::Keystore;
use authorize::{KeyUses, ResourcePolicies};
use body::BODIES_BYTES_MAX;
use kinesis::{AccountSettings, Making};
use rates::Rates;
use shardlog::{MetaError, MetaStore};
use sigv4::SigningKeys;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What requests of this face share.
pub struct Aws {
    /// Signing keys that have been derived.
    pub(crate) signing_keys: SigningKeys,
    /// Policies of resources that have been parsed.
    pub(crate) policies: ResourcePolicies,
    /// Who may use the keys of streams.
    pub(crate) key_uses: KeyUses,
    /// Settings of the account.
    pub(crate) account: AccountSettings,
    /// How often operations may be called, unless that is not limited.
    pub(crate) rates: Option<Rates>,
    /// What is being made or deleted now.
    pub(crate) making: Making,
    /// Bytes that requests' bodies may still take.
    bodies: Arc<Semaphore>,
}

impl Aws {
    /// Reads what is kept of the account.
    pub async fn open(
        meta: Arc<dyn MetaStore>,
        keystore: &Keystore,
        config: &Config,
        now_ms: u64,
    ) -> Result<Self, MetaError> {
        if let Err(error) = kms::name_default_key(keystore, now_ms).await {
            tracing::error!(%error, "the key of streams could not be given the names that clients know it by");
        }
        Ok(Self {
            signing_keys: SigningKeys::default(),
            policies: ResourcePolicies::default(),
            key_uses: KeyUses::default(),
            account: AccountSettings::open(meta).await?,
            rates: config.shard_limits.then(|| Rates::new(config.call_rate_percent)),
            making: Making::default(),
            bodies: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
        })
    }
}
