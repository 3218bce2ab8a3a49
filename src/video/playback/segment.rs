//! A fragment as a segment of a playlist.

use super::body::{BodyStream, chunk_bodies};
use crate::error::ReadError;
use crate::recording::Recording;
use futures_util::{StreamExt, TryStreamExt};
use shardlog::Seq;

/// A segment: the chunks of one complete fragment. Its bytes never change.
pub struct Segment {
    /// How many bytes.
    pub len: u64,
    /// Strong, without quotes.
    pub etag: String,
    /// The bytes.
    pub body: BodyStream,
}

/// The complete fragment with this number.
pub(crate) async fn segment(recording: &Recording, number: u64) -> Result<Segment, ReadError> {
    let first = recording.timeline.tail()?.first;
    if number < first.0 {
        return Err(ReadError::Expired);
    }
    let complete_before = recording.complete_before(&recording.timeline.end().await?);
    let fragment = match recording.timeline.by_number(Seq(number)).await {
        Ok(found) => found.ok_or(ReadError::NoFragment { number })?,
        Err(error) if error.is_trimmed() => return Err(ReadError::Expired),
        Err(error) => return Err(error),
    };
    if fragment.seq >= complete_before {
        return Err(ReadError::Unfinished { number });
    }
    Ok(Segment {
        len: fragment.bytes,
        etag: format!("{:032x}-{number}", recording.id),
        body: chunk_bodies(recording.shard.clone(), &fragment).map_ok(|chunk| chunk.body).boxed(),
    })
}
