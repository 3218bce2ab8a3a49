//! Types: whether each member is what its shape says. What travels in another guise is turned into what it is: a blob of JSON
//! from base64, a timestamp from a number, a whole number from one with a fraction.

use super::{Format, Member, Shape, Value};
use crate::aws::error::AwsError;
use base64_simd::{Out, STANDARD};
use bytes::{Bytes, BytesMut};
use std::fmt::Display;

/// Most characters of a text that a message repeats.
const SHOWN_CHARS_MAX: usize = 256;

/// Checks an operation's input, which must be a map. Members that are not known are left alone. `body_bytes`: how long the
/// body is that it was read from.
pub(crate) fn conform(
    input: &mut Value<'_>,
    members: &[Member],
    format: Format,
    body_bytes: usize,
) -> Result<(), AwsError> {
    Conforming { format, blobs: Blobs { room: BytesMut::new(), expected: body_bytes / 4 * 3 } }
        .structure(input, members)
}

struct Conforming {
    format: Format,
    blobs: Blobs,
}

impl Conforming {
    fn structure(&mut self, input: &mut Value<'_>, members: &[Member]) -> Result<(), AwsError> {
        if !matches!(input, Value::Map(_)) {
            return Err(AwsError::malformed());
        }
        for member in members {
            if let Some(value) = input.get_mut(member.name) {
                self.value(value, &member.shape)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, value: &mut Value<'_>, shape: &Shape) -> Result<(), AwsError> {
        match (shape, &mut *value) {
            (_, Value::Null)
            | (Shape::Text(_), Value::Text(_))
            | (Shape::Integer { .. }, Value::Integer(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Blob { .. }, Value::Blob(_))
            | (Shape::Timestamp, Value::Timestamp(_)) => Ok(()),
            (Shape::Integer { .. }, Value::Float(number)) => {
                *value = Value::Integer(number.floor() as i64);
                Ok(())
            }
            (Shape::Blob { .. }, Value::Text(text)) if self.format == Format::Json => {
                *value = Value::Blob(self.blobs.decode(text)?);
                Ok(())
            }
            (Shape::Timestamp, Value::Integer(number)) => {
                *value = Value::Timestamp(number.saturating_mul(ms_per_unit(self.format)));
                Ok(())
            }
            (Shape::Timestamp, Value::Float(number)) => {
                *value = Value::Timestamp((*number * ms_per_unit(self.format) as f64).round() as i64);
                Ok(())
            }
            (Shape::List { of, .. }, Value::List(values)) => {
                values.iter_mut().try_for_each(|value| self.value(value, of))
            }
            (Shape::Map { values: texts, .. }, Value::Map(members)) => {
                members.iter_mut().try_for_each(|(_, value)| self.value(value, &Shape::Text(*texts)))
            }
            (Shape::Structure(members), Value::Map(_)) => self.structure(value, members),
            (shape, value) => Err(mismatch(value, shape)),
        }
    }
}

/// A bare number stands for seconds in JSON; in CBOR, where timestamps have a tag, for what the tag would hold.
fn ms_per_unit(format: Format) -> i64 {
    match format {
        Format::Json => 1000,
        Format::Cbor => 1,
    }
}

/// The blobs of a body of JSON, which lie in one piece of memory: a call may have five hundred of them.
struct Blobs {
    room: BytesMut,
    /// Bytes that all of them have at most.
    expected: usize,
}

impl Blobs {
    fn decode(&mut self, text: &str) -> Result<Bytes, AwsError> {
        let len_max = text.len().div_ceil(4) * 3;
        if self.room.capacity() < len_max {
            self.room.reserve(self.expected.max(len_max));
        }
        self.room.resize(len_max, 0);
        let decoded = STANDARD.decode(text.as_bytes(), Out::from_slice(&mut self.room));
        let len = decoded.map_err(|_| no_base64(text))?.len();
        let blob = self.room.split_to(len).freeze();
        self.room.clear();
        Ok(blob)
    }
}

/// What is wrong with a text that should be base64.
fn no_base64(text: &str) -> AwsError {
    let fault = |what: &dyn Display| {
        AwsError::serialization(format!("'{}' can not be converted to a Blob: {what}", shown(text)))
    };
    let length = text.encode_utf16().count();
    if !length.is_multiple_of(4) {
        return fault(&format_args!(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {length}"
        ));
    }
    let strange = |symbol: char| !(symbol.is_ascii_alphanumeric() || "+/=".contains(symbol));
    let after_padding = || text.trim_end_matches('=').find('=').map(|_| '=');
    match text.chars().find(|symbol| strange(*symbol)).or_else(after_padding) {
        Some(symbol) => fault(&format_args!("Invalid Base64 character: '{symbol}'")),
        None => fault(&"Invalid last non-pad Base64 character dectected"),
    }
}

/// As much of a text as a message may repeat.
pub(super) fn shown(text: &str) -> &str {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// The service's own words for a value of the wrong type.
fn mismatch(value: &Value<'_>, shape: &Shape) -> AwsError {
    let message = match (shape, value) {
        (Shape::List { .. }, Value::Map(_)) => "Start of structure or map found where not expected.",
        (Shape::Map { .. } | Shape::Structure(_), Value::List(_)) => "Start of list found where not expected",
        (Shape::List { .. }, _) => "Expected list or null",
        (Shape::Map { .. }, _) => "Expected map or null",
        (Shape::Structure(_), _) => "Expected null",
        (_, Value::List(_)) => "Start of list found where not expected",
        (_, Value::Map(_)) => "Start of structure or map found where not expected.",
        (Shape::Boolean, Value::Text(text)) => {
            let text = shown(text).to_uppercase();
            return AwsError::serialization(format!("'{text}' can not be converted to an Boolean"));
        }
        (shape, value) => {
            let (class, wanted) = (class(value), wanted(shape));
            return AwsError::serialization(format!("class {class} can not be converted to {wanted}"));
        }
    };
    AwsError::serialization(message)
}

fn class(value: &Value<'_>) -> &'static str {
    match value {
        Value::Bool(_) => "java.lang.Boolean",
        Value::Text(_) => "java.lang.String",
        Value::Blob(_) => "java.nio.HeapByteBuffer",
        Value::Timestamp(_) => "java.util.Date",
        _ => "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
    }
}

fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text(_) => "an String",
        Shape::Integer { .. } => "an Integer",
        Shape::Boolean => "an Boolean",
        Shape::Blob { .. } => "a Blob",
        _ => "milliseconds since epoch",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Text, json, optional};
    use super::*;

    const MEMBERS: &[Member] = &[
        optional("Text", Shape::Text(Text::of(0, 10))),
        optional("Number", Shape::Integer { min: 0, max: 10 }),
        optional("Flag", Shape::Boolean),
        optional("Blob", Shape::Blob { max: 10 }),
        optional("Time", Shape::Timestamp),
        optional("List", Shape::List { of: &Shape::Text(Text::of(0, 10)), min: 0, max: 10, called: None }),
        optional("Map", Shape::Map { names: Text::of(1, 5), values: Text::of(0, 5), min: 0, max: 5 }),
        optional("Inner", Shape::Structure(&[optional("Blob", Shape::Blob { max: 10 })])),
    ];

    fn refusal(member: &str, value: &str) -> String {
        let body = format!("{{\"{member}\":{value}}}");
        let mut input = json::decode(body.as_bytes()).unwrap();
        match conform(&mut input, MEMBERS, Format::Json, body.len()) {
            Ok(()) => String::new(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn the_services_own_words() {
        let big = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to";
        let list = "Start of list found where not expected";
        let map = "Start of structure or map found where not expected.";
        for (member, value, message) in [
            ("Text", "true", "class java.lang.Boolean can not be converted to an String"),
            ("Text", "1", &format!("{big} an String")),
            ("Text", "[]", list),
            ("Text", "{}", map),
            ("Number", "true", "class java.lang.Boolean can not be converted to an Integer"),
            ("Number", "\"1\"", "class java.lang.String can not be converted to an Integer"),
            ("Flag", "1", &format!("{big} an Boolean")),
            ("Flag", "\"no way\"", "'NO WAY' can not be converted to an Boolean"),
            ("Blob", "34", &format!("{big} a Blob")),
            (
                "Blob",
                "\"23456\"",
                "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5",
            ),
            ("Blob", "\"=+/=\"", "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"),
            ("Blob", "\"ab!=\"", "'ab!=' can not be converted to a Blob: Invalid Base64 character: '!'"),
            (
                "Blob",
                "\"+/+=\"",
                "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
            ),
            ("Time", "\"now\"", "class java.lang.String can not be converted to milliseconds since epoch"),
            ("List", "\"a\"", "Expected list or null"),
            ("List", "{}", map),
            ("List", "[1]", &format!("{big} an String")),
            ("Map", "4", "Expected map or null"),
            ("Map", "[]", list),
            ("Map", "{\"a\":[]}", list),
            ("Inner", "\"a\"", "Expected null"),
            ("Inner", "[]", list),
            ("Inner", "{\"Blob\":true}", "class java.lang.Boolean can not be converted to a Blob"),
        ] {
            assert_eq!(refusal(member, value), message, "{member}: {value}");
        }
        for (member, value) in
            [("Text", "null"), ("Number", "1.5"), ("Blob", "\"\""), ("Blob", "\"aGk=\""), ("Unknown", "{}")]
        {
            assert_eq!(refusal(member, value), "", "{member}: {value}");
        }
    }

    #[test]
    fn guises_are_taken_off() {
        let body = br#"{"Blob":"aGk=","Time":1700000000.123,"Number":2.9}"#;
        let mut input = json::decode(body).unwrap();
        conform(&mut input, MEMBERS, Format::Json, body.len()).unwrap();
        assert_eq!(input.get("Blob"), Some(&Value::Blob(Bytes::from_static(b"hi"))));
        assert_eq!(input.get("Time"), Some(&Value::Timestamp(1_700_000_000_123)));
        assert_eq!(input.get("Number"), Some(&Value::Integer(2)));
    }

    #[test]
    fn long_texts_are_not_repeated_whole() {
        assert!(refusal("Blob", &format!("\"{}\"", "ä".repeat(100_001))).len() < 1000);
    }
}
