//! Bodies of chunks, in order.

use crate::config::BYTES_PER_READ;
use crate::error::ReadError;
use crate::timeline::{Fragment, Read};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use shardlog::{Parts, ReadLimit, Seq};
use streams::Shard;

/// Bytes as they are read. After an error nothing more comes.
pub type BodyStream = BoxStream<'static, Result<Bytes, ReadError>>;

/// Chunks fetched by one read.
const CHUNKS_PER_READ: usize = 64;

/// A chunk, whole.
#[derive(Debug)]
pub(crate) struct ChunkBody {
    /// Its head.
    pub(crate) read: Read,
    /// `moof` and `mdat`.
    pub(crate) body: Bytes,
}

/// Where the reading of a fragment stands.
struct Cursor {
    shard: Shard,
    next: Seq,
    /// Chunks that are still to come.
    left: u32,
    page: std::vec::IntoIter<ChunkBody>,
}

/// The chunks of a fragment. Holds about 4 MiB, or one chunk if that is larger.
pub(crate) fn chunk_bodies(
    shard: Shard,
    fragment: &Fragment,
) -> BoxStream<'static, Result<ChunkBody, ReadError>> {
    let cursor = Cursor { shard, next: fragment.seq, left: fragment.chunks, page: Vec::new().into_iter() };
    stream::try_unfold(cursor, |mut cursor| async move {
        loop {
            if let Some(chunk) = cursor.page.next() {
                return Ok(Some((chunk, cursor)));
            }
            if cursor.left == 0 {
                return Ok(None);
            }
            cursor.page = cursor.fetch().await?.into_iter();
        }
    })
    .boxed()
}

impl Cursor {
    async fn fetch(&mut self) -> Result<Vec<ChunkBody>, ReadError> {
        let limit = ReadLimit { records: CHUNKS_PER_READ.min(self.left as usize), bytes: BYTES_PER_READ };
        let records = self.shard.read(self.next, limit, Parts::Whole).await.map_err(expired)?;
        if records.is_empty() {
            return Err(ReadError::damaged(self.next, "a further chunk of the fragment was expected"));
        }
        let mut chunks = Vec::with_capacity(records.len());
        for mut record in records {
            self.next = record.seq.plus(1);
            let body = record.body.take().unwrap_or_default();
            let read = Read::of(&record)?;
            // An initialisation segment that retention has stated again may stand between.
            if matches!(read.head, crate::head::Head::Chunk(_)) && self.left > 0 {
                self.left -= 1;
                chunks.push(ChunkBody { read, body });
            }
        }
        Ok(chunks)
    }
}

/// What has been trimmed since it was found has expired.
pub(crate) fn expired(error: streams::ReadError) -> ReadError {
    match error {
        streams::ReadError::Trimmed { .. } => ReadError::Expired,
        error => ReadError::Log(error),
    }
}
