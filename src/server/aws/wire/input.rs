//! An operation's input as its handler takes it: conformed and validated, so that types hold and what is required is there.

use super::Value;
use bytes::Bytes;
use std::borrow::Cow;

/// A structure to take members from.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(&'a Value<'a>);

impl<'a> Input<'a> {
    /// Members of `value`.
    pub(crate) fn new(value: &'a Value<'a>) -> Self {
        Self(value)
    }

    /// A text, if it is there.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, if it is there.
    pub(crate) fn integer(self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a flag is there and set.
    pub(crate) fn flag(self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
    }

    /// Bytes; none if they are not there.
    pub(crate) fn blob(self, name: &str) -> Bytes {
        match self.0.get(name) {
            Some(Value::Blob(bytes)) => bytes.clone(),
            _ => Bytes::new(),
        }
    }

    /// A moment in milliseconds since the Unix epoch, if it is there. What lies before the epoch counts as the epoch.
    pub(crate) fn timestamp_ms(self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Timestamp(ms) => Some(u64::try_from(*ms).unwrap_or(0)),
            _ => None,
        }
    }

    /// A structure, if it is there.
    pub(crate) fn structure(self, name: &str) -> Option<Self> {
        self.0.get(name).map(Self)
    }

    /// The structures of a list.
    pub(crate) fn structures(self, name: &str) -> impl ExactSizeIterator<Item = Self> {
        let values: &[Value<'_>] = match self.0.get(name) {
            Some(Value::List(values)) => values,
            _ => &[],
        };
        values.iter().map(Self)
    }

    /// The texts of a list.
    pub(crate) fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.structures(name).filter_map(|value| match value.0 {
            Value::Text(text) => Some(&**text),
            _ => None,
        })
    }

    /// The texts of a map by their names.
    pub(crate) fn pairs(self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let members: &[(Cow<'_, str>, Value<'_>)] = match self.0.get(name) {
            Some(Value::Map(members)) => members,
            _ => &[],
        };
        members.iter().filter_map(|(name, value)| match value {
            Value::Text(text) => Some((&**name, &**text)),
            _ => None,
        })
    }
}
