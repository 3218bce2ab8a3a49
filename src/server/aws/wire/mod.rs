//! Requests and answers as a tree of values, whichever of the two content types they travel in.
//!
//! ```text
//! body ─► json | cbor ─► Value ─► conform (types, as a Shape says) ─► validate (constraints) ─► Input ─► handler
//!                                                                            answer: Value ─► json | cbor ─► body
//! ```
//! Texts are borrowed from the body wherever it holds them as they are, and a blob of CBOR is a slice of the body. A blob of
//! JSON is decoded from base64 once, by `conform`; that copy cannot be had for less.

pub(crate) mod cbor;
mod conform;
mod input;
pub(crate) mod json;
mod shape;
mod validate;
mod value;

pub(crate) use conform::conform;
pub(crate) use input::Input;
pub(crate) use shape::{Member, Pattern, Shape, Text, optional, required};
pub(crate) use validate::validate;
pub(crate) use value::{Value, structure};

use bytes::Bytes;

/// Deepest nesting of lists and maps in a body; no operation needs more than five.
const DEPTH_MAX: u8 = 16;
/// Most values in a body: each takes 32 bytes of memory where the body may have spent two. `PutRecords` needs 2,002.
const VALUES_MAX: u32 = 100_000;

/// The two content types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/x-amz-json-1.1`: blobs are base64 texts, timestamps are seconds since the Unix epoch.
    Json,
    /// `application/x-amz-cbor-1.1`: blobs are byte strings, timestamps are tag 1 with milliseconds since the Unix epoch.
    Cbor,
}

impl Format {
    /// As the header says it.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }

    /// Reads a body.
    pub(crate) fn decode(self, body: &Bytes) -> Result<Value<'_>, Malformed> {
        match self {
            Self::Json => json::decode(body),
            Self::Cbor => cbor::decode(body),
        }
    }

    /// Writes a body.
    pub(crate) fn encode(self, value: &Value<'_>) -> Vec<u8> {
        let mut body = Vec::with_capacity(value.encoded_bytes());
        match self {
            Self::Json => json::encode(value, &mut body),
            Self::Cbor => cbor::encode(value, &mut body),
        }
        body
    }
}

/// A body that is not what its content type says, or is nested too deeply, or has too many values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Any value that reads back as it was written; blobs and timestamps only where the content type can tell them.
#[cfg(test)]
pub(crate) fn value_strategy(typed: bool) -> impl proptest::strategy::Strategy<Value = Value<'static>> {
    use proptest::prelude::*;
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        (-1e6..1e6_f64).prop_map(|number| Value::Float(number.trunc() + 0.5)),
        ".{0,40}".prop_map(|text| Value::Text(text.into())),
    ];
    let bytes = proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Blob(bytes.into()));
    let leaf = if typed {
        prop_oneof![plain, bytes, any::<i64>().prop_map(Value::Timestamp)].boxed()
    } else {
        plain.boxed()
    };
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            proptest::collection::vec(("[a-z]{0,30}".prop_map(Into::into), inner), 0..6).prop_map(Value::Map),
        ]
    })
}
