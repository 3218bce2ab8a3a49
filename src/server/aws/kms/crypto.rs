//! What keys encrypt: `Encrypt`, `Decrypt`, `ReEncrypt`, `GenerateDataKey`, `GenerateRandom`.

use super::describe::material_id;
use super::faults::{key_arn, unsupported, unusable};
use super::key_ref::{find, key};
use super::shapes::{ALGORITHMS, CONTEXT, DRY_RUN, GRANT_TOKENS, KEY_ID};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Shape, Text, Value, optional, required, structure};
use bytes::Bytes;
use vault::{Decrypted, EncryptError, EncryptionContext, KeyId, UnwrapError, encrypted_under};
use zeroize::Zeroizing;

/// Most bytes of an encryption context, names and values together.
const CONTEXT_BYTES_MAX: usize = 8192;
const PLAINTEXT: Member = required("Plaintext", Shape::Blob { max: 4096 });
const BLOB: Member = required("CiphertextBlob", Shape::Blob { max: 6144 });
const NAMED: Shape = Shape::Text(Text::of(1, 2048));
const RECIPIENT: Member = optional("Recipient", Shape::Structure(&[]));

pub(super) const ENCRYPT: &[Member] = &[
    KEY_ID,
    PLAINTEXT,
    optional("EncryptionContext", CONTEXT),
    GRANT_TOKENS,
    optional("EncryptionAlgorithm", ALGORITHMS),
    DRY_RUN,
];
pub(super) const DECRYPT: &[Member] = &[
    BLOB,
    optional("EncryptionContext", CONTEXT),
    GRANT_TOKENS,
    optional("KeyId", NAMED),
    optional("EncryptionAlgorithm", ALGORITHMS),
    RECIPIENT,
    DRY_RUN,
];
pub(super) const RE_ENCRYPT: &[Member] = &[
    BLOB,
    optional("SourceEncryptionContext", CONTEXT),
    optional("SourceKeyId", NAMED),
    required("DestinationKeyId", NAMED),
    optional("DestinationEncryptionContext", CONTEXT),
    optional("SourceEncryptionAlgorithm", ALGORITHMS),
    optional("DestinationEncryptionAlgorithm", ALGORITHMS),
    GRANT_TOKENS,
    DRY_RUN,
];
pub(super) const DATA_KEY: &[Member] = &[
    KEY_ID,
    optional("EncryptionContext", CONTEXT),
    optional("NumberOfBytes", Shape::Integer { min: 1, max: 1024 }),
    optional("KeySpec", Shape::Text(Text::one_of(&["AES_256", "AES_128"]))),
    GRANT_TOKENS,
    DRY_RUN,
    RECIPIENT,
];
/// Without the plaintext there is nothing for a recipient.
pub(super) const HIDDEN_DATA_KEY: &[Member] = DATA_KEY.split_at(6).0;
pub(super) const RANDOM: &[Member] = &[
    optional("NumberOfBytes", Shape::Integer { min: 1, max: 1024 }),
    optional("CustomKeyStoreId", Shape::Text(Text::of(1, 64))),
    RECIPIENT,
];

/// `Encrypt`
pub(super) fn encrypt(call: Call<'_>) -> Outcome {
    algorithm(&call, "EncryptionAlgorithm")?;
    let plaintext = call.input.blob("Plaintext");
    if plaintext.is_empty() {
        let message = "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have \
                       length greater than or equal to 1";
        return Err(AwsError::validation(message));
    }
    let id = key(&call)?.id;
    let (blob, _) = encrypt_under(&call, &id, &context(&call, "EncryptionContext")?, &plaintext)?;
    call.stop_if_dry_run()?;
    Ok(structure([
        ("CiphertextBlob", Bytes::from(blob).into()),
        ("KeyId", key_arn(&call.app.config, &id).into()),
        ("EncryptionAlgorithm", "SYMMETRIC_DEFAULT".into()),
    ])
    .into())
}

/// `Decrypt`
pub(super) fn decrypt(call: Call<'_>) -> Outcome {
    algorithm(&call, "EncryptionAlgorithm")?;
    no_recipient(&call)?;
    let Decrypted { text, key, version } = open(&call, "KeyId", "EncryptionContext")?;
    call.stop_if_dry_run()?;
    Ok(structure([
        ("Plaintext", plain(&text)),
        ("KeyId", key_arn(&call.app.config, &key).into()),
        ("EncryptionAlgorithm", "SYMMETRIC_DEFAULT".into()),
        ("KeyMaterialId", material_id(&key, version).into()),
    ])
    .into())
}

/// `ReEncrypt`
pub(super) fn re_encrypt(call: Call<'_>) -> Outcome {
    algorithm(&call, "SourceEncryptionAlgorithm")?;
    algorithm(&call, "DestinationEncryptionAlgorithm")?;
    let to = find(&call, call.input.text("DestinationKeyId").unwrap_or_default())?.id;
    let Decrypted { text, key: from, version: from_version } =
        open(&call, "SourceKeyId", "SourceEncryptionContext")?;
    let (blob, version) = encrypt_under(&call, &to, &context(&call, "DestinationEncryptionContext")?, &text)?;
    call.stop_if_dry_run()?;
    let config = &call.app.config;
    Ok(structure([
        ("CiphertextBlob", Bytes::from(blob).into()),
        ("SourceKeyId", key_arn(config, &from).into()),
        ("KeyId", key_arn(config, &to).into()),
        ("SourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT".into()),
        ("DestinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT".into()),
        ("SourceKeyMaterialId", material_id(&from, from_version).into()),
        ("DestinationKeyMaterialId", material_id(&to, version).into()),
    ])
    .into())
}

/// `GenerateDataKey`, and without `shown` `GenerateDataKeyWithoutPlaintext`.
pub(super) fn data_key(call: Call<'_>, shown: bool) -> Outcome {
    no_recipient(&call)?;
    let bytes = match (call.input.integer("NumberOfBytes"), call.input.text("KeySpec")) {
        (Some(bytes), None) => usize::try_from(bytes).unwrap_or(0),
        (None, Some("AES_128")) => 16,
        (None, Some(_)) => 32,
        _ => {
            let message = "Please specify either number of bytes or key spec.";
            return Err(AwsError::validation(message));
        }
    };
    let id = key(&call)?.id;
    let mut key = Zeroizing::new(vec![0; bytes]);
    call.app.env.random.fill(&mut key);
    let (blob, version) = encrypt_under(&call, &id, &context(&call, "EncryptionContext")?, &key)?;
    call.stop_if_dry_run()?;
    Ok(structure([
        ("CiphertextBlob", Bytes::from(blob).into()),
        ("Plaintext", if shown { plain(&key) } else { Value::Null }),
        ("KeyId", key_arn(&call.app.config, &id).into()),
        ("KeyMaterialId", material_id(&id, version).into()),
    ])
    .into())
}

/// `GenerateRandom`
pub(super) fn random(call: Call<'_>) -> Outcome {
    no_recipient(&call)?;
    if call.input.text("CustomKeyStoreId").is_some() {
        return Err(unsupported("There are no custom key stores."));
    }
    let Some(bytes) = call.input.integer("NumberOfBytes") else {
        return Err(AwsError::validation("NumberOfBytes is required."));
    };
    let mut random = vec![0; usize::try_from(bytes).unwrap_or(0)];
    call.app.env.random.fill(&mut random);
    Ok(structure([("Plaintext", Bytes::from(random).into())]).into())
}

/// A text that is not ours, altered, or made with another context. The service says nothing more either.
pub(super) fn invalid_ciphertext() -> AwsError {
    AwsError::new("InvalidCiphertextException", "")
}

/// Decrypts `CiphertextBlob`; with a key named, only if it is that one.
fn open(call: &Call<'_>, named: &str, context_name: &str) -> Result<Decrypted, AwsError> {
    let blob = call.input.blob("CiphertextBlob");
    let (stated, _) = encrypted_under(&blob).map_err(|_| invalid_ciphertext())?;
    if let Some(name) = call.input.text(named)
        && find(call, name)?.id != stated
    {
        let message = "The key ID in the request does not identify a CMK that can perform this operation.";
        return Err(AwsError::new("IncorrectKeyException", message));
    }
    call.app.vault.decrypt(&blob, &context(call, context_name)?).map_err(|error| match error {
        UnwrapError::Key(error) => unusable(&call.app.config, error),
        _ => invalid_ciphertext(),
    })
}

fn encrypt_under(
    call: &Call<'_>,
    key: &KeyId,
    context: &EncryptionContext,
    text: &[u8],
) -> Result<(Vec<u8>, u32), AwsError> {
    call.app.vault.encrypt(key, context, text).map_err(|error| match error {
        EncryptError::Key(error) => unusable(&call.app.config, error),
        EncryptError::TooLong { .. } => AwsError::validation(error.to_string()),
    })
}

fn context(call: &Call<'_>, name: &str) -> Result<EncryptionContext, AwsError> {
    let context: EncryptionContext =
        call.input.pairs(name).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if context.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > CONTEXT_BYTES_MAX {
        let message = format!("The encryption context has more than {CONTEXT_BYTES_MAX} bytes");
        return Err(AwsError::validation(message));
    }
    Ok(context)
}

fn algorithm(call: &Call<'_>, name: &str) -> Result<(), AwsError> {
    match call.input.text(name) {
        None | Some("SYMMETRIC_DEFAULT") => Ok(()),
        Some(other) => {
            let message = format!("{other} is incompatible with key spec SYMMETRIC_DEFAULT.");
            Err(AwsError::new("InvalidKeyUsageException", message))
        }
    }
}

fn no_recipient(call: &Call<'_>) -> Result<(), AwsError> {
    match call.input.structure("Recipient") {
        None => Ok(()),
        Some(_) => Err(unsupported("Answers cannot be encrypted for an enclave.")),
    }
}

fn plain(text: &Zeroizing<Vec<u8>>) -> Value<'static> {
    Bytes::copy_from_slice(text).into()
}
