//! The caller's right on the key of a stream.
//!
//! | who | needs, on the key that the stream's users chose |
//! |---|---|
//! | puts records | `kms:GenerateDataKey` |
//! | gets records or subscribes to them | `kms:Decrypt` |
//! | has the stream take another key | `kms:GenerateDataKey` on that one |
//!
//! Asked as the service asks on its caller's behalf: with `kms:EncryptionContext:aws:kinesis:arn` (the stream's ARN) and
//! `kms:ViaService`. By the user's policies *and* the key's. Streams under the default key ask for nothing.
//!
//! A yes is good for five minutes, a no for the one call: a right that is given works at once.

use super::{decide, owned};
use crate::auth::{Access, Kind, User};
use crate::aws::arn::Arn;
use crate::aws::error::AwsError;
use crate::aws::kms;
use crate::aws::operation::{Call, Operation};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use streams::DEFAULT_KEY_ALIAS;
use vault::KeyId;

/// How long a yes is good for. As long as an opened data key is used before its key is asked again.
const GOOD_FOR: Duration = Duration::from_secs(5 * 60);
/// Most answers that are kept. When there are as many, all are forgotten.
const KEPT_MAX: usize = 4096;
const REFUSED: &str = "KMSAccessDeniedException";

/// Who may use which keys for which streams, as was found lately. Bounded.
#[derive(Default)]
pub(crate) struct KeyUses(Mutex<HashMap<Use, Duration>>);

/// What an answer depends on, but for the policies themselves.
#[derive(PartialEq, Eq, Hash)]
struct Use {
    access_key: String,
    source: Option<IpAddr>,
    secure: bool,
    stream: String,
    key: KeyId,
    action: &'static str,
}

impl KeyUses {
    fn is_good(&self, wanted: &Use, now: Duration) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(wanted).is_some_and(|since| now.saturating_sub(*since) < GOOD_FOR)
    }

    fn keep(&self, wanted: Use, now: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(wanted, now);
    }
}

/// Refuses who has no right on the key of the stream that `resource` names, if one is needed; the audit log has it.
pub(super) fn check(
    caller: &Access,
    user: &User,
    operation: &Operation,
    call: &Call<'_>,
    resource: &str,
) -> Result<(), AwsError> {
    let Some((action, stream, key)) = wanted(operation, call, resource) else { return Ok(()) };
    let (app, circumstances) = (call.app, &caller.circumstances);
    let wanted = Use {
        access_key: caller.identity.key_id.clone(),
        source: circumstances.source,
        secure: circumstances.secure,
        stream: stream.to_owned(),
        key,
        action,
    };
    let now = app.env.clock.monotonic();
    if app.aws.key_uses.is_good(&wanted, now) {
        return Ok(());
    }
    let names = app.config.names();
    let (key, stream) = (kms::key_arn(&app.config, &key), names.data_stream(stream));
    let mut context = caller.context(&names, user, app.env.clock.now_ms());
    context.set("kms:ViaService", format!("kinesis.{}.amazonaws.com", names.region));
    context.set("kms:CallerAccount", &names.account);
    context.set("aws:ViaAWSService", "true");
    context.set(&format!("kms:EncryptionContext:{}", kms::STREAM_CONTEXT), &stream);
    context.determine("kms:EncryptionContext:");
    context.set_all("kms:EncryptionContextKeys", vec![kms::STREAM_CONTEXT.to_owned()]);
    let outcome = decide(app, user, action, &key, &mut context);
    let mut entry = caller.entry(Kind::Use, action, &key, outcome.as_ref().err().map(|_| REFUSED));
    entry.context = [(kms::STREAM_CONTEXT, stream.as_str())].map(owned).into();
    app.audit.note(&entry);
    outcome.map_err(|message| AwsError::new(REFUSED, message))?;
    app.aws.key_uses.keep(wanted, now);
    Ok(())
}

/// What has to be allowed: what, for which stream, on which key; if anything.
fn wanted<'a>(
    operation: &Operation,
    call: &Call<'_>,
    resource: &'a str,
) -> Option<(&'static str, &'a str, KeyId)> {
    let action = match operation.action {
        "kinesis:PutRecord" | "kinesis:PutRecords" | "kinesis:StartStreamEncryption" => "kms:GenerateDataKey",
        "kinesis:GetRecords" | "kinesis:SubscribeToShard" => "kms:Decrypt",
        _ => return None,
    };
    let stream = Arn::parse(resource)?.resource.strip_prefix("stream/")?.split('/').next()?;
    let key = if operation.action == "kinesis:StartStreamEncryption" {
        // One that there is not is refused by the operation itself.
        kms::key_named(call, call.input.text("KeyId").unwrap_or_default()).ok()?
    } else {
        let info = call.app.streams.look(stream).ok()?;
        info.data.as_deref()?.encryption.as_ref()?;
        info.key.parse().ok()?
    };
    let is_default = call.app.vault.alias(DEFAULT_KEY_ALIAS) == Some(key);
    (!is_default).then_some((action, stream, key))
}
