//! Why media was refused.

use std::fmt;

/// A four-character box name, shown with anything unprintable replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BoxName(pub [u8; 4]);

impl fmt::Display for BoxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            let shown = if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '?' };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for BoxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// Why media was refused. The text of each is for people; [`MediaError::code`] is for programs and never changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The input does not start, or does not go on, as a sequence of MP4 boxes.
    #[error("not an mp4 stream: {0}")]
    NotMp4(&'static str),
    /// A progressive (ordinary) MP4 file.
    #[error("the mp4 is not fragmented: {0}")]
    NotFragmented(&'static str),
    /// Common Encryption or anything like it: nobody here could decode the samples.
    #[error("track {track_id} is encrypted ({scheme})")]
    Encrypted {
        /// The track that is encrypted.
        track_id: u32,
        /// Protection scheme or sample entry, such as `cbcs`.
        scheme: BoxName,
    },
    /// Nothing at all was sent.
    #[error("no media was sent")]
    NoMedia,
    /// The input ended before the initialisation segment was complete.
    #[error("the input ended inside the initialisation segment")]
    TruncatedInit,
    /// The input ended inside a chunk; what came before it is whole.
    #[error("the input ended inside a chunk")]
    TruncatedChunk,
    /// A fragment came before any initialisation segment was known.
    #[error("a fragment came before any initialisation segment")]
    NoInit,
    /// A box says that it is larger than this server takes.
    #[error("box {name} of {size} bytes is larger than the {limit} bytes taken here")]
    BoxTooLarge {
        /// Which box.
        name: BoxName,
        /// Its declared size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A box whose size or contents cannot be right.
    #[error("bad {name} box: {reason}")]
    BadBox {
        /// Which box.
        name: BoxName,
        /// What is wrong with it.
        reason: String,
    },
    /// The initialisation segment has no video or audio track.
    #[error("no video or audio track")]
    NoTracks,
    /// A video or audio track in a codec that is not taken.
    #[error("track {track_id} has sample entry {entry}, which is not supported")]
    UnsupportedCodec {
        /// The track.
        track_id: u32,
        /// Its sample entry.
        entry: BoxName,
    },
    /// A fragment that does not fit its initialisation segment or its own media data.
    #[error("bad fragment: {0}")]
    BadChunk(String),
    /// A number that no real media has.
    #[error("{what} is {value}; at most {limit} is taken")]
    Absurd {
        /// What was counted or measured.
        what: &'static str,
        /// What the input says.
        value: u64,
        /// The limit.
        limit: u64,
    },
}

impl MediaError {
    /// Stable name of the case, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotMp4(_) => "NOT_MP4",
            Self::NotFragmented(_) => "NOT_FRAGMENTED",
            Self::Encrypted { .. } => "ENCRYPTED_MEDIA",
            Self::NoMedia => "NO_MEDIA",
            Self::TruncatedInit => "TRUNCATED_INIT",
            Self::TruncatedChunk => "TRUNCATED_CHUNK",
            Self::NoInit => "NO_INIT",
            Self::BoxTooLarge { .. } => "BOX_TOO_LARGE",
            Self::BadBox { .. } => "BAD_BOX",
            Self::NoTracks => "NO_TRACKS",
            Self::UnsupportedCodec { .. } => "UNSUPPORTED_CODEC",
            Self::BadChunk(_) => "BAD_CHUNK",
            Self::Absurd { .. } => "LIMIT_EXCEEDED",
        }
    }

    /// What the sender can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotMp4(_) => {
                "send fragmented MP4, for example: ffmpeg … -f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof"
            }
            Self::NotFragmented(_) => "-movflags +frag_keyframe+empty_moov+default_base_moof",
            Self::Encrypted { .. } => "send the media unencrypted over TLS; it is encrypted at rest here",
            Self::NoMedia => "send an initialisation segment (ftyp, moov) and fragments (moof, mdat)",
            Self::TruncatedInit => "send the whole initialisation segment (ftyp, moov) first",
            Self::TruncatedChunk => "everything before the cut was kept; send the last fragment again",
            Self::NoInit => "send the initialisation segment (ftyp, moov) once before the first fragment",
            Self::BoxTooLarge { .. } => {
                "send shorter fragments, for example: ffmpeg … -frag_duration 1000000"
            }
            Self::BadBox { .. } | Self::BadChunk(_) => {
                "the sender's muxer writes something this server cannot place; re-mux with ffmpeg -c copy"
            }
            Self::NoTracks => "map a video or an audio stream",
            Self::UnsupportedCodec { .. } => {
                "video: H.264, H.265 or AV1; audio: AAC, Opus or FLAC (ffmpeg … -c:v libx264 -c:a aac)"
            }
            Self::Absurd { .. } => "send shorter fragments",
        }
    }
}
