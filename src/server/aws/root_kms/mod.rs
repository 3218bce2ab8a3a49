//! The root key in the hands of an external KMS: AWS KMS, or whatever speaks its API.
//!
//! ```text
//! first start    GenerateDataKey(AES_256, context) ─► 32 bytes, the root key: seals the keystore, and is never written down
//!                                                  ─► the same encrypted: the keystore file carries it (see `wrapped`)
//! later starts   DescribeKey: is it the key that holds the root, and enabled?     Decrypt ─► the root key
//! from then on   both again, every few minutes (see `watch`)
//! ```
//! The encryption context is `kinetoscope:deployment` = an id made with the keystore, so that the KMS's own log and policies can tell
//! deployments apart. The key's policy, or that of whoever signs, must allow `kms:GenerateDataKey`, `kms:Decrypt` and `kms:DescribeKey`.
//!
//! Signed with the access key of the usual environment variables or of the shared credentials file, read afresh for each call.

mod client;
mod credentials;
mod failure;
mod settings;
mod watch;
mod wrapped;

pub use failure::RootKmsError;
pub use settings::{BadSettings, Settings};
pub use watch::{Counts, Standing};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::Client;
use failure::Unanswered;
use serde_json::{Value, json};
use shardlog::env::Env;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use vault::{RootRefusal, RootSource};
use watch::Watched;
use wrapped::WrappedRoot;
use zeroize::Zeroizing;

/// Name of the encryption context's only entry.
const CONTEXT: &str = "kinetoscope:deployment";
/// How often an unanswered question is asked again at a start, and the pauses in between: 1, 2, 4, 8 s.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// An external KMS and the key there that holds the root. Cheap to clone.
#[derive(Clone)]
pub struct RootKms(Arc<Inner>);

struct Inner {
    client: Client,
    /// What the settings call the key.
    key: String,
    /// The root key that was got here, as it is wrapped.
    held: OnceLock<WrappedRoot>,
    watched: Watched,
}

impl RootKms {
    /// For settings that are in order. Reads the certificates that it trusts.
    ///
    /// # Errors
    /// Settings that cannot work, each with what to do about it.
    pub fn new(
        settings: Settings,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadSettings> {
        let client = Client::new(&settings, &environment)?;
        let key = settings.key;
        Ok(Self(Arc::new(Inner { client, key, held: OnceLock::new(), watched: Watched::default() })))
    }

    /// A new root key. Asked again for a while if nobody answers.
    pub async fn create(&self, env: &Env) -> Result<RootSource, RootKmsError> {
        let mut deployment = [0; 16];
        env.random.fill(&mut deployment);
        let (key, wrapped) = persist(env, || self.generate(deployment, env)).await?;
        tracing::info!(key = wrapped.key, "the external KMS made a root key");
        self.hold(&key, wrapped)
    }

    /// The root key of a keystore that carries these bytes. Asked again for a while if nobody answers.
    pub async fn open(&self, carried: &[u8], env: &Env) -> Result<RootSource, RootKmsError> {
        let wrapped = WrappedRoot::decode(carried).ok_or(RootKmsError::Carried)?;
        let key = persist(env, || self.unwrap(&wrapped, env)).await?;
        self.hold(&key, wrapped)
    }

    fn hold(&self, key: &[u8], wrapped: WrappedRoot) -> Result<RootSource, RootKmsError> {
        let carried = wrapped.encode().ok_or(RootKmsError::Strange("CiphertextBlob"))?;
        let source = RootSource::from_wrapped(key, carried).ok_or(RootKmsError::Strange("Plaintext"))?;
        // One keystore is opened with it; a second time it is the same one.
        let _ = self.0.held.set(wrapped);
        Ok(source)
    }

    async fn generate(
        &self,
        deployment: [u8; 16],
        env: &Env,
    ) -> Result<(Zeroizing<Vec<u8>>, WrappedRoot), RootKmsError> {
        let question =
            json!({"KeyId": self.0.key, "KeySpec": "AES_256", "EncryptionContext": context(&deployment)});
        let mut answer = self.0.client.call("GenerateDataKey", &question, env).await?;
        let key = text(&answer, "KeyId")?.to_owned();
        let blob = STANDARD.decode(text(&answer, "CiphertextBlob")?);
        let blob = blob.map_err(|_| RootKmsError::Strange("CiphertextBlob"))?;
        let wrapped = WrappedRoot { deployment, key, blob };
        Ok((plaintext(&mut answer)?, wrapped))
    }

    /// Whether the key is the one that holds the root and may be used; and what it gives.
    async fn unwrap(&self, wrapped: &WrappedRoot, env: &Env) -> Result<Zeroizing<Vec<u8>>, RootKmsError> {
        let answer = self.0.client.call("DescribeKey", &json!({"KeyId": self.0.key}), env).await?;
        let described = &answer["KeyMetadata"];
        let named = text(described, "Arn")?;
        if !wrapped.is_under(named) {
            let (configured, holds) = (self.0.key.clone(), wrapped.key.clone());
            return Err(RootKmsError::OtherKey { configured, named: named.to_owned(), holds });
        }
        // Not every implementation asks for the state when it decrypts.
        let refusal = match text(described, "KeyState")? {
            "Enabled" => None,
            "Disabled" => Some(RootRefusal::Disabled),
            _ => Some(RootRefusal::InvalidState),
        };
        if let Some(refusal) = refusal {
            let why = format!("its state is {}", text(described, "KeyState")?);
            return Err(RootKmsError::Refused { refusal, key: named.to_owned(), why });
        }
        let question = json!({
            "KeyId": self.0.key,
            "CiphertextBlob": STANDARD.encode(&wrapped.blob),
            "EncryptionContext": context(&wrapped.deployment),
        });
        plaintext(&mut self.0.client.call("Decrypt", &question, env).await?)
    }
}

fn context(deployment: &[u8; 16]) -> Value {
    json!({CONTEXT: uuid::Uuid::from_bytes(*deployment).to_string()})
}

fn text<'a>(answer: &'a Value, name: &'static str) -> Result<&'a str, RootKmsError> {
    answer[name].as_str().ok_or(RootKmsError::Strange(name))
}

/// Takes the plaintext out of an answer, which keeps no copy.
fn plaintext(answer: &mut Value) -> Result<Zeroizing<Vec<u8>>, RootKmsError> {
    const NAME: &str = "Plaintext";
    let Value::String(text) = answer[NAME].take() else { return Err(RootKmsError::Strange(NAME)) };
    let bytes = STANDARD.decode(&*Zeroizing::new(text)).map_err(|_| RootKmsError::Strange(NAME))?;
    Ok(Zeroizing::new(bytes))
}

/// Asks until there is an answer, good or bad, a few times.
async fn persist<T>(env: &Env, ask: impl AsyncFn() -> Result<T, RootKmsError>) -> Result<T, RootKmsError> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1..TRIES {
        match ask().await {
            Err(RootKmsError::Unanswered(Unanswered(why))) => {
                tracing::warn!(
                    attempt,
                    of = TRIES,
                    again_after_s = pause.as_secs(),
                    why,
                    "the KMS that holds the root key gave no answer"
                );
            }
            answered => return answered,
        }
        env.clock.sleep(pause).await;
        pause *= 2;
    }
    ask().await
}
