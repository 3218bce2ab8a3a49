//! Giving a stream another key-encryption key.
//!
//! No record is rewritten: a new data key, wrapped by the new key, seals what is appended from then on. Older data keys stay
//! wrapped by the key that they were wrapped by, which their bytes name, and need it as long as their records are to be read.

use super::Catalogue;
use super::change::update_error;
use crate::error::{InvalidSetting, UpdateError};
use crate::limits::KEY_CHANGES_PER_DAY;
use crate::types::{ChosenKey, StreamInfo};
use std::sync::Arc;

impl Catalogue {
    /// Has a stream's data keys wrapped by the chosen key from now on, by the default key if there is none; durable on return.
    /// The key must be enabled.
    pub(crate) async fn set_key(
        &self,
        name: &str,
        chosen: Option<ChosenKey>,
    ) -> Result<Arc<StreamInfo>, UpdateError> {
        let stream = self.get(name)?;
        let (id, called) = match chosen {
            Some(chosen) => (chosen.id, Some(chosen.called)),
            None => (self.default_key, None),
        };
        let (key, now_ms) = (id.to_string(), self.env.clock.now_ms());
        let change = self.change(&stream, |row| {
            let before = row.clone();
            let number = row.data_keys.last().map_or(1, |newest| newest.number.saturating_add(1));
            // Made in any case, because that tells whether the key may be used.
            let generation = self.new_generation(&key, &stream.row_key, number, now_ms)?;
            if row.key != key {
                let recent = row.data_keys.iter().filter(|known| !known.has_expired(now_ms)).count();
                if recent > KEY_CHANGES_PER_DAY {
                    let max = KEY_CHANGES_PER_DAY;
                    return Err(UpdateError::from(InvalidSetting::KeyChanges { max }));
                }
                row.key.clone_from(&key);
                row.data_keys.push(generation);
            }
            if let Some(data) = &mut row.data {
                data.encryption.clone_from(&called);
                data.validate()?;
            }
            Ok(before != *row)
        });
        match change.await {
            Ok(()) => Ok(stream.info()),
            Err(UpdateError::Catalogue(error)) => Err(update_error(name, error)),
            Err(error) => Err(error),
        }
    }
}
