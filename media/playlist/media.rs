//! A media playlist.

/// Whether and how a playlist can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// Never changes.
    Vod,
    /// Only grows at its end.
    Event,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is, relative to the playlist.
    pub uri: String,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// The Unix time in milliseconds of its start.
    pub program_date_time_ms: i64,
    /// Whether something changes before it: timestamps, codec, size, tracks.
    pub discontinuity: bool,
    /// Whether its media is missing (`EXT-X-GAP`).
    pub gap: bool,
    /// Its initialisation segment, relative to the playlist.
    pub map_uri: String,
}

/// A media playlist of fragmented MP4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// In seconds. Must never change during the playlist's life.
    pub target_duration_s: u64,
    /// Number of the first segment.
    pub media_sequence: u64,
    /// Discontinuities that slid out before the first segment.
    pub discontinuity_sequence: u64,
    /// `None` for a live playlist.
    pub playlist_type: Option<PlaylistType>,
    /// Oldest first.
    pub segments: Vec<Segment>,
    /// Whether no more segments will come.
    pub ended: bool,
}

impl MediaPlaylist {
    /// The playlist's text.
    pub fn to_text(&self) -> String {
        String::new()
    }

    /// The rules that the playlist breaks, one sentence each; empty when it is right.
    pub fn violations(&self) -> Vec<String> {
        Vec::new()
    }
}
