//! Footage taken apart: the coded pictures of the first video track, in decoding order.

use crate::failure::Failure;
use bytes::Bytes;
use media::MediaError;
use media::fmp4::{Codec, Init, Key, Piece, ScanLimits, Scanner, Track};
use media::worker_protocol::{CHUNKS_BYTES_MAX, ErrorCode, INIT_BYTES_MAX};
use std::sync::Arc;

/// Most pictures in one request: ten minutes at 60 frames per second, and some.
const UNITS_MAX: usize = 40_000;

/// One coded picture (access unit).
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// Its bytes as the container has them.
    pub(crate) data: Bytes,
    /// Presentation time in the track's timescale.
    pub(crate) pts: i64,
    /// Whether decoding can start here.
    pub(crate) key: Key,
}

/// A video track and its coded pictures.
pub(crate) struct Footage {
    pub(crate) track: Track,
    /// In decoding order; never empty.
    pub(crate) units: Vec<Unit>,
}

impl Footage {
    /// Takes an init segment and its chunks apart. The parsers are pure Rust; nothing here reaches a codec.
    pub(crate) fn read(init: &Bytes, chunks: &Bytes) -> Result<Self, Failure> {
        let init = Arc::new(Init::parse(init).map_err(|error| refused(&error))?);
        let Some(track) = init.video().cloned() else {
            return Err(Failure::Refused(ErrorCode::BadInput, "there is no video track".into()));
        };
        let limits = ScanLimits {
            small_box_bytes_max: INIT_BYTES_MAX as u64,
            mdat_bytes_max: CHUNKS_BYTES_MAX as u64,
        };
        let mut scanner = Scanner::resume(limits, init);
        scanner.push(chunks.clone());
        let mut units = Vec::new();
        while let Some(piece) = scanner.next().map_err(|error| refused(&error))? {
            let Piece::Chunk(chunk) = piece else {
                return Err(Failure::Refused(ErrorCode::BadInput, "an init segment among the chunks".into()));
            };
            let samples = chunk.info.track(track.id).map_or(&[][..], |found| &found.samples);
            if units.len() + samples.len() > UNITS_MAX {
                let detail = format!("more than {UNITS_MAX} pictures in one request");
                return Err(Failure::Refused(ErrorCode::BadInput, detail));
            }
            units.extend(samples.iter().map(|sample| Unit {
                data: chunk.sample(sample),
                pts: sample.pts,
                key: sample.key,
            }));
        }
        scanner.finish().map_err(|error| refused(&error))?;
        if units.is_empty() {
            return Err(Failure::Refused(ErrorCode::BadInput, "the chunks hold no picture".into()));
        }
        Ok(Self { track, units })
    }

    /// The GStreamer caps of the coded pictures.
    pub(crate) fn caps(&self) -> gstreamer::Caps {
        let track = &self.track;
        let (media_type, stream_format, alignment) = match (track.codec, track.parameter_sets_in_band) {
            (Codec::H265, false) => ("video/x-h265", "hvc1", "au"),
            (Codec::H265, true) => ("video/x-h265", "hev1", "au"),
            (Codec::Av1, _) => ("video/x-av1", "obu-stream", "tu"),
            (_, false) => ("video/x-h264", "avc", "au"),
            (_, true) => ("video/x-h264", "avc3", "au"),
        };
        let mut caps = gstreamer::Caps::builder(media_type)
            .field("stream-format", stream_format)
            .field("alignment", alignment)
            .field("codec_data", gstreamer::Buffer::from_slice(track.extradata.clone()));
        if let (Ok(width @ 1..), Ok(height @ 1..)) = (i32::try_from(track.width), i32::try_from(track.height))
        {
            caps = caps.field("width", width).field("height", height);
        }
        caps.build()
    }
}

fn refused(error: &MediaError) -> Failure {
    Failure::Refused(ErrorCode::BadInput, error.to_string())
}
