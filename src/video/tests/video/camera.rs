//! A camera made by hand: a real initialisation segment, and chunks of tiny samples wherever a test wants them.

use crate::footage::{boxes, ffmpeg};
use bytes::{Bytes, BytesMut};
use media::fmp4::{Init, NewSample, NewTrack, Prft, PrftClock, write_dated_chunk};
use std::sync::OnceLock;

/// Ticks per second of every camera here.
const TIMESCALE: u64 = 12_800;

/// A camera of 10 frames per second with a key frame every second. Its media time is counted in frames.
pub(crate) struct Camera {
    pub(crate) init: Bytes,
    pub(crate) track_id: u32,
    /// Decoding time of frame zero in ticks.
    pub(crate) base: u64,
    /// Bytes of every frame.
    pub(crate) frame_bytes: usize,
}

fn real_init(size: &str) -> Bytes {
    let footage = ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &format!("testsrc2=size={size}:rate=25:duration=0.2"),
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-f",
        "mp4",
        "-movflags",
        "frag_keyframe+empty_moov+default_base_moof",
        "pipe:1",
    ]);
    let moov = boxes(&footage).into_iter().find(|(name, _)| name == "moov").unwrap().1;
    footage.slice(..moov.end)
}

impl Camera {
    pub(crate) fn new() -> Self {
        static INIT: OnceLock<Bytes> = OnceLock::new();
        Self::with(INIT.get_or_init(|| real_init("128x72")).clone())
    }

    /// The same with other pictures.
    pub(crate) fn other() -> Self {
        static INIT: OnceLock<Bytes> = OnceLock::new();
        Self::with(INIT.get_or_init(|| real_init("192x108")).clone())
    }

    fn with(init: Bytes) -> Self {
        let parsed = Init::parse(&init).unwrap();
        assert_eq!(u64::from(parsed.lead().timescale), TIMESCALE);
        Self { track_id: parsed.lead().id, init, base: 0, frame_bytes: 40 }
    }

    pub(crate) fn init(&self) -> Bytes {
        self.init.clone()
    }

    /// One chunk of the frames from `from` up to `to`.
    pub(crate) fn frames(&self, from: u64, to: u64) -> Bytes {
        self.chunk(from, (from..to).map(|frame| frame.is_multiple_of(10)))
    }

    /// One chunk of frames that are key frames or not, from frame `from` on.
    pub(crate) fn chunk(&self, from: u64, keys: impl Iterator<Item = bool>) -> Bytes {
        self.dated(from, keys, &[])
    }

    /// The same with producer times of these kinds, in milliseconds since the Unix epoch.
    pub(crate) fn dated(
        &self,
        from: u64,
        keys: impl Iterator<Item = bool>,
        dates: &[(PrftClock, u64)],
    ) -> Bytes {
        let samples = keys.enumerate().map(|(index, key)| self.sample(from + index as u64, key)).collect();
        let decode_time = self.base + from * TIMESCALE / 10;
        let track = NewTrack { track_id: self.track_id, decode_time, samples };
        let prft = |(clock, ms): &(PrftClock, u64)| {
            Prft::at(self.track_id, decode_time, i64::try_from(*ms).unwrap() * 1000, *clock)
        };
        let prfts: Vec<Prft> = dates.iter().map(prft).collect();
        write_dated_chunk(&prfts, u32::try_from(from).unwrap_or(0) + 1, &[track]).unwrap()
    }

    fn sample(&self, frame: u64, key: bool) -> NewSample {
        let mut nal = vec![0; self.frame_bytes];
        let len = u32::try_from(self.frame_bytes - 4).unwrap();
        nal[..4].copy_from_slice(&len.to_be_bytes());
        // Coded slice of an IDR picture, or of another one.
        nal[4] = if key { 0x65 } else { 0x41 };
        nal[5] = 0x88;
        nal[6..14].copy_from_slice(&frame.to_be_bytes());
        NewSample {
            data: nal.into(),
            duration: u32::try_from(TIMESCALE / 10).unwrap(),
            composition_offset: 0,
            sync: key,
        }
    }

    /// One-second chunks, each a fragment: seconds `from` up to `to`.
    pub(crate) fn seconds(&self, from: u64, to: u64) -> Vec<Bytes> {
        (from..to).map(|second| self.frames(second * 10, second * 10 + 10)).collect()
    }

    /// The initialisation segment and these seconds.
    pub(crate) fn upload(&self, from: u64, to: u64) -> Bytes {
        joined(&[vec![self.init()], self.seconds(from, to)].concat())
    }
}

pub(crate) fn joined(parts: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all.freeze()
}
