//! Making keys, and saying whether they may be used: `CreateKey`, `EnableKey`, `DisableKey`, `ScheduleKeyDeletion`, …

use super::describe::metadata;
use super::faults::{default_policy, key_arn, pending, unchanged, unsupported};
use super::key_ref::{is_owned, key};
use super::policy::checked;
use super::shapes::{GRANT_TOKENS, KEY_ID, POLICY, TAGS};
use super::tags;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Pattern, Shape, Text, Value, optional, required, structure};
use vault::{KeyError, KeyInfo, KeyState, NewKey, Vault};

const DAY_MS: u64 = 24 * 3600 * 1000;
const DESCRIPTION: Shape = Shape::Text(Text::of(0, 8192));
const SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];
/// What the older of the two names of the same thing may say.
const OLD_SPECS: &[&str] = SPECS.split_at(13).0;

const XKS_KEY_ID: Pattern = Pattern {
    shown: "^[a-zA-Z0-9-_.]+$",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
};

pub(super) const ONE: &[Member] = &[KEY_ID];
pub(super) const ONE_TOLD: &[Member] = &[KEY_ID, GRANT_TOKENS];
pub(super) const DESCRIBE: &[Member] = &[KEY_ID, required("Description", DESCRIPTION)];
pub(super) const SCHEDULE: &[Member] =
    &[KEY_ID, optional("PendingWindowInDays", Shape::Integer { min: 1, max: 365 })];
pub(super) const CREATE: &[Member] = &[
    optional("Policy", POLICY),
    optional("Description", DESCRIPTION),
    optional(
        "KeyUsage",
        Shape::Text(Text::one_of(&[
            "SIGN_VERIFY",
            "ENCRYPT_DECRYPT",
            "GENERATE_VERIFY_MAC",
            "KEY_AGREEMENT",
            "ENCAPSULATE_DECAPSULATE",
        ])),
    ),
    optional("CustomerMasterKeySpec", Shape::Text(Text::one_of(OLD_SPECS))),
    optional("KeySpec", Shape::Text(Text::one_of(SPECS))),
    optional(
        "Origin",
        Shape::Text(Text::one_of(&["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"])),
    ),
    optional("CustomKeyStoreId", Shape::Text(Text::of(1, 64))),
    optional("BypassPolicyLockoutSafetyCheck", Shape::Boolean),
    optional("Tags", TAGS),
    optional("MultiRegion", Shape::Boolean),
    optional("XksKeyId", Shape::Text(Text::of(1, 128).like(XKS_KEY_ID))),
];

/// `CreateKey`
pub(super) async fn create(call: Call<'_>) -> Outcome {
    let input = call.input;
    let asks = |name: &str, served: &str| input.text(name).is_none_or(|asked| asked == served);
    let served = asks("KeySpec", "SYMMETRIC_DEFAULT")
        && asks("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT")
        && asks("KeyUsage", "ENCRYPT_DECRYPT")
        && asks("Origin", "AWS_KMS")
        && input.text("CustomKeyStoreId").is_none()
        && input.text("XksKeyId").is_none()
        && !input.flag("MultiRegion");
    if !served {
        let message = "Only single-Region symmetric keys (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT) with material of this \
                       service (AWS_KMS) are served.";
        return Err(unsupported(message));
    }
    let policy = match input.text("Policy") {
        Some(policy) => checked(policy)?,
        None => default_policy(&call.app.config),
    };
    let new = NewKey {
        description: input.text("Description").unwrap_or_default().to_owned(),
        policy,
        tags: tags::given(&call)?,
        now_ms: call.app.env.clock.now_ms(),
    };
    let info = change(&call, move |vault| vault.create_key_with(new)).await?;
    Ok(structure([("KeyMetadata", metadata(&call, &info))]).into())
}

/// `UpdateKeyDescription`
pub(super) async fn describe(call: Call<'_>) -> Outcome {
    let id = staying(&call)?.id;
    let description = call.input.text("Description").unwrap_or_default().to_owned();
    change(&call, move |vault| vault.describe_key(&id, &description)).await?;
    Ok(Reply::Empty)
}

/// `EnableKey`
pub(super) async fn enable(call: Call<'_>) -> Outcome {
    let id = changeable(&call)?.id;
    change(&call, move |vault| vault.enable(&id)).await?;
    Ok(Reply::Empty)
}

/// `DisableKey`
pub(super) async fn disable(call: Call<'_>) -> Outcome {
    let id = changeable(&call)?.id;
    change(&call, move |vault| vault.disable(&id)).await?;
    Ok(Reply::Empty)
}

/// `ScheduleKeyDeletion`: in 7 to 30 days.
pub(super) async fn schedule_deletion(call: Call<'_>) -> Outcome {
    let id = changeable(&call)?.id;
    let days = call.input.integer("PendingWindowInDays").unwrap_or(30);
    let days = u64::try_from(days).ok().filter(|days| (7..=30).contains(days));
    let days =
        days.ok_or_else(|| AwsError::validation("PendingWindowInDays must be between 7 and 30 days"))?;
    let at_ms = call.app.env.clock.now_ms() + days * DAY_MS;
    change(&call, move |vault| vault.schedule_deletion(&id, at_ms)).await?;
    Ok(structure([
        ("KeyId", key_arn(&call.app.config, &id).into()),
        ("DeletionDate", timestamp(at_ms)),
        ("KeyState", "PendingDeletion".into()),
        ("PendingWindowInDays", days.into()),
    ])
    .into())
}

/// `CancelKeyDeletion`
pub(super) async fn cancel_deletion(call: Call<'_>) -> Outcome {
    let id = changeable(&call)?.id;
    change(&call, move |vault| vault.cancel_deletion(&id)).await?;
    Ok(structure([("KeyId", key_arn(&call.app.config, &id).into())]).into())
}

/// The key of `KeyId`, unless it is not its users' to change.
pub(super) fn changeable(call: &Call<'_>) -> Result<KeyInfo, AwsError> {
    let info = key(call)?;
    if is_owned(call, &info.id) {
        let arn = key_arn(&call.app.config, &info.id);
        return Err(unsupported(format!(
            "{arn} belongs to the services of this server; it cannot be changed."
        )));
    }
    Ok(info)
}

/// The key of `KeyId`, unless it is not its users' to change, or is to be deleted.
pub(super) fn staying(call: &Call<'_>) -> Result<KeyInfo, AwsError> {
    let info = changeable(call)?;
    match info.state {
        KeyState::PendingDeletion => Err(pending(&call.app.config, &info.id)),
        _ => Ok(info),
    }
}

/// Changes the keystore.
pub(super) async fn change<T: Send + 'static>(
    call: &Call<'_>,
    make: impl FnOnce(&Vault) -> Result<T, KeyError> + Send + 'static,
) -> Result<T, AwsError> {
    call.app.keystore.change(make).await.map_err(|error| unchanged(&call.app.config, &error))
}

/// Seconds with a fraction, as clients expect.
pub(super) fn timestamp(ms: u64) -> Value<'static> {
    Value::Timestamp(i64::try_from(ms).unwrap_or(i64::MAX))
}
