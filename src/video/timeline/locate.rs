//! Finding a time in the log without reading all of it.

use super::records::{head_at, read_heads};
use crate::clock::Clock;
use crate::error::ReadError;
use crate::head::{Flags, Head};
use shardlog::{Arrival, Seq};
use streams::Shard;

/// The first record from `first` on, and before `next`, that does not lie before `at_us`; `next` if there is none.
pub(super) async fn seek(
    shard: &Shard,
    first: Seq,
    next: Seq,
    clock: Clock,
    at_us: u64,
) -> Result<Seq, ReadError> {
    if clock == Clock::Server {
        return Ok(shard.seek(Arrival(at_us.div_ceil(1000))).await?.clamp(first, next));
    }
    let (mut low, mut high) = (first, next);
    while low < high {
        let middle = Seq(low.0 + (high.0 - low.0) / 2);
        // Initialisation segments have no time of their own: the record after them speaks for them.
        let (at, producer_us) = dated(shard, middle, high).await?;
        if producer_us.is_some_and(|producer_us| producer_us < at_us) {
            low = at.plus(1);
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The first record from `from` on that has a producer time.
async fn dated(shard: &Shard, from: Seq, upto: Seq) -> Result<(Seq, Option<u64>), ReadError> {
    let mut seq = from;
    while seq < upto {
        if let Some(position) = head_at(shard, seq).await?.head.position() {
            return Ok((seq, Some(position.producer_us)));
        }
        seq = seq.plus(1);
    }
    Ok((upto, None))
}

/// The first record from `from` on that begins a fragment; `upto` if there is none before it.
pub(super) async fn fragment_start(shard: &Shard, from: Seq, upto: Seq) -> Result<Seq, ReadError> {
    let mut next = from;
    while next < upto {
        for read in read_heads(shard, next, upto).await? {
            if matches!(&read.head, Head::Chunk(head) if head.flags.has(Flags::STARTS_FRAGMENT)) {
                return Ok(read.seq);
            }
            next = read.seq.plus(1);
        }
    }
    Ok(upto)
}
