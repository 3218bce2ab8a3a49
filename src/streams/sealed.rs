//! Settings of a stream that nobody but its users' programs may see: addresses and passwords of cameras.

use crate::error::InvalidSetting;
use crate::limits::{SEALED_SETTING_NAME_BYTES_MAX, SEALED_SETTINGS_BYTES_MAX, SEALED_SETTINGS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Settings that are written down only inside the seal of the stream's row and that no answer and no log shows: `Debug`
/// prints their names alone. What they mean is up to whoever sets them.
///
/// At most [`SEALED_SETTINGS_MAX`], together at most [`SEALED_SETTINGS_BYTES_MAX`] bytes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedSettings(BTreeMap<String, String>);

impl SealedSettings {
    /// What stands under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same settings and this one, in the place of what stood under its name.
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// The same settings but what stands under this name.
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they keep to the limits.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        if self.0.len() > SEALED_SETTINGS_MAX {
            return Err(InvalidSetting::Sealed("too many"));
        }
        if self.0.keys().any(|name| !(1..=SEALED_SETTING_NAME_BYTES_MAX).contains(&name.len())) {
            return Err(InvalidSetting::Sealed("a name has 1 to 128 bytes"));
        }
        let bytes: usize = self.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > SEALED_SETTINGS_BYTES_MAX {
            return Err(InvalidSetting::Sealed("together they take more than 8 KiB"));
        }
        Ok(())
    }
}

impl fmt::Debug for SealedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_have_bounds() {
        let settings = SealedSettings::default();
        let full = settings.clone().with("k", "v".repeat(SEALED_SETTINGS_BYTES_MAX - 1));
        assert_eq!(full.validate(), Ok(()));
        assert!(full.with("k2", String::new()).validate().is_err());
        assert!(settings.clone().with("", String::new()).validate().is_err());
        let names = (0..=SEALED_SETTINGS_MAX).map(|i| i.to_string());
        let many = names.fold(settings, |settings, name| settings.with(&name, String::new()));
        assert!(many.validate().is_err());
        assert_eq!(many.without("3").validate(), Ok(()));
    }

    #[test]
    fn values_are_not_printed() {
        let settings = SealedSettings::default().with("source", "rtsp://user:hunter2@camera".to_owned());
        assert_eq!(format!("{settings:?}"), r#"{"source"}"#);
    }
}
