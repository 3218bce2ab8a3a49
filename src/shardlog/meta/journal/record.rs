//! The layout of the journal's records.
//!
//! ```text
//! head:   0  version = 1  u8         body: the row's value
//!         1  kind         u8
//!         2  number       u64
//!        10  key, UTF-8, up to the end of the head
//! ```
//! Numbers are little-endian. The key stands in the head, so that a damaged body still tells whose it was.
//!
//! | kind        | number                    | key                         | body  |
//! |-------------|---------------------------|-----------------------------|-------|
//! | 1 put       | the row's new version     | the row's                   | value |
//! | 2 remove    | the version it had        | the row's                   |       |
//! | 3 statement | how many rows follow      | the journal's id, as a UUID |       |
//! | 4 row       | the row's version         | the row's                   | value |
//! | 5 stated    | how many rows there were  |                             |       |
//!
//! A *statement* is a record of kind 3, one of kind 4 for every row there is, and one of kind 5. It counts once it is
//! whole; then everything before it may be trimmed.

use bytes::{Buf, BufMut, Bytes};

const VERSION: u8 = 1;
const FIXED_LEN: usize = 10;

/// A record's head is not what this version writes; says what does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(&'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Put = 1,
    Remove = 2,
    Statement = 3,
    Row = 4,
    Stated = 5,
}

/// What a record says, but for the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) key: String,
}

impl Head {
    pub(crate) fn new(kind: Kind, number: u64, key: impl Into<String>) -> Self {
        Self { kind, number, key: key.into() }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(FIXED_LEN + self.key.len());
        bytes.put_u8(VERSION);
        bytes.put_u8(self.kind as u8);
        bytes.put_u64_le(self.number);
        bytes.put_slice(self.key.as_bytes());
        bytes.into()
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.first().is_some_and(|version| *version != VERSION) {
            return Err(Malformed("it was written by another version"));
        }
        if bytes.len() < FIXED_LEN {
            return Err(Malformed("its head is cut short"));
        }
        bytes.advance(1);
        let kind = match bytes.get_u8() {
            1 => Kind::Put,
            2 => Kind::Remove,
            3 => Kind::Statement,
            4 => Kind::Row,
            5 => Kind::Stated,
            _ => return Err(Malformed("it is of an unknown kind")),
        };
        let number = bytes.get_u64_le();
        let key = std::str::from_utf8(bytes).map_err(|_| Malformed("its key is not UTF-8"))?;
        Ok(Self::new(kind, number, key))
    }

    /// The id of a journal as its statements give it.
    pub(crate) fn journal_id(&self) -> Result<u128, Malformed> {
        let id = uuid::Uuid::try_parse(&self.key).map_err(|_| Malformed("it names no journal"))?;
        Ok(id.as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back() {
        for kind in [Kind::Put, Kind::Remove, Kind::Statement, Kind::Row, Kind::Stated] {
            for key in ["", "a", "stream/ü", &"k".repeat(4000)] {
                let head = Head::new(kind, 0x0102_0304_0506_0708, key);
                assert_eq!(Head::decode(&head.encode()), Ok(head));
            }
        }
    }

    #[test]
    fn the_layout_is_kept() {
        let head = Head::new(Kind::Row, 258, "k");
        assert_eq!(*head.encode(), [1, 4, 2, 1, 0, 0, 0, 0, 0, 0, b'k']);
    }

    #[test]
    fn what_is_cut_short_or_strange_is_refused() {
        let bytes = Head::new(Kind::Put, 1, "").encode();
        for len in 0..bytes.len() {
            assert_eq!(Head::decode(&bytes[..len]), Err(Malformed("its head is cut short")), "{len}");
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            Head::decode(&bytes)
        };
        assert_eq!(with(0, 2), Err(Malformed("it was written by another version")));
        for kind in [0, 6, 255] {
            assert_eq!(with(1, kind), Err(Malformed("it is of an unknown kind")));
        }
        assert!(Head::decode(&[&bytes[..], &[0xff]].concat()).is_err(), "a key that is not UTF-8");
        assert!(Head::new(Kind::Statement, 0, "no id").journal_id().is_err());
    }
}
