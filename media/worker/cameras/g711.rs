//! G.711 in FLAC: not yet.

use super::failure::GaveUp;
use super::track::Taken;
use media::rtp::RtpTrack;
use media::worker_protocol::camera::CameraFailure;

pub(crate) struct Wrapper;

impl Wrapper {
    pub(crate) fn start(_track: &RtpTrack) -> Result<Self, GaveUp> {
        Err(GaveUp::new(CameraFailure::Unsupported, "G.711"))
    }

    pub(crate) fn push(
        &mut self,
        _ticks: u64,
        _samples: &[u8],
        _take: impl FnMut(Taken),
    ) -> Result<(), GaveUp> {
        Ok(())
    }

    pub(crate) fn end(&mut self, _take: impl FnMut(Taken)) -> Result<(), GaveUp> {
        Ok(())
    }

    pub(crate) fn complaint(&self) -> Option<String> {
        None
    }
}
