//! Cuts an endless byte stream into initialisation segments and chunks.

use super::chunk::Chunk;
use super::init::Init;
use crate::error::MediaError;
use bytes::Bytes;
use std::sync::Arc;

/// Bounds of what a [`Scanner`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// Largest `moov`, `moof` and other small box in bytes.
    pub small_box_bytes_max: u64,
    /// Most media data of one chunk in bytes.
    pub mdat_bytes_max: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { small_box_bytes_max: 1 << 20, mdat_bytes_max: 32 << 20 }
    }
}

/// What comes out of a [`Scanner`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An initialisation segment. Later chunks belong to it.
    Init(Arc<Init>),
    /// A chunk in the canonical form.
    Chunk(Chunk),
}

/// Cuts an endless byte stream into initialisation segments and chunks. Holds at most one chunk beyond the bytes that were
/// pushed and not yet looked at. How the input is split over pushes makes no difference to what comes out.
///
/// ```text
/// loop { scanner.push(bytes); while let Some(piece) = scanner.next()? { … } }  scanner.finish()?
/// ```
#[derive(Debug)]
pub struct Scanner {
    limits: ScanLimits,
    init: Option<Arc<Init>>,
}

impl Scanner {
    /// A scanner at the start of a stream.
    pub fn new(limits: ScanLimits) -> Self {
        Self { limits, init: None }
    }

    /// A scanner for an upload that may start with a fragment and then goes on with an earlier initialisation segment (one
    /// request per fragment).
    pub fn resume(limits: ScanLimits, init: Arc<Init>) -> Self {
        Self { limits, init: Some(init) }
    }

    /// Hands over more input. Call [`Scanner::next`] until it gives `None` before pushing again.
    pub fn push(&mut self, bytes: Bytes) {
        let _ = (bytes, self.limits);
    }

    /// The next piece; `None` when more input is needed. After an error, the pieces given before it stand and the stream is
    /// over: the same error comes again.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Piece>, MediaError> {
        Ok(None)
    }

    /// The initialisation segment that chunks now belong to.
    pub fn init(&self) -> Option<&Arc<Init>> {
        self.init.as_ref()
    }

    /// To be called when the input is over and [`Scanner::next`] gave `None`: whether it ended between chunks.
    pub fn finish(&self) -> Result<(), MediaError> {
        Ok(())
    }
}
