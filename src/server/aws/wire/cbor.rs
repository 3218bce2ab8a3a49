//! CBOR (RFC 8949) as far as `application/x-amz-cbor-1.1` uses it.
//!
//! Read are integers, floats of all three widths, byte and text strings, lists and maps of definite and indefinite length, the
//! simple values false, true, null and undefined, and tag 1. Tag 1 holds *milliseconds* here, where the RFC has seconds: that is
//! what the SDKs send and expect. Written are definite lengths only.

use super::{DEPTH_MAX, Malformed, VALUES_MAX, Value};
use bytes::Bytes;
use std::borrow::Cow;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
/// The tag of timestamps.
const TIMESTAMP: u64 = 1;
/// Ends what has no definite length.
const BREAK: u8 = 0xff;

/// Reads a body.
pub(crate) fn decode(body: &Bytes) -> Result<Value<'_>, Malformed> {
    let mut reader = Reader { body, at: 0, values_left: VALUES_MAX };
    let value = reader.value(DEPTH_MAX)?;
    if reader.at == body.len() { Ok(value) } else { Err(Malformed) }
}

struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
    values_left: u32,
}

/// The head of an item: its major type and its argument, which is `None` for an indefinite length.
struct Head {
    major: u8,
    /// The low five bits of the first byte: how wide the argument was.
    width: u8,
    argument: Option<u64>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(len).ok_or(Malformed)?;
        let taken = self.body.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, Malformed> {
        let first = self.take(1)?[0];
        let (major, width) = (first >> 5, first & 0x1f);
        let argument = match width {
            0..24 => Some(u64::from(width)),
            24..28 => {
                let bytes = self.take(1 << (width - 24))?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return Err(Malformed),
        };
        Ok(Head { major, width, argument })
    }

    /// Whether the next byte ends what has no definite length; if so it is taken.
    fn ends(&mut self) -> Result<bool, Malformed> {
        let ends = *self.body.get(self.at).ok_or(Malformed)? == BREAK;
        self.at += usize::from(ends);
        Ok(ends)
    }

    fn value(&mut self, depth_left: u8) -> Result<Value<'a>, Malformed> {
        self.values_left = self.values_left.checked_sub(1).ok_or(Malformed)?;
        let head = self.head()?;
        match (head.major, head.argument) {
            (UNSIGNED, Some(number)) => Ok(Value::Integer(i64::try_from(number).map_err(|_| Malformed)?)),
            (NEGATIVE, Some(number)) => {
                Ok(Value::Integer(-1 - i64::try_from(number).map_err(|_| Malformed)?))
            }
            (BYTES, _) => Ok(Value::Blob(self.blob(head.argument)?)),
            (TEXT, _) => Ok(Value::Text(self.text(head.argument)?)),
            (LIST, count) => self.list(count, depth_left.checked_sub(1).ok_or(Malformed)?),
            (MAP, count) => self.map(count, depth_left.checked_sub(1).ok_or(Malformed)?),
            (TAG, Some(TIMESTAMP)) => self.timestamp(depth_left),
            (SIMPLE, Some(argument)) => simple(head.width, argument),
            _ => Err(Malformed),
        }
    }

    /// Bytes of a definite length: a slice of the body.
    fn chunk(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        self.take(usize::try_from(len).map_err(|_| Malformed)?)
    }

    /// The chunks of a string of indefinite length, put together.
    fn chunks(&mut self, major: u8) -> Result<Vec<u8>, Malformed> {
        let mut whole = Vec::new();
        while !self.ends()? {
            match self.head()? {
                Head { major: of, argument: Some(len), .. } if of == major => {
                    whole.extend_from_slice(self.chunk(len)?);
                }
                _ => return Err(Malformed),
            }
        }
        Ok(whole)
    }

    fn blob(&mut self, len: Option<u64>) -> Result<Bytes, Malformed> {
        match len {
            Some(len) => self.chunk(len).map(|chunk| self.body.slice_ref(chunk)),
            None => self.chunks(BYTES).map(Bytes::from),
        }
    }

    fn text(&mut self, len: Option<u64>) -> Result<Cow<'a, str>, Malformed> {
        match len {
            Some(len) => std::str::from_utf8(self.chunk(len)?).map(Cow::Borrowed).map_err(|_| Malformed),
            None => String::from_utf8(self.chunks(TEXT)?).map(Cow::Owned).map_err(|_| Malformed),
        }
    }

    /// Whether one more element follows after `read` of `count`.
    fn more(&mut self, count: Option<u64>, read: usize) -> Result<bool, Malformed> {
        match count {
            Some(count) => Ok((read as u64) < count),
            None => Ok(!self.ends()?),
        }
    }

    fn list(&mut self, count: Option<u64>, depth_left: u8) -> Result<Value<'a>, Malformed> {
        // Not with the capacity that the count asks for: it may be a lie.
        let mut values = Vec::new();
        while self.more(count, values.len())? {
            values.push(self.value(depth_left)?);
        }
        Ok(Value::List(values))
    }

    fn map(&mut self, count: Option<u64>, depth_left: u8) -> Result<Value<'a>, Malformed> {
        let mut members = Vec::with_capacity(4);
        while self.more(count, members.len())? {
            let name = match self.head()? {
                Head { major: TEXT, argument, .. } => self.text(argument)?,
                _ => return Err(Malformed),
            };
            members.push((name, self.value(depth_left)?));
        }
        Ok(Value::Map(members))
    }

    fn timestamp(&mut self, depth_left: u8) -> Result<Value<'a>, Malformed> {
        match self.value(depth_left.checked_sub(1).ok_or(Malformed)?)? {
            Value::Integer(ms) => Ok(Value::Timestamp(ms)),
            Value::Float(ms) => Ok(Value::Timestamp(ms.round() as i64)),
            _ => Err(Malformed),
        }
    }
}

/// Floats, and the values that are one byte.
fn simple<'a>(width: u8, argument: u64) -> Result<Value<'a>, Malformed> {
    let bits32 = u32::try_from(argument);
    match (width, argument, bits32) {
        (20, ..) => Ok(Value::Bool(false)),
        (21, ..) => Ok(Value::Bool(true)),
        (22 | 23, ..) => Ok(Value::Null),
        (25, bits, _) => Ok(Value::Float(half(bits))),
        (26, _, Ok(bits)) => Ok(Value::Float(f32::from_bits(bits).into())),
        (27, bits, _) => Ok(Value::Float(f64::from_bits(bits))),
        _ => Err(Malformed),
    }
}

/// A float of 16 bits.
fn half(bits: u64) -> f64 {
    let mantissa = f64::from((bits & 0x3ff) as u16);
    let exponent = (bits >> 10 & 0x1f) as i32;
    let size = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// Appends the bytes of a value.
pub(crate) fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(SIMPLE << 5 | 22),
        Value::Bool(flag) => out.push(SIMPLE << 5 | (20 + u8::from(*flag))),
        Value::Integer(number) => encode_integer(*number, out),
        Value::Float(number) => {
            out.push(SIMPLE << 5 | 27);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Text(text) => encode_text(text, out),
        Value::Blob(bytes) => {
            encode_head(BYTES, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::Timestamp(ms) => {
            encode_head(TAG, TIMESTAMP, out);
            encode_integer(*ms, out);
        }
        Value::List(values) => {
            encode_head(LIST, values.len() as u64, out);
            for value in values {
                encode(value, out);
            }
        }
        Value::Map(members) => {
            encode_head(MAP, members.len() as u64, out);
            for (name, value) in members {
                encode_text(name, out);
                encode(value, out);
            }
        }
    }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    encode_head(TEXT, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn encode_integer(number: i64, out: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => encode_head(UNSIGNED, number, out),
        Err(_) => encode_head(NEGATIVE, !number.cast_unsigned(), out),
    }
}

/// The shortest head.
fn encode_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let (width, from) = match argument {
        0..24 => return out.push(major << 5 | bytes[7]),
        24..0x100 => (24, 7),
        0x100..0x1_0000 => (25, 6),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 0),
    };
    out.push(major << 5 | width);
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Bytes {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    fn read(hex: &str) -> Result<Value<'static>, Malformed> {
        let body = bytes(hex);
        decode(&body).map(|value| owned(&value))
    }

    fn owned(value: &Value<'_>) -> Value<'static> {
        match value {
            Value::Text(text) => Value::from(text.clone().into_owned()),
            Value::List(values) => Value::List(values.iter().map(owned).collect()),
            Value::Map(members) => Value::Map(
                members
                    .iter()
                    .map(|(name, value)| (name.clone().into_owned().into(), owned(value)))
                    .collect(),
            ),
            Value::Null => Value::Null,
            Value::Bool(flag) => Value::Bool(*flag),
            Value::Integer(number) => Value::Integer(*number),
            Value::Float(number) => Value::Float(*number),
            Value::Blob(bytes) => Value::Blob(bytes.clone()),
            Value::Timestamp(ms) => Value::Timestamp(*ms),
        }
    }

    /// As the Java SDK sends it: a map of indefinite length.
    #[test]
    fn a_request_of_a_real_client() {
        let hex = "bf 6a 53747265616d4e616d65 63 617364 64 44617461 45 68656c6c6f 6c 506172746974696f6e4b6579 61 61 ff";
        let want = structure_of(&[
            ("StreamName", Value::from("asd")),
            ("Data", Value::Blob(Bytes::from_static(b"hello"))),
            ("PartitionKey", Value::from("a")),
        ]);
        assert_eq!(read(hex), Ok(want));
    }

    fn structure_of<'a>(members: &[(&'static str, Value<'a>)]) -> Value<'a> {
        Value::Map(members.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
    }

    #[test]
    fn timestamps_are_milliseconds() {
        let ms = Value::Timestamp(1_700_000_000_123);
        assert_eq!(read("c1 1b 0000018bcfe5687b"), Ok(ms.clone()));
        assert_eq!(read("c1 fb 4278bcfe5687b000"), Ok(ms.clone()));
        let mut out = Vec::new();
        encode(&ms, &mut out);
        assert_eq!(out, bytes("c1 1b 0000018bcfe5687b"));
        assert_eq!(read("c1 61 61"), Err(Malformed));
    }

    /// Examples of RFC 8949, appendix A.
    #[test]
    fn examples_of_the_standard() {
        for (hex, value) in [
            ("1864", Value::Integer(100)),
            ("1b000000e8d4a51000", Value::Integer(1_000_000_000_000)),
            ("3903e7", Value::Integer(-1000)),
            ("f93e00", Value::Float(1.5)),
            ("f97bff", Value::Float(65_504.0)),
            ("f90001", Value::Float(5.960_464_477_539_063e-8)),
            ("f9c400", Value::Float(-4.0)),
            ("f9fc00", Value::Float(f64::NEG_INFINITY)),
            ("fa47c35000", Value::Float(100_000.0)),
            ("fb3ff199999999999a", Value::Float(1.1)),
            ("f4", Value::Bool(false)),
            ("f6", Value::Null),
            ("f7", Value::Null),
            ("5f42010243030405ff", Value::Blob(Bytes::from_static(&[1, 2, 3, 4, 5]))),
            ("7f657374726561646d696e67ff", Value::from("streaming")),
            ("9f018202039f0405ffff", list(&[1, -1, -2])),
        ] {
            let found = read(hex);
            match (hex, found) {
                ("9f018202039f0405ffff", Ok(Value::List(found))) => assert_eq!(found.len(), 3),
                (_, found) => assert_eq!(found, Ok(value), "{hex}"),
            }
        }
        // Unknown tags and simple values, reserved widths, numbers that do not fit, names that are no texts, cut strings.
        for hex in [
            "c074",
            "e0",
            "f8ff",
            "1c",
            "1bffffffffffffffff",
            "a10102",
            "62c3",
            "44010203",
            "61ff",
            "",
            "ff",
            "9f",
            "0000",
        ] {
            assert_eq!(read(hex), Err(Malformed), "{hex}");
        }
    }

    fn list(numbers: &[i64]) -> Value<'static> {
        Value::List(numbers.iter().map(|number| Value::Integer(*number)).collect())
    }

    #[test]
    fn blobs_are_slices_of_the_body() {
        let body = bytes("43 010203");
        let Ok(Value::Blob(blob)) = decode(&body) else { panic!("no blob") };
        assert_eq!(blob.as_ptr(), body[1..].as_ptr());
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        assert!(read(&format!("{}80", "81".repeat(15))).is_ok());
        assert_eq!(read(&format!("{}80", "81".repeat(16))), Err(Malformed));
        // A lie about the length costs nothing.
        assert_eq!(read("9b7fffffffffffffff00"), Err(Malformed));
        let many: Bytes = [vec![0x9f], vec![0; VALUES_MAX as usize], vec![BREAK]].concat().into();
        assert_eq!(decode(&many), Err(Malformed));
        assert_eq!(read(&"c1".repeat(100_000)), Err(Malformed));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&body.into());
        }

        #[test]
        fn what_was_written_reads_back_and_cut_short_does_not(value in super::super::value_strategy(true)) {
            let mut out = Vec::new();
            encode(&value, &mut out);
            let body = Bytes::from(out);
            prop_assert_eq!(&decode(&body).unwrap(), &value);
            for len in 0..body.len() {
                let cut = body.slice(..len);
                prop_assert_eq!(decode(&cut), Err(Malformed));
            }
        }
    }
}
