//! What is known of keys: `DescribeKey`, `ListKeys`.

use super::faults::key_arn;
use super::key_ref::is_owned;
use super::keys::timestamp;
use super::shapes::{LIMIT, MARKER};
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Value, structure};
use vault::{KeyId, KeyInfo, KeyState};

pub(super) const PAGE: &[Member] = &[LIMIT, MARKER];

/// `DescribeKey`
pub(super) fn key(call: Call<'_>) -> Outcome {
    let info = super::key_ref::key(&call)?;
    Ok(structure([("KeyMetadata", metadata(&call, &info))]).into())
}

/// `ListKeys`
pub(super) fn keys(call: Call<'_>) -> Outcome {
    let mut ids: Vec<KeyId> = call
        .app
        .vault
        .keys()
        .iter()
        .filter(|info| info.state != KeyState::Destroyed)
        .map(|info| info.id)
        .collect();
    ids.sort_unstable();
    page(&call, "Keys", 100, &ids, ToString::to_string, |id| {
        structure([("KeyId", id.to_string().into()), ("KeyArn", key_arn(&call.app.config, id).into())])
    })
}

/// A page of what is listed in the order of `name`.
pub(super) fn page<T>(
    call: &Call<'_>,
    list: &'static str,
    limit_default: i64,
    all: &[T],
    name: impl Fn(&T) -> String,
    show: impl Fn(&T) -> Value<'static>,
) -> Outcome {
    let limit = usize::try_from(call.input.integer("Limit").unwrap_or(limit_default)).unwrap_or(1);
    let from = match call.input.text("Marker") {
        None => 0,
        // What it names may have gone since.
        Some(marker) => all.partition_point(|item| name(item).as_str() <= marker),
    };
    let page = &all[from..all.len().min(from + limit)];
    let more = from + page.len() < all.len();
    let next = page.last().filter(|_| more).map(&name);
    Ok(structure([
        (list, page.iter().map(show).collect::<Vec<_>>().into()),
        ("NextMarker", next.into()),
        ("Truncated", more.into()),
    ])
    .into())
}

/// What `DescribeKey` shows of a key.
pub(super) fn metadata(call: &Call<'_>, info: &KeyInfo) -> Value<'static> {
    let config = &call.app.config;
    let state = match info.state {
        KeyState::Enabled => "Enabled",
        KeyState::Disabled => "Disabled",
        KeyState::PendingDeletion | KeyState::Destroyed => "PendingDeletion",
    };
    let manager = if is_owned(call, &info.id) { "AWS" } else { "CUSTOMER" };
    structure([
        ("AWSAccountId", config.account_id.clone().into()),
        ("KeyId", info.id.to_string().into()),
        ("Arn", key_arn(config, &info.id).into()),
        ("CreationDate", timestamp(info.attributes.created_ms)),
        ("Enabled", (info.state == KeyState::Enabled).into()),
        ("Description", info.description.clone().into()),
        ("KeyUsage", "ENCRYPT_DECRYPT".into()),
        ("KeyState", state.into()),
        ("DeletionDate", info.attributes.deletion_ms.map_or(Value::Null, timestamp)),
        ("Origin", "AWS_KMS".into()),
        ("KeyManager", manager.into()),
        ("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT".into()),
        ("KeySpec", "SYMMETRIC_DEFAULT".into()),
        ("EncryptionAlgorithms", vec![Value::from("SYMMETRIC_DEFAULT")].into()),
        ("MultiRegion", false.into()),
        ("CurrentKeyMaterialId", material_id(&info.id, info.version).into()),
    ])
}

/// Names a version of a key, as 64 hexadecimal digits. It says nothing of the version's secret.
pub(super) fn material_id(key: &KeyId, version: u32) -> String {
    let text = format!("key material of {key} version {version}");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
