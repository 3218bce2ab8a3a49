//! Types: whether each member is what its shape says. What travels in another guise is turned into what it is: a blob of JSON
//! from base64, a timestamp from a number, a whole number from one with a fraction.

use super::{Format, Member, Shape, Value};
use crate::aws::error::AwsError;
use base64_simd::STANDARD;
use bytes::Bytes;
use std::fmt::Display;

/// Most characters of a text that a message repeats.
const SHOWN_CHARS_MAX: usize = 256;

/// Checks an operation's input, which must be a map. Members that are not known are left alone.
pub(crate) fn conform(input: &mut Value<'_>, members: &[Member], format: Format) -> Result<(), AwsError> {
    if !matches!(input, Value::Map(_)) {
        return Err(AwsError::malformed());
    }
    for member in members {
        if let Some(value) = input.get_mut(member.name) {
            conform_to(value, &member.shape, format)?;
        }
    }
    Ok(())
}

fn conform_to(value: &mut Value<'_>, shape: &Shape, format: Format) -> Result<(), AwsError> {
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
        (Shape::Blob { .. }, Value::Text(text)) if format == Format::Json => {
            *value = Value::Blob(blob(text)?);
            Ok(())
        }
        (Shape::Timestamp, Value::Integer(number)) => {
            *value = Value::Timestamp(number.saturating_mul(ms_per_unit(format)));
            Ok(())
        }
        (Shape::Timestamp, Value::Float(number)) => {
            *value = Value::Timestamp((*number * ms_per_unit(format) as f64).round() as i64);
            Ok(())
        }
        (Shape::List { of, .. }, Value::List(values)) => {
            values.iter_mut().try_for_each(|value| conform_to(value, of, format))
        }
        (Shape::Map { values: texts, .. }, Value::Map(members)) => {
            members.iter_mut().try_for_each(|(_, value)| conform_to(value, &Shape::Text(*texts), format))
        }
        (Shape::Structure(members), Value::Map(_)) => conform(value, members, format),
        (shape, value) => Err(mismatch(value, shape)),
    }
}

/// A bare number stands for seconds in JSON; in CBOR, where timestamps have a tag, for what the tag would hold.
fn ms_per_unit(format: Format) -> i64 {
    match format {
        Format::Json => 1000,
        Format::Cbor => 1,
    }
}

fn blob(text: &str) -> Result<Bytes, AwsError> {
    STANDARD.decode_to_vec(text).map(Bytes::from).map_err(|_| no_base64(text))
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
        optional("Map", Shape::Map { names: Text::of(1, 5), values: Text::of(0, 5), max: 5 }),
        optional("Inner", Shape::Structure(&[optional("Blob", Shape::Blob { max: 10 })])),
    ];

    fn refusal(member: &str, value: &str) -> String {
        let body = format!("{{\"{member}\":{value}}}");
        let mut input = json::decode(body.as_bytes()).unwrap();
        match conform(&mut input, MEMBERS, Format::Json) {
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
        conform(&mut input, MEMBERS, Format::Json).unwrap();
        assert_eq!(input.get("Blob"), Some(&Value::Blob(Bytes::from_static(b"hi"))));
        assert_eq!(input.get("Time"), Some(&Value::Timestamp(1_700_000_000_123)));
        assert_eq!(input.get("Number"), Some(&Value::Integer(2)));
    }

    #[test]
    fn long_texts_are_not_repeated_whole() {
        assert!(refusal("Blob", &format!("\"{}\"", "ä".repeat(100_001))).len() < 1000);
    }
}
