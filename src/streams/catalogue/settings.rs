//! Which settings are allowed.

use crate::error::InvalidSetting;
use crate::limits::{
    ATTRIBUTE_KEY_CHARS_MAX, ATTRIBUTE_VALUE_CHARS_MAX, ATTRIBUTES_MAX, NAME_BYTES_MAX, RETENTION_BYTES_MIN,
    RETENTION_HOURS_MAX, RETENTION_HOURS_MIN, SHARDS_MAX,
};
use crate::sealed::SealedSettings;
use crate::types::{NewStream, StreamKind, StreamPatch};
use shardlog::RetentionClass;
use std::collections::BTreeMap;

impl NewStream {
    /// Whether `create` would take these settings.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        check_name(&self.name)?;
        check_retention(self.retention_hours)?;
        check_retention_bytes(self.retention_bytes)?;
        check_attributes(&self.attributes)?;
        self.sealed_settings.validate()?;
        if let Some(data) = &self.data {
            if self.kind != StreamKind::Data {
                return Err(InvalidSetting::Data("not for a stream of this kind"));
            }
            data.validate()?;
        }
        if self.shards == 0 || self.shards > SHARDS_MAX {
            return Err(InvalidSetting::Shards { shards: self.shards, max: SHARDS_MAX });
        }
        Ok(())
    }
}

impl StreamPatch {
    /// Whether `update` would take these settings.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        self.retention_hours.map_or(Ok(()), check_retention)?;
        check_retention_bytes(self.retention_bytes.flatten())?;
        self.attributes.as_ref().map_or(Ok(()), check_attributes)?;
        self.sealed_settings.as_ref().map_or(Ok(()), SealedSettings::validate)
    }
}

/// Whether a stream may have this name.
pub fn check_name(name: &str) -> Result<(), InvalidSetting> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    // In a URL these two mean another place, and clients rewrite the path before sending it.
    if !fits || !plain || name == "." || name == ".." {
        return Err(InvalidSetting::Name);
    }
    Ok(())
}

fn check_retention(hours: u32) -> Result<(), InvalidSetting> {
    if !(RETENTION_HOURS_MIN..=RETENTION_HOURS_MAX).contains(&hours) {
        return Err(InvalidSetting::Retention { hours, min: RETENTION_HOURS_MIN, max: RETENTION_HOURS_MAX });
    }
    Ok(())
}

fn check_retention_bytes(bytes: Option<u64>) -> Result<(), InvalidSetting> {
    match bytes {
        Some(bytes) if bytes < RETENTION_BYTES_MIN => {
            Err(InvalidSetting::RetentionBytes { bytes, min: RETENTION_BYTES_MIN })
        }
        _ => Ok(()),
    }
}

fn check_attributes(attributes: &BTreeMap<String, String>) -> Result<(), InvalidSetting> {
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(InvalidSetting::Attributes("too many"));
    }
    for (key, value) in attributes {
        if key.is_empty() || key.chars().count() > ATTRIBUTE_KEY_CHARS_MAX {
            return Err(InvalidSetting::Attributes("a name has 1 to 128 characters"));
        }
        if value.chars().count() > ATTRIBUTE_VALUE_CHARS_MAX {
            return Err(InvalidSetting::Attributes("a value has at most 256 characters"));
        }
        if key.chars().chain(value.chars()).any(char::is_control) {
            return Err(InvalidSetting::Attributes("control characters are not allowed"));
        }
    }
    Ok(())
}

/// The class of shards whose records expire at about the same time: up to an hour, a day, a week, a month, longer. Each
/// step is a little more than its round number, so that a day and an hour of grace is still a day.
pub(crate) fn retention_class(hours: u32) -> RetentionClass {
    let longer_than = |steps: u8, step: u32| steps + u8::from(hours > step);
    RetentionClass([2, 26, 8 * 24, 32 * 24].into_iter().fold(0, longer_than))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "front-door_2.left", "...", &"x".repeat(256)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a\0", "%2e", &"x".repeat(257)] {
            assert_eq!(check_name(bad), Err(InvalidSetting::Name), "{bad}");
        }
    }

    #[test]
    fn attributes_have_bounds() {
        let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert!(check_attributes(&one("k", "")).is_ok());
        assert!(check_attributes(&one(&"ä".repeat(128), &"ä".repeat(256))).is_ok());
        for bad in [one("", "v"), one(&"k".repeat(129), ""), one("k", &"v".repeat(257)), one("k", "a\nb")] {
            assert!(check_attributes(&bad).is_err());
        }
        let many = (0..=ATTRIBUTES_MAX).map(|i| (i.to_string(), String::new())).collect();
        assert!(check_attributes(&many).is_err());
    }

    #[test]
    fn retention_and_its_classes() {
        assert!(check_retention(0).is_err() && check_retention(RETENTION_HOURS_MAX + 1).is_err());
        let classes = [1, 2, 3, 26, 27, 192, 193, 768, 769, 87_600].map(|hours| retention_class(hours).0);
        assert_eq!(classes, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    }
}
