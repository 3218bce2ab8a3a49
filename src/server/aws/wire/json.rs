//! AWS JSON 1.1.

use super::{DEPTH_MAX, Malformed, VALUES_MAX, Value};
use base64_simd::STANDARD;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::Write;

/// Reads a body. Blobs and timestamps are still texts and numbers: only the operation knows which is which.
pub(crate) fn decode(body: &[u8]) -> Result<Value<'_>, Malformed> {
    let left = Cell::new(VALUES_MAX);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let node = Node { depth_left: DEPTH_MAX, values_left: &left };
    let value = node.deserialize(&mut reader).map_err(|_| Malformed)?;
    reader.end().map_err(|_| Malformed)?;
    Ok(value)
}

/// One value about to be read, and how much may still follow.
#[derive(Clone, Copy)]
struct Node<'b> {
    depth_left: u8,
    values_left: &'b Cell<u32>,
}

impl Node<'_> {
    fn child<E: Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        let left = self.values_left.get().checked_sub(1);
        self.values_left.set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

/// The name of a member, borrowed when it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        // Larger ones lose digits, as with every reader of JSON.
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let child = self.child()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(child)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let child = self.child()?;
        let mut members = Vec::with_capacity(4);
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value_seed(child)?));
        }
        Ok(Value::Map(members))
    }
}

/// Appends the text of a value.
pub(crate) fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Integer(number) => print(out, format_args!("{number}")),
        // Not a number has no word in JSON.
        Value::Float(number) if number.is_finite() => print(out, format_args!("{number}")),
        Value::Float(_) => out.extend_from_slice(b"null"),
        Value::Text(text) => encode_text(text, out),
        Value::Blob(bytes) => {
            out.push(b'"');
            STANDARD.encode_append(bytes, out);
            out.push(b'"');
        }
        Value::Timestamp(ms) => encode_timestamp(*ms, out),
        Value::List(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode(value, out);
            }
            out.push(b']');
        }
        Value::Map(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode_text(name, out);
                out.push(b':');
                encode(value, out);
            }
            out.push(b'}');
        }
    }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    // Most texts are written as they are, and looked through without a branch for each byte.
    let escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |any, byte| any | escaped(byte)) {
        // Memory takes every byte.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Seconds with up to three decimals.
fn encode_timestamp(ms: i64, out: &mut Vec<u8>) {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    match ms % 1000 {
        0 => print(out, format_args!("{sign}{}", ms / 1000)),
        part => print(out, format_args!("{sign}{}.{part:03}", ms / 1000)),
    }
}

fn print(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Memory takes every byte.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    #[test]
    fn texts_are_borrowed_unless_they_are_escaped() {
        let value = decode(br#"{"a":"plain","b":"\u00e4","a":[1,-2.5,null,true]}"#).unwrap();
        assert!(matches!(value.get("b"), Some(Value::Text(Cow::Owned(text))) if text == "ä"));
        let last = vec![Value::Integer(1), Value::Float(-2.5), Value::Null, Value::Bool(true)];
        assert_eq!(value.get("a"), Some(&Value::List(last)), "the last of two counts");
        let Value::Map(members) = &value else { panic!("{value:?}") };
        assert!(matches!(members[0].1, Value::Text(Cow::Borrowed("plain"))));
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(decode(nested(16).as_bytes()).is_ok());
        assert_eq!(decode(nested(17).as_bytes()), Err(Malformed));
        let many = |count: u32| format!("[{}0]", "0,".repeat(count as usize - 1));
        assert!(decode(many(VALUES_MAX - 1).as_bytes()).is_ok());
        assert_eq!(decode(many(VALUES_MAX).as_bytes()), Err(Malformed));
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in ["", "{", "{}x", "nul", "\"\u{1}\"", "{\"a\":\"\\ud800\"}"] {
            assert_eq!(decode(body.as_bytes()), Err(Malformed), "{body}");
        }
        assert_eq!(decode(b"\"\xff\""), Err(Malformed));
    }

    #[test]
    fn answers_are_written_as_clients_read_them() {
        let written = |value: Value<'_>| {
            let mut out = Vec::new();
            encode(&value, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(Value::Timestamp(1_700_000_000_123)), "1700000000.123");
        assert_eq!(written(Value::Timestamp(1_700_000_000_000)), "1700000000");
        assert_eq!(written(Value::Timestamp(5)), "0.005");
        assert_eq!(written(Value::Timestamp(-1_500)), "-1.500");
        assert_eq!(written(Value::Blob(Bytes::from_static(b"hello"))), "\"aGVsbG8=\"");
        assert_eq!(written(Value::from("a\"\n\u{7f}ä")), "\"a\\\"\\n\u{7f}ä\"");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&body);
        }

        #[test]
        fn what_was_written_reads_back(value in super::super::value_strategy(false)) {
            let mut out = Vec::new();
            encode(&value, &mut out);
            prop_assert_eq!(decode(&out).unwrap(), value);
        }
    }
}
