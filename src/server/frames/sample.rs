//! One sample of an archive: its key, and what its JSON says.

use jiff::Timestamp;
use media::worker_protocol::Frame;
use serde::Serialize;
use video::{FramePlan, WantedFrame};

/// `{stream}/{yyyymmdd}T{hhmmss}_{ffffff}Z`, by the camera's clock. Readers split names at the first dot, so there is none
/// in a key: those of the stream's name become underscores.
pub(super) fn key(stream: &str, producer_us: u64) -> String {
    let time = i64::try_from(producer_us)
        .ok()
        .and_then(|us| Timestamp::from_microsecond(us).ok())
        .unwrap_or_default();
    format!("{}/{}_{:06}Z", stream.replace('.', "_"), time.strftime("%Y%m%dT%H%M%S"), producer_us % 1_000_000)
}

/// What stands beside a picture. Times are integers; the field names are the dataset's interface.
#[derive(Serialize)]
pub(super) struct Sample<'a> {
    stream: &'a str,
    key: &'a str,
    /// By the camera's clock, microseconds since the Unix epoch.
    ts_producer_us: u64,
    ts_server_us: u64,
    requested_ts_us: u64,
    pts: i64,
    /// Seconds in a tick of `pts`, as a fraction.
    timebase: String,
    fragment_number: String,
    frame_index: u32,
    is_keyframe: bool,
    /// Of the picture in the archive.
    width: u32,
    height: u32,
    codec: &'a str,
    /// Degrees clockwise by which the picture is to be turned; it has not been.
    rotation: u16,
    /// The decoder says that parts of the picture are guessed.
    damaged: bool,
}

impl<'a> Sample<'a> {
    /// Describes a picture.
    pub(super) fn new(
        stream: &'a str,
        key: &'a str,
        plan: &'a FramePlan,
        wanted: &WantedFrame,
        frame: &Frame,
    ) -> Self {
        Self {
            stream,
            key,
            ts_producer_us: wanted.producer_us,
            ts_server_us: wanted.server_us,
            requested_ts_us: wanted.requested_us,
            pts: wanted.pts,
            timebase: format!("1/{}", plan.timescale),
            fragment_number: wanted.fragment_number.to_string(),
            frame_index: wanted.frame_index,
            is_keyframe: wanted.key_frame,
            width: frame.width,
            height: frame.height,
            codec: &plan.codec,
            rotation: plan.rotation,
            damaged: frame.damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_no_dot_and_sort_by_time() {
        assert_eq!(key("cam-7", 1_769_860_800_600_000), "cam-7/20260131T120000_600000Z");
        assert_eq!(key("site.cam", 1_769_860_800_000_001), "site_cam/20260131T120000_000001Z");
        assert!(key("c", 999_999) < key("c", 1_000_000));
    }
}
