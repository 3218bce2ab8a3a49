//! Giving a stream another key-encryption key.
//!
//! No record is rewritten: a new data key, wrapped by the new key, seals what is appended from then on. Older data keys stay
//! wrapped by the key that they were wrapped by, which their bytes name, and need it as long as their records are to be read.

use super::change::update_error;
use super::row::Row;
use super::{Catalogue, Stream};
use crate::error::{InvalidSetting, UpdateError};
use crate::keys::Generation;
use crate::limits::KEY_CHANGES_PER_DAY;
use crate::types::ChosenKey;
use std::sync::Arc;
use vault::{KeyId, WrappedKey};

impl Catalogue {
    /// Has a stream's data keys wrapped by the chosen key from now on, by the default key if there is none; durable on return.
    /// The key must be enabled. The second value: whether that changed anything, which then shows until
    /// [`Stream::show_rekeying`] ends it.
    pub(crate) async fn set_key(
        &self,
        name: &str,
        chosen: Option<ChosenKey>,
    ) -> Result<(Arc<Stream>, bool), UpdateError> {
        let stream = self.get(name)?;
        let (id, called, binding) = match chosen {
            Some(chosen) => (chosen.id, Some(chosen.called), Some(chosen.bound_to)),
            None => (self.default_key, None, None),
        };
        let (key, now_ms) = (id.to_string(), self.env.clock.now_ms());
        let mut changed = false;
        let change = self.change(&stream, |row| {
            let before = row.clone();
            row.key.clone_from(&key);
            row.binding.clone_from(&binding);
            // Made in any case, because that tells whether the key may be used.
            self.add_generation(row, &stream.row_key, now_ms)?;
            if (&row.key, &row.binding) == (&before.key, &before.binding) {
                row.data_keys.pop();
            } else if row.key != before.key && self.key_changes(&before, id, now_ms) >= KEY_CHANGES_PER_DAY {
                let max = KEY_CHANGES_PER_DAY;
                return Err(UpdateError::from(InvalidSetting::KeyChanges { max }));
            }
            if let Some(data) = &mut row.data {
                data.encryption.clone_from(&called);
                data.validate()?;
            }
            changed = before != *row;
            if changed {
                stream.show_rekeying(true);
            }
            Ok(changed)
        });
        match change.await {
            Ok(()) => Ok((stream, changed)),
            Err(error) => {
                stream.show_rekeying(false);
                Err(match error {
                    UpdateError::Catalogue(error) => update_error(name, error),
                    error => error,
                })
            }
        }
    }

    /// How often in 24 hours the default key was put in the place of a chosen one, if `to` is the default key; otherwise how
    /// often a chosen key came. The data keys tell: each change made one, and none of a day is forgotten.
    fn key_changes(&self, row: &Row, to: KeyId, now_ms: u64) -> usize {
        let wrapped_by =
            |known: &Generation| WrappedKey::parse(&known.wrapped).map(|wrapped| wrapped.key_id()).ok();
        let of_day = row.data_keys.windows(2).filter_map(|pair| match pair {
            [old, new] if !new.has_expired(now_ms) => Some((wrapped_by(old)?, wrapped_by(new)?)),
            _ => None,
        });
        let to_default = to == self.default_key;
        of_day.filter(|(old, new)| old != new && (*new == self.default_key) == to_default).count()
    }
}
