//! Asking again and again whether the root key may still be used.

use super::RootKms;
use super::failure::RootKmsError;
use shardlog::env::Env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use vault::{RootRefusal, Vault};

/// After a question without a good answer the next one comes sooner.
const AFTER_A_BAD_ANSWER: Duration = Duration::from_secs(30);

/// How things stand with the KMS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// The root key may be used.
    #[default]
    Good,
    /// It could be used when somebody answered last; why nobody does now.
    Unanswered(String),
    /// It may not be used any more.
    Refused(RootRefusal, String),
}

/// How often what happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Questions.
    pub asked: u64,
    /// Without an answer.
    pub unanswered: u64,
    /// Answered with a refusal.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct Watched {
    standing: Mutex<Standing>,
    asked: AtomicU64,
    unanswered: AtomicU64,
    refused: AtomicU64,
}

impl RootKms {
    /// How things stand since it was last asked.
    pub fn standing(&self) -> Standing {
        self.0.watched.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it was asked.
    pub fn counts(&self) -> Counts {
        let Watched { asked, unanswered, refused, .. } = &self.0.watched;
        let [asked, unanswered, refused] =
            [asked, unanswered, refused].map(|count| count.load(Ordering::Relaxed));
        Counts { asked, unanswered, refused }
    }

    /// Asks every `interval` whether the root key that was got here last may still be used, and has the vault refuse all keys
    /// while it may not. Never ends.
    pub async fn keep_asking(&self, vault: &Vault, interval: Duration, env: &Env) {
        loop {
            let pause = match self.standing() {
                Standing::Good => interval,
                _ => interval.min(AFTER_A_BAD_ANSWER),
            };
            env.clock.sleep(pause).await;
            if let Some(wrapped) = self.0.held.get() {
                let answer = self.unwrap(wrapped, env).await.map(drop);
                self.note(answer, vault);
            }
        }
    }

    fn note(&self, answer: Result<(), RootKmsError>, vault: &Vault) {
        let Watched { standing, asked, unanswered, refused } = &self.0.watched;
        asked.fetch_add(1, Ordering::Relaxed);
        let mut standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match answer {
            Ok(()) => {
                vault.refuse_root(None);
                if *standing != Standing::Good {
                    tracing::warn!("the KMS lets the root key be used again");
                }
                Standing::Good
            }
            Err(RootKmsError::Refused { refusal, key, why }) => {
                vault.refuse_root(Some(refusal));
                refused.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%refusal, key, why, "the root key may not be used any more: streams are neither read nor written");
                Standing::Refused(refusal, format!("{refusal} ({key}: {why})"))
            }
            Err(error) => {
                unanswered.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "the KMS did not say whether the root key may be used; the server goes on, but could not start again");
                match &*standing {
                    // Silence takes no refusal back.
                    refused @ Standing::Refused(..) => refused.clone(),
                    _ => Standing::Unanswered(error.to_string()),
                }
            }
        };
        *standing = now;
    }
}
