//! Cutting chunks into shorter ones.

use super::chunk::Chunk;
use super::init::Init;
use crate::error::MediaError;

pub(crate) fn split(_init: &Init, chunk: Chunk, _duration_ms_max: u64) -> Result<Vec<Chunk>, MediaError> {
    Ok(vec![chunk])
}
