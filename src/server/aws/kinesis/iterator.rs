//! Shard iterators: where a reader stands, in the reader's hands.
//!
//! In text: base64 of a sealed blob of
//!
//! ```text
//! version u8 = 1 | stream u128 | shard's index u32 | next sequence u64 | made at, ms u64 | stream's name (to the end)
//! ```
//! with little-endian numbers: 285 characters at most. One is good for five minutes and each answer gives a new one.

use super::sequence::SequenceNumber;
use super::shapes::{ARN_MEMBER, DRY_RUN, NAME_MEMBER, SEQUENCE_NUMBER, SHARD_ID, STREAM_ID_MEMBER};
use super::shard_id::{shard_index, shard_name};
use super::{faults, stream_ref, token};
use crate::app::App;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Shape, Text, Value, optional, required, structure};
use jiff::Timestamp;
use streams::{Arrival, Seq, Shard, ShardInfo, StreamInfo, Tail};

pub(super) const INPUT: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    required("ShardId", SHARD_ID),
    required("ShardIteratorType", Shape::Text(Text::one_of(KINDS))),
    optional("StartingSequenceNumber", SEQUENCE_NUMBER),
    optional("Timestamp", Shape::Timestamp),
    DRY_RUN,
    STREAM_ID_MEMBER,
];

/// Where a reader may start.
pub(super) const KINDS: &[&str] =
    &["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"];

const PURPOSE: &str = "shard iterator";
const VERSION: u8 = 1;
/// Bytes before the name.
const FIXED_BYTES: usize = 1 + 16 + 4 + 8 + 8;
/// How long an iterator is good for.
const LIFETIME_MS: u64 = 300_000;

/// Where a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) stream: u128,
    pub(super) name: String,
    pub(super) shard: u32,
    /// The record to read next.
    pub(super) next: Seq,
    /// When the iterator was made, in milliseconds since the Unix epoch.
    pub(super) made_ms: u64,
}

impl Position {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.name.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.stream.to_le_bytes());
        bytes.extend_from_slice(&self.shard.to_le_bytes());
        bytes.extend_from_slice(&self.next.0.to_le_bytes());
        bytes.extend_from_slice(&self.made_ms.to_le_bytes());
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (stream, rest) = rest.split_first_chunk()?;
        let (shard, rest) = rest.split_first_chunk()?;
        let (next, rest) = rest.split_first_chunk()?;
        let (made_ms, name) = rest.split_first_chunk()?;
        let position = Self {
            stream: u128::from_le_bytes(*stream),
            shard: u32::from_le_bytes(*shard),
            next: Seq(u64::from_le_bytes(*next)),
            made_ms: u64::from_le_bytes(*made_ms),
            name: String::from_utf8(name.to_vec()).ok()?,
        };
        (*version == VERSION && !position.name.is_empty()).then_some(position)
    }

    /// The iterator.
    pub(super) fn seal(&self, app: &App) -> Result<String, AwsError> {
        token::seal(app, PURPOSE, &self.encode())
    }

    /// Reads an iterator, however old.
    pub(super) fn open(app: &App, iterator: &str) -> Result<Self, AwsError> {
        // Some clients hand on the quotes of the JSON they found it in, which the service takes.
        let text = iterator.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(iterator);
        let position = token::open(app, PURPOSE, text).and_then(|bytes| Self::decode(&bytes));
        position.ok_or_else(|| AwsError::invalid_argument("Invalid ShardIterator."))
    }

    /// Refuses an iterator that is too old.
    pub(super) fn check_age(&self, now_ms: u64) -> Result<(), AwsError> {
        if now_ms.saturating_sub(self.made_ms) <= LIFETIME_MS {
            return Ok(());
        }
        let message = format!(
            "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the future than \
             the tolerated delay of {LIFETIME_MS} milliseconds.",
            long_date(self.made_ms),
            long_date(now_ms)
        );
        Err(AwsError::new("ExpiredIteratorException", message))
    }
}

/// `Thu Jan 22 01:22:02 UTC 2015`.
fn long_date(ms: u64) -> String {
    match i64::try_from(ms).map(Timestamp::from_millisecond) {
        Ok(Ok(time)) => time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string(),
        _ => ms.to_string(),
    }
}

/// `GetShardIterator`
pub(super) async fn get_shard_iterator(call: Call<'_>) -> Outcome {
    let (stream_name, shard_id) =
        (stream_ref::stream_name(&call)?, call.input.text("ShardId").unwrap_or_default());
    let index = shard_index(shard_id).ok_or_else(|| faults::no_such_shard(&call, stream_name, shard_id))?;
    let nothing = || faults::nothing_to_read(&call, stream_name, index);
    let stream = match stream_ref::usable(&call) {
        Err(error) if error.code() == faults::NOT_FOUND => return Err(nothing()),
        found => found?,
    };
    let info = stream.shards.by_index(index).ok_or_else(nothing)?;
    let shard =
        call.app.streams.shard(&stream.name, info.index).map_err(|error| faults::shard(&call, &error))?;
    let wanted = Wanted {
        kind: call.input.text("ShardIteratorType").unwrap_or_default(),
        number: call.input.text("StartingSequenceNumber"),
        at_ms: call.input.timestamp_ms("Timestamp"),
    };
    let next = starting_at(&call, &stream, info, &shard, wanted).await?;
    call.stop_if_dry_run()?;
    let made_ms = call.app.env.clock.now_ms();
    let position =
        Position { stream: stream.id, name: stream.name.clone(), shard: info.index, next, made_ms };
    Ok(structure([("ShardIterator", Value::from(position.seal(call.app)?))]).into())
}

/// Where a reader wants to start.
pub(super) struct Wanted<'a> {
    /// One of [`KINDS`].
    pub(super) kind: &'a str,
    /// The number that some of them need.
    pub(super) number: Option<&'a str>,
    /// The moment that one of them needs.
    pub(super) at_ms: Option<u64>,
}

/// The record at which the reader wants to start.
pub(super) async fn starting_at(
    call: &Call<'_>,
    stream: &StreamInfo,
    info: &ShardInfo,
    shard: &Shard,
    wanted: Wanted<'_>,
) -> Result<Seq, AwsError> {
    let tail = tail(call, stream, shard)?;
    let kind = wanted.kind;
    match kind {
        "TRIM_HORIZON" => Ok(tail.first),
        "LATEST" => Ok(tail.next),
        "AT_TIMESTAMP" => {
            let missing =
                || AwsError::invalid_argument("Must specify timestamp with ShardIteratorType AT_TIMESTAMP.");
            let at_ms = wanted.at_ms.ok_or_else(missing)?;
            let now_ms = call.app.env.clock.now_ms();
            if at_ms > now_ms {
                return Err(AwsError::invalid_argument(format!(
                    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: \
                     {at_ms}, currentTimestampInMillis: {now_ms}"
                )));
            }
            let found = shard.seek(Arrival(at_ms)).await;
            found.map_err(|error| faults::read(call, &stream.name, &error))
        }
        _ => {
            let missing = || {
                AwsError::invalid_argument(format!(
                    "Must specify startingSequenceNumber with ShardIteratorType {kind}."
                ))
            };
            let number = wanted.number.ok_or_else(missing)?;
            let number = starting_number(call, stream, info, number)?;
            let next = if kind == "AT_SEQUENCE_NUMBER" { number.at() } else { number.after() };
            // The end of a closed shard has a number beyond all of its records.
            Ok(next.min(tail.next))
        }
    }
}

/// A sequence number that the reader wants to start at, which must be of the shard that is read.
pub(super) fn starting_number(
    call: &Call<'_>,
    stream: &StreamInfo,
    shard: &ShardInfo,
    text: &str,
) -> Result<SequenceNumber, AwsError> {
    let own = shard_name(shard.index);
    let account = &call.app.config.account_id;
    let place =
        format!("used in GetShardIterator on shard {own} in stream {} under account {account}", stream.name);
    let number = SequenceNumber::parse(text).ok_or_else(|| {
        AwsError::invalid_argument(format!("StartingSequenceNumber {text} {place} is invalid."))
    })?;
    if number.shard_index != shard.index {
        let encoded = shard_name(number.shard_index);
        return Err(AwsError::invalid_argument(format!(
            "Invalid StartingSequenceNumber. It encodes {encoded}, while it was used in a call to a shard with {own}"
        )));
    }
    if !number.is_of(shard) {
        return Err(AwsError::invalid_argument(format!(
            "StartingSequenceNumber {text} {place} is invalid because it did not come from this stream."
        )));
    }
    Ok(number)
}

/// The ends of a shard now.
pub(super) fn tail(call: &Call<'_>, stream: &StreamInfo, shard: &Shard) -> Result<Tail, AwsError> {
    let watch = shard.watch().map_err(|error| faults::read(call, &stream.name, &error))?;
    Ok(*watch.borrow())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates() {
        assert_eq!(long_date(1_421_889_722_000), "Thu Jan 22 01:22:02 UTC 2015");
    }

    #[test]
    fn five_minutes_and_not_a_millisecond_more() {
        let position =
            Position { stream: 1, name: "s".into(), shard: 0, next: Seq(0), made_ms: 1_421_889_722_000 };
        assert_eq!(position.check_age(position.made_ms + 300_000), Ok(()));
        assert_eq!(position.check_age(position.made_ms - 1), Ok(()), "the clock was set back");
        let error = position.check_age(position.made_ms + 300_001).unwrap_err();
        assert_eq!(error.code(), "ExpiredIteratorException");
        assert_eq!(
            error.message(),
            "Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 while right now it is Thu Jan 22 \
             01:27:02 UTC 2015 which is further in the future than the tolerated delay of 300000 milliseconds."
        );
    }

    /// What version 1 looks like.
    #[test]
    fn version_1() {
        let position = Position { stream: 1, name: "s".into(), shard: 2, next: Seq(3), made_ms: 4 };
        let bytes = position.encode();
        assert_eq!(bytes.len(), FIXED_BYTES + 1);
        assert_eq!((bytes[0], bytes[1], bytes[17], bytes[21], bytes[29], bytes[37]), (1, 1, 2, 3, 4, b's'));
        assert_eq!(Position::decode(&[&[2], &bytes[1..]].concat()), None);
    }

    proptest! {
        #[test]
        fn round_trip_and_truncation(stream in any::<u128>(), shard in any::<u32>(), next in any::<u64>(), made_ms in any::<u64>(), name in "[a-z]{1,128}") {
            let position = Position { stream, name, shard, next: Seq(next), made_ms };
            let bytes = position.encode();
            prop_assert_eq!(Position::decode(&bytes), Some(position));
            for len in 0..=FIXED_BYTES {
                prop_assert_eq!(Position::decode(&bytes[..len]), None);
            }
        }
    }
}
