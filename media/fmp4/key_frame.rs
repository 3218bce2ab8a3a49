//! Where decoding can start.

/// Whether decoding can start at a sample, and how cleanly.
///
/// The sample flags alone are not believed: ffmpeg flags the recovery points of open GOPs and of intra refresh as sync
/// samples, other muxers flag only IDR pictures, and some cameras flag everything. For H.264 and H.265 the NAL units
/// decide; for AV1 and audio the flags do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// Not a place to start.
    #[default]
    No,
    /// Start here and every picture from here on is right (IDR, BLA, AV1 key frame, any audio sample).
    Clean,
    /// Start here and every picture from this one's presentation time on is right, but pictures that follow it in decoding
    /// order and precede it in presentation (leading pictures of an open GOP: CRA, recovery point of zero frames) need
    /// the previous GOP.
    Open,
    /// Start here and pictures become right after this many further ones (intra refresh). To show this picture itself
    /// exactly, start at the previous key.
    Gradual {
        /// Pictures, in decoding order, until recovery.
        frames: u32,
    },
}

impl Key {
    /// Whether decoding can start here at all.
    pub fn is_key(self) -> bool {
        self != Self::No
    }
}
