//! How it stands with a camera that we call for.

use super::settings::{Source, Transport};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};

/// What is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It is not to be recorded.
    #[default]
    Stopped,
    /// It is being called.
    Connecting,
    /// Its media comes in.
    Recording,
    /// It will be called again.
    Waiting,
}

impl SourceState {
    /// As answers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Connecting => "connecting",
            Self::Recording => "recording",
            Self::Waiting => "waiting",
        }
    }
}

/// A source, as it is shown. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceInfo {
    /// With the user, without the password; nothing for who may not know it.
    pub url: Option<String>,
    /// How packets are asked for.
    pub transport: Transport,
    /// Whether it is to be recorded.
    pub enabled: bool,
    /// Whether the certificate of an `rtsps://` camera must be one that this machine trusts.
    pub verify_certificate: bool,
    /// How it stands.
    #[serde(flatten)]
    pub status: SourceStatus,
}

/// How it stands with a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// What is going on.
    pub state: SourceState,
    /// Since when.
    pub since_ms: u64,
    /// What went wrong last; nothing any more once media comes in.
    pub error: Option<String>,
    /// The same for programs.
    pub error_code: Option<&'static str>,
    /// How often it was called since media last came in.
    pub attempts: u32,
    /// When it will be called again.
    pub next_try_ms: Option<u64>,
    /// What is not as it should be although media comes in.
    pub warning: Option<String>,
}

/// A status that its task keeps and others read.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<SourceStatus>>);

impl Shared {
    pub(super) fn get(&self) -> SourceStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut SourceStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Goes over to another state.
    pub(super) fn enter(&self, state: SourceState, now_ms: u64) {
        self.change(|status| {
            if status.state != state {
                status.since_ms = now_ms;
            }
            status.state = state;
            status.next_try_ms = None;
        });
    }
}

impl SourceInfo {
    pub(super) fn new(source: &Source, status: SourceStatus) -> Self {
        Self {
            url: Some(source.shown()),
            transport: source.transport,
            enabled: source.enabled,
            verify_certificate: source.verify_certificate,
            status,
        }
    }

    /// For who may see how it goes, but not where the camera is: errors name it too.
    pub fn without_address(self) -> Self {
        let status = SourceStatus { error: None, warning: None, ..self.status };
        Self { url: None, status, ..self }
    }
}
