//! A multivariant playlist.

/// One rendition of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist, relative to this one.
    pub uri: String,
    /// Peak bits per second.
    pub bandwidth_bps: u64,
    /// Average bits per second.
    pub average_bandwidth_bps: Option<u64>,
    /// RFC 6381 names of every format in it, comma-separated.
    pub codecs: String,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second, times 1000.
    pub frame_rate_millis: Option<u32>,
}

/// A multivariant playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// Best first.
    pub variants: Vec<Variant>,
}

impl MultivariantPlaylist {
    /// The playlist's text.
    pub fn to_text(&self) -> String {
        String::new()
    }

    /// The rules that the playlist breaks, one sentence each; empty when it is right.
    pub fn violations(&self) -> Vec<String> {
        Vec::new()
    }
}
