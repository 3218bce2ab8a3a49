//! Other names of keys: `CreateAlias`, `UpdateAlias`, `DeleteAlias`, `ListAliases`.

use super::describe::page;
use super::faults::{alias_unchanged, pending};
use super::key_ref::{RESERVED, alias_name, find, target};
use super::keys::timestamp;
use super::shapes::{ALIAS_NAME, LIMIT, MARKER};
use crate::aws::arn::arn;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, Value, optional, required, structure};
use vault::{AliasError, AliasInfo, KeyState, Vault};

const TARGET: Member = required("TargetKeyId", Shape::Text(Text::of(1, 2048)));

pub(super) const CREATE: &[Member] = &[ALIAS_NAME, TARGET];
pub(super) const DELETE: &[Member] = &[ALIAS_NAME];
pub(super) const LIST: &[Member] = &[optional("KeyId", Shape::Text(Text::of(1, 2048))), LIMIT, MARKER];

/// `CreateAlias`
pub(super) async fn create(call: Call<'_>) -> Outcome {
    let (name, key) = (changeable(&call)?, target(&call)?);
    if key.state == KeyState::PendingDeletion {
        return Err(pending(&call.app.config, &key.id));
    }
    let now_ms = call.app.env.clock.now_ms();
    change(&call, move |vault| vault.create_alias(&name, &key.id, now_ms)).await
}

/// `UpdateAlias`
pub(super) async fn update(call: Call<'_>) -> Outcome {
    let (name, key) = (changeable(&call)?, target(&call)?);
    if key.state == KeyState::PendingDeletion {
        return Err(pending(&call.app.config, &key.id));
    }
    let now_ms = call.app.env.clock.now_ms();
    change(&call, move |vault| vault.update_alias(&name, &key.id, now_ms)).await
}

/// `DeleteAlias`
pub(super) async fn delete(call: Call<'_>) -> Outcome {
    let name = changeable(&call)?;
    change(&call, move |vault| vault.delete_alias(&name)).await
}

/// `ListAliases`: of all keys, or of one.
pub(super) fn list(call: Call<'_>) -> Outcome {
    let mut aliases = call.app.vault.aliases();
    aliases.retain(|alias| alias.name.starts_with("alias/"));
    if let Some(name) = call.input.text("KeyId") {
        let key = find(&call, name)?.id;
        aliases.retain(|alias| alias.key == key);
    }
    let name = |alias: &AliasInfo| alias.name.clone();
    page(&call, "Aliases", 50, &aliases, name, |alias| show(&call, alias))
}

fn show(call: &Call<'_>, alias: &AliasInfo) -> Value<'static> {
    structure([
        ("AliasName", alias.name.clone().into()),
        ("AliasArn", arn(&call.app.config, "kms", &alias.name).into()),
        ("TargetKeyId", alias.key.to_string().into()),
        ("CreationDate", timestamp(alias.created_ms)),
        ("LastUpdatedDate", timestamp(alias.updated_ms)),
    ])
}

/// The alias of `AliasName`, unless it is not its users' to change.
fn changeable(call: &Call<'_>) -> Result<String, AwsError> {
    let name = alias_name(call)?;
    if name.starts_with(RESERVED) {
        return Err(AwsError::new("NotAuthorizedException", ""));
    }
    Ok(name.to_owned())
}

async fn change(
    call: &Call<'_>,
    make: impl FnOnce(&Vault) -> Result<(), AliasError> + Send + 'static,
) -> Outcome {
    let changed = call.app.keystore.change(make).await;
    changed.map_err(|error| alias_unchanged(&call.app.config, error))?;
    Ok(Reply::Empty)
}
