//! `ListShards`
//!
//! Its token is a sealed blob, good for five minutes, of
//!
//! ```text
//! version u8 = 1 | stream u128 | last shard's index u32 | made at, ms u64 | filter u8 | filter's argument u64 | stream's name
//! ```
//! with little-endian numbers.

use super::describe::shard_value;
use super::shapes::{ARN_MEMBER, LIMIT, NAME_MEMBER, NEXT_TOKEN, SHARD_ID, STREAM_ID_MEMBER};
use super::shard_id::shard_index;
use super::{faults, stream_ref, token};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Input, Member, Shape, Text, optional, required, structure};
use std::sync::Arc;
use streams::{ShardInfo, StreamInfo, StreamStatus};

pub(super) const INPUT: &[Member] = &[
    NAME_MEMBER,
    optional("NextToken", NEXT_TOKEN),
    optional("ExclusiveStartShardId", SHARD_ID),
    optional("MaxResults", LIMIT),
    optional("StreamCreationTimestamp", Shape::Timestamp),
    optional(
        "ShardFilter",
        Shape::Structure(&[
            required("Type", Shape::Text(Text::one_of(FILTERS))),
            optional("ShardId", SHARD_ID),
            optional("Timestamp", Shape::Timestamp),
        ]),
    ),
    ARN_MEMBER,
    STREAM_ID_MEMBER,
];

/// Names of filters; their places are what tokens hold.
const FILTERS: &[&str] = &[
    "AFTER_SHARD_ID",
    "AT_TRIM_HORIZON",
    "FROM_TRIM_HORIZON",
    "AT_LATEST",
    "AT_TIMESTAMP",
    "FROM_TIMESTAMP",
];

/// Shards of one answer.
const SHARDS_MAX: usize = 1000;
const PURPOSE: &str = "next token of ListShards";
const VERSION: u8 = 1;
/// How long a token is good for.
const LIFETIME_MS: u64 = 300_000;

/// Which shards are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    /// Those with larger indexes.
    After(u32),
    /// Those that were open at the oldest moment that is kept.
    AtHorizon,
    /// All.
    All,
    /// Those that are open.
    Open,
    /// Those that were open at a moment.
    At(u64),
    /// Those that were open at a moment or later.
    From(u64),
}

impl Filter {
    fn read(input: Input<'_>) -> Result<Self, AwsError> {
        let kind = input.text("Type").unwrap_or_default();
        let missing = |name: &str| AwsError::invalid_argument(format!("ShardFilter {kind} needs {name}."));
        let at = || input.timestamp_ms("Timestamp").ok_or_else(|| missing("Timestamp"));
        Ok(match kind {
            "AFTER_SHARD_ID" => {
                let name = input.text("ShardId").ok_or_else(|| missing("ShardId"))?;
                Self::After(
                    shard_index(name)
                        .ok_or_else(|| AwsError::invalid_argument("Invalid ShardId in ShardFilter."))?,
                )
            }
            "AT_TRIM_HORIZON" => Self::AtHorizon,
            "AT_LATEST" => Self::Open,
            "AT_TIMESTAMP" => Self::At(at()?),
            "FROM_TIMESTAMP" => Self::From(at()?),
            _ => Self::All,
        })
    }

    /// As tokens hold it.
    fn encode(self) -> (u8, u64) {
        match self {
            Self::After(index) => (0, index.into()),
            Self::AtHorizon => (1, 0),
            Self::All => (2, 0),
            Self::Open => (3, 0),
            Self::At(ms) => (4, ms),
            Self::From(ms) => (5, ms),
        }
    }

    fn decode(kind: u8, argument: u64) -> Option<Self> {
        Some(match kind {
            0 => Self::After(u32::try_from(argument).ok()?),
            1 => Self::AtHorizon,
            2 => Self::All,
            3 => Self::Open,
            4 => Self::At(argument),
            5 => Self::From(argument),
            _ => return None,
        })
    }

    /// Whether a shard is wanted. `horizon_ms` is the oldest moment that is kept.
    fn wants(self, stream: &StreamInfo, shard: &ShardInfo, horizon_ms: u64) -> bool {
        match self {
            Self::After(index) => shard.index > index,
            Self::AtHorizon => was_open(stream, shard, horizon_ms),
            Self::All => true,
            Self::Open => shard.is_open(),
            Self::At(ms) => was_open(stream, shard, ms.max(horizon_ms)),
            Self::From(ms) => shard.closed.is_none_or(|closed| closed.at_ms >= ms),
        }
    }
}

/// Whether a shard was open at a moment. Between the end of its parents and its own beginning, of which the log says that it is
/// a second later, it counts as open: at every moment the open shards own every hash key once.
fn was_open(stream: &StreamInfo, shard: &ShardInfo, at_ms: u64) -> bool {
    let parents = shard.parent.into_iter().chain(shard.adjacent_parent);
    let ends = parents.filter_map(|parent| stream.shards.by_index(parent)?.closed);
    let began_ms = ends.map(|closed| closed.at_ms).max().unwrap_or(shard.created_ms);
    began_ms <= at_ms && shard.closed.is_none_or(|closed| closed.at_ms > at_ms)
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    stream: u128,
    name: String,
    /// The last shard of the answer before; `None` at the beginning.
    after: Option<u32>,
    filter: Filter,
    made_ms: u64,
}

impl Page {
    fn encode(&self) -> Vec<u8> {
        let (kind, argument) = self.filter.encode();
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.stream.to_le_bytes());
        bytes.extend_from_slice(&self.after.unwrap_or_default().to_le_bytes());
        bytes.extend_from_slice(&self.made_ms.to_le_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&argument.to_le_bytes());
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (stream, rest) = rest.split_first_chunk()?;
        let (after, rest) = rest.split_first_chunk()?;
        let (made_ms, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (argument, name) = rest.split_first_chunk()?;
        let page = Self {
            stream: u128::from_le_bytes(*stream),
            after: Some(u32::from_le_bytes(*after)),
            made_ms: u64::from_le_bytes(*made_ms),
            filter: Filter::decode(*kind, u64::from_le_bytes(*argument))?,
            name: String::from_utf8(name.to_vec()).ok()?,
        };
        (*version == VERSION).then_some(page)
    }

    /// What a request's token says, if it has one.
    fn of_token(call: &Call<'_>) -> Result<Option<Self>, AwsError> {
        let Some(text) = call.input.text("NextToken") else { return Ok(None) };
        let page = token::open(call.app, PURPOSE, text).and_then(|bytes| Self::decode(&bytes));
        page.map(Some).ok_or_else(|| AwsError::invalid_argument("Invalid NextToken."))
    }
}

/// The ARN of the stream whose shards are asked for.
pub(super) fn resource(call: &Call<'_>) -> Result<String, AwsError> {
    match Page::of_token(call)? {
        Some(page) => Ok(stream_ref::stream_arn(call, &page.name)),
        None => stream_ref::of_stream(call),
    }
}

/// `ListShards`
pub(super) fn list_shards(call: Call<'_>) -> Outcome {
    let now_ms = call.app.env.clock.now_ms();
    let (stream, page) = match Page::of_token(&call)? {
        Some(page) => go_on(&call, page, now_ms)?,
        None => begin(&call, now_ms)?,
    };
    let limit = call.input.integer("MaxResults").and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(SHARDS_MAX).min(SHARDS_MAX);
    let kept_ms = u64::from(stream.retention_hours) * 3_600_000;
    let horizon_ms = now_ms.saturating_sub(kept_ms).max(stream.created_ms);
    let shown = stream.status != StreamStatus::Creating;
    let wanted = |shard: &&ShardInfo| {
        shown
            && page.after.is_none_or(|after| shard.index > after)
            && page.filter.wants(&stream, shard, horizon_ms)
    };
    let mut shards: Vec<_> = stream.shards.iter().filter(wanted).take(limit + 1).collect();
    let more = shards.len() > limit;
    shards.truncate(limit);
    let after = shards.last().map(|shard| shard.index);
    let next = more
        .then(|| token::seal(call.app, PURPOSE, &Page { after, made_ms: now_ms, ..page.clone() }.encode()));
    let shards: Vec<_> = shards.into_iter().map(shard_value).collect();
    Ok(structure([("Shards", shards.into()), ("NextToken", next.transpose()?.into())]).into())
}

fn begin(call: &Call<'_>, now_ms: u64) -> Result<(Arc<StreamInfo>, Page), AwsError> {
    let stream = stream_ref::look(call)?;
    let made_then = call.input.timestamp_ms("StreamCreationTimestamp");
    if made_then.is_some_and(|then| then / 1000 != stream.created_ms / 1000) {
        return Err(faults::no_such_stream(call, &stream.name));
    }
    let after = call.input.text("ExclusiveStartShardId").map(|name| shard_index(name).unwrap_or(u32::MAX));
    let filter = call.input.structure("ShardFilter").map(Filter::read).transpose()?.unwrap_or(Filter::All);
    let page = Page { stream: stream.id, name: stream.name.clone(), after, filter, made_ms: now_ms };
    Ok((stream, page))
}

fn go_on(call: &Call<'_>, page: Page, now_ms: u64) -> Result<(Arc<StreamInfo>, Page), AwsError> {
    let others =
        ["StreamName", "StreamARN", "ExclusiveStartShardId", "StreamCreationTimestamp", "ShardFilter"];
    if let Some(other) = others.into_iter().find(|name| call.input.structure(name).is_some()) {
        return Err(AwsError::invalid_argument(format!(
            "NextToken and {other} cannot be provided together."
        )));
    }
    if now_ms.saturating_sub(page.made_ms) > LIFETIME_MS {
        let message = format!("NextToken expired. It is good for {LIFETIME_MS} milliseconds.");
        return Err(AwsError::new("ExpiredNextTokenException", message));
    }
    let stream = call.app.streams.look(&page.name).ok().filter(|stream| stream.id == page.stream);
    let stream = stream.ok_or_else(|| faults::no_such_stream(call, &page.name))?;
    Ok((stream, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_every_filter_and_cannot_be_cut() {
        for filter in [
            Filter::After(7),
            Filter::AtHorizon,
            Filter::All,
            Filter::Open,
            Filter::At(8),
            Filter::From(u64::MAX),
        ] {
            let page = Page { stream: 1 << 100, name: "s".into(), after: Some(3), filter, made_ms: 9 };
            let bytes = page.encode();
            assert_eq!(bytes.len(), 1 + 16 + 4 + 8 + 1 + 8 + 1);
            assert_eq!(Page::decode(&bytes), Some(page));
            for len in 0..bytes.len() - 1 {
                assert_eq!(Page::decode(&bytes[..len]), None, "cut at {len}");
            }
            assert_eq!(Page::decode(&[&[2], &bytes[1..]].concat()), None);
        }
        for (place, name) in FILTERS.iter().enumerate() {
            assert!(Filter::decode(u8::try_from(place).unwrap(), 0).is_some(), "{name}");
        }
    }
}
