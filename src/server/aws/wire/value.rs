//! The tree of values.

use bytes::Bytes;
use std::borrow::Cow;

/// One value of a request or an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// As good as absent.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text; borrowed from the request's body where that holds it as it is.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Bytes),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// Values in their order.
    List(Vec<Value<'a>>),
    /// Named values in their order. Where a name comes twice the last one counts.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// What a map holds under `name`, unless that is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        let Self::Map(members) = self else { return None };
        let (_, value) = members.iter().rev().find(|(known, _)| known == name)?;
        (*value != Self::Null).then_some(value)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Value<'a>> {
        let Self::Map(members) = self else { return None };
        members.iter_mut().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// About how many bytes it takes when written.
    pub(crate) fn encoded_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 8,
            Self::Blob(bytes) => bytes.len().div_ceil(3) * 4 + 8,
            Self::List(values) => values.iter().map(Self::encoded_bytes).sum::<usize>() + 8,
            Self::Map(members) => {
                members.iter().map(|(name, value)| name.len() + 8 + value.encoded_bytes()).sum::<usize>() + 8
            }
            _ => 24,
        }
    }
}

/// A map of the members that have a value.
pub(crate) fn structure<'a, const N: usize>(members: [(&'static str, Value<'a>); N]) -> Value<'a> {
    let present = members.into_iter().filter(|(_, value)| *value != Value::Null);
    Value::Map(present.map(|(name, value)| (Cow::Borrowed(name), value)).collect())
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Bytes> for Value<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a> From<Vec<Value<'a>>> for Value<'a> {
    fn from(values: Vec<Value<'a>>) -> Self {
        Self::List(values)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
