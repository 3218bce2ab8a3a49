//! Cameras that send RTP: their packets go through a `media-worker` process, and what it makes of them into a stream.
//!
//! ```text
//! RTSP push, RTSP pull ─► Recorder ─► packets ─► media-worker ─► fragmented MP4 ─► video::IngestSession
//! (network, in here)      a socket for each camera           ◄── the scanner checks what the worker says
//! ```

mod error;
mod recorder;

pub use error::RecordError;
pub use recorder::{Recorder, RtpStatus};

use media::worker_protocol::camera::Open;
use std::sync::Arc;
use video::Video;

/// Who sends, and what may be done for it.
#[derive(Clone, Debug, Default)]
pub struct RecordOptions {
    /// Who is sending, for people: an address or a name.
    pub peer: String,
    /// Whether a stream that is not there is made.
    pub auto_create: bool,
}

/// Takes in what cameras send over RTP. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Cameras {
    inner: Arc<Inner>,
}

struct Inner {
    #[expect(dead_code, reason = "recordings need it")]
    video: Video,
}

impl Cameras {
    /// Starts nothing yet: worker processes come up with the first camera.
    pub fn new(video: Video) -> Self {
        Self { inner: Arc::new(Inner { video }) }
    }

    /// Begins to record a camera into `stream`, which is its alone from now on. What the packets carry is said in
    /// `open`; they follow with [`Recorder::packets`].
    pub async fn record(
        &self,
        stream: &str,
        open: Open,
        options: RecordOptions,
    ) -> Result<Recorder, RecordError> {
        let _ = (&self.inner, stream, open, options);
        Err(RecordError::NoWorker("recording over RTP is not there yet".to_owned()))
    }

    /// How the camera that sends to `stream` over RTP is doing; `None` when none does.
    pub fn status(&self, stream: &str) -> Option<RtpStatus> {
        let _ = stream;
        None
    }
}
