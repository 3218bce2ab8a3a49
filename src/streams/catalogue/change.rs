//! Changing a stream's row: compare-and-set, and what is done when somebody else was faster.

use super::row::Row;
use super::{Catalogue, Stream};
use crate::crypto::off_runtime;
use crate::data::DataSettings;
use crate::error::{CatalogueError, DataKeyError, InvalidSetting, StreamNotFound, UpdateError};
use crate::hold::Hold;
use crate::keys::{self, Generation};
use crate::limits::{CHANGE_TRIES, DATA_KEY_RETRY, HOLDS_MAX};
use crate::types::{StreamInfo, StreamPatch};
use shardlog::MetaError;
use std::sync::Arc;
use vault::DataKey;

impl Catalogue {
    /// Seals and writes a row; returns its new version.
    pub(super) async fn write_row(
        &self,
        key: &str,
        expected: Option<u64>,
        row: &Row,
    ) -> Result<u64, CatalogueError> {
        let plain = row.encode()?;
        let (vault, context) = (self.vault.clone(), key.to_owned());
        let sealed = off_runtime(move || vault.seal_blob(context.as_bytes(), &plain)).await??;
        Ok(self.meta.put(key, expected, sealed.into()).await?)
    }

    /// Reads and opens a row.
    async fn read_row(&self, key: &str) -> Result<Option<(u64, Row)>, CatalogueError> {
        let Some(found) = self.meta.get(key).await? else { return Ok(None) };
        let (vault, context) = (self.vault.clone(), key.to_owned());
        let opened = off_runtime(move || super::open::open_row(&vault, &context, &found.value)).await?;
        Ok(Some((found.version, opened?)))
    }

    /// Changes the row of a stream. `edit` says whether there is anything to write; it runs again on the newer row when
    /// somebody else wrote first. The stream in memory follows once the row stands.
    pub(super) async fn change<E: From<CatalogueError>>(
        &self,
        stream: &Stream,
        mut edit: impl FnMut(&mut Row) -> Result<bool, E> + Send,
    ) -> Result<(), E> {
        let mut state = stream.row.lock().await;
        let mut tries = 0;
        loop {
            if stream.is_deleted() {
                return Err(CatalogueError::from(DataKeyError::Destroyed).into());
            }
            let mut row = Row::of(&stream.info(), stream.keys.generations());
            if !edit(&mut row)? {
                return Ok(());
            }
            tries += 1;
            match self.write_row(&stream.row_key, Some(state.version), &row).await {
                Ok(version) => {
                    state.version = version;
                    stream.adopt(&row);
                    return Ok(());
                }
                Err(CatalogueError::Meta(MetaError::Conflict { .. })) if tries < CHANGE_TRIES => {
                    tracing::warn!(
                        row = stream.row_key,
                        "row was written by somebody else; reading it again"
                    );
                    if let Some((version, row)) = self.read_row(&stream.row_key).await? {
                        state.version = version;
                        stream.adopt(&row);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes a stream's settings.
    pub(crate) async fn update(
        &self,
        name: &str,
        patch: StreamPatch,
    ) -> Result<Arc<StreamInfo>, UpdateError> {
        patch.validate()?;
        let stream = self.get(name)?;
        let change = self.change(&stream, |row| {
            let before = row.clone();
            row.retention_hours = patch.retention_hours.unwrap_or(row.retention_hours);
            row.retention_bytes = patch.retention_bytes.unwrap_or(row.retention_bytes);
            row.when_full = patch.when_full.unwrap_or(row.when_full);
            if let Some(attributes) = &patch.attributes {
                row.attributes.clone_from(attributes);
            }
            if let Some(sealed) = &patch.sealed_settings {
                row.sealed_settings.clone_from(sealed);
            }
            Ok(before != *row)
        });
        changed(&stream, name, change.await)
    }

    /// Changes what a stream of data records has besides, durably. `edit` sees it as it stands and may run more than once;
    /// if it fails, nothing is written.
    pub(crate) async fn change_data<T: Send, E: From<UpdateError> + Send>(
        &self,
        name: &str,
        mut edit: impl FnMut(&mut DataSettings) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        let stream = self.get(name).map_err(UpdateError::from)?;
        let mut told = None;
        let change = self.change(&stream, |row| {
            let Some(data) = row.info().data else {
                return Err(Refused::Setting(InvalidSetting::Data("not for a stream of this kind").into()));
            };
            let mut changed = (*data).clone();
            told = Some(edit(&mut changed).map_err(Refused::Edit)?);
            changed.validate().map_err(|invalid| Refused::Setting(invalid.into()))?;
            let differs = changed != *data;
            row.data = Some(changed);
            Ok(differs)
        });
        match (change.await, told) {
            (Ok(()), Some(told)) => Ok(told),
            (Err(Refused::Edit(error)), _) => Err(error),
            (Err(Refused::Setting(error)), _) => Err(error.into()),
            (Err(Refused::Catalogue(error)), _) => Err(update_error(name, error).into()),
            (Ok(()), None) => Err(UpdateError::NotFound(StreamNotFound { name: name.to_owned() }).into()),
        }
    }

    /// Places a hold, in the stead of one of the same name; durable on return. From then on nothing it covers is trimmed:
    /// a pass of retention that is under way is waited for.
    pub(crate) async fn place_hold(&self, name: &str, hold: Hold) -> Result<Arc<StreamInfo>, UpdateError> {
        hold.validate()?;
        let stream = self.get(name)?;
        let _trimming = stream.trimming.lock().await;
        if stream.info().holds.iter().filter(|other| other.name != hold.name).count() >= HOLDS_MAX {
            return Err(InvalidSetting::Hold("a stream has at most 64 of them").into());
        }
        let change = self.change(&stream, |row| {
            let before = row.holds.clone();
            row.holds.retain(|other| other.name != hold.name);
            row.holds.push(hold.clone());
            row.holds.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(before != row.holds)
        });
        changed(&stream, name, change.await)
    }

    /// Releases a hold; durable on return.
    pub(crate) async fn release_hold(&self, name: &str, hold: &str) -> Result<Arc<StreamInfo>, UpdateError> {
        let stream = self.get(name)?;
        let mut found = false;
        let change = self.change(&stream, |row| {
            let before = row.holds.len();
            row.holds.retain(|other| other.name != hold);
            found = row.holds.len() < before;
            Ok(found)
        });
        let info = changed(&stream, name, change.await)?;
        if found { Ok(info) } else { Err(UpdateError::NoSuchHold { name: hold.to_owned() }) }
    }

    /// The data key to seal with now, replaced when it has lived its day.
    pub(crate) async fn current_key(&self, stream: &Stream) -> Result<(u32, DataKey), CatalogueError> {
        let now = self.env.clock.monotonic();
        if stream.keys.is_due(self.env.clock.now_ms(), now) {
            match self.replace_key(stream).await {
                // The catalogue's disk, or the row, may be full; cameras should not stop for that. A refusal of the
                // key-encryption key, on the other hand, is final.
                Err(error @ (CatalogueError::Meta(_) | CatalogueError::RowTooLarge { .. }))
                    if stream.keys.newest().is_some() =>
                {
                    tracing::warn!(row = stream.row_key, %error, "data key not replaced; going on with the old one");
                    stream.keys.put_off(now + DATA_KEY_RETRY);
                }
                other => other?,
            }
        }
        let number = stream.keys.newest().ok_or(DataKeyError::Destroyed)?;
        Ok((number, stream.keys.open(&self.vault, &stream.row_key, number, now)?))
    }

    async fn replace_key(&self, stream: &Stream) -> Result<(), CatalogueError> {
        let now_ms = self.env.clock.now_ms();
        self.change(stream, |row| {
            let newest = row.data_keys.last();
            // Another shard of the stream may have been faster.
            if newest.is_some_and(|newest| !newest.has_expired(now_ms)) {
                return Ok(false);
            }
            self.add_generation(row, &stream.row_key, now_ms)?;
            Ok(true)
        })
        .await
    }

    /// Forgets the data keys older than `oldest_needed`, except the newest two and those that were replaced within a day: an
    /// owner may be about to append under one of them.
    pub(crate) async fn forget_keys(
        &self,
        stream: &Stream,
        oldest_needed: u32,
    ) -> Result<(), CatalogueError> {
        let now_ms = self.env.clock.now_ms();
        self.change(stream, |row| {
            let may_go = |pair: &&[Generation]| match pair {
                [old, replacement] => old.number < oldest_needed && replacement.has_expired(now_ms),
                _ => false,
            };
            let old = row.data_keys.windows(2).take_while(may_go).count();
            let forgotten = old.min(row.data_keys.len().saturating_sub(2));
            row.data_keys.drain(..forgotten);
            Ok(forgotten > 0)
        })
        .await
    }

    /// Makes a new data key, wrapped as the row says.
    pub(super) fn add_generation(
        &self,
        row: &mut Row,
        row_key: &str,
        created_ms: u64,
    ) -> Result<(), CatalogueError> {
        let number = row.data_keys.last().map_or(1, |newest| newest.number.saturating_add(1));
        let context = keys::context(row_key, row.binding.as_deref());
        let key = super::open::parse_key_id(row_key, &row.key)?;
        let (_, wrapped) = self.vault.generate_data_key(&key, &context).map_err(DataKeyError::from)?;
        let binding = row.binding.as_ref().map(|binding| {
            let known = row.bindings.iter().position(|known| known == binding);
            known.unwrap_or_else(|| {
                row.bindings.push(binding.clone());
                row.bindings.len() - 1
            })
        });
        row.data_keys.push(Generation { number, created_ms, wrapped: wrapped.as_bytes().to_vec(), binding });
        Ok(())
    }
}

/// Why settings did not change.
enum Refused<E> {
    Edit(E),
    Setting(UpdateError),
    Catalogue(CatalogueError),
}

impl<E> From<CatalogueError> for Refused<E> {
    fn from(error: CatalogueError) -> Self {
        Self::Catalogue(error)
    }
}

/// What became of a change of a stream.
fn changed(
    stream: &Stream,
    name: &str,
    change: Result<(), CatalogueError>,
) -> Result<Arc<StreamInfo>, UpdateError> {
    change.map(|()| stream.info()).map_err(|error| update_error(name, error))
}

pub(super) fn update_error(name: &str, error: CatalogueError) -> UpdateError {
    match error {
        // Deleted between the look-up and the change.
        CatalogueError::Key(DataKeyError::Destroyed) => StreamNotFound { name: name.to_owned() }.into(),
        error => error.into(),
    }
}
