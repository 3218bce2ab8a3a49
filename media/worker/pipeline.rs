//! What the decoder's and the encoder's pipelines have in common: a source that is pushed into, elements in a row, and a
//! sink that is pulled from. No GLib main loop, no callbacks into our code but one that returns a constant.

use crate::deadline::Deadline;
use crate::failure::{Failure, Stopped};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use media::worker_protocol::ErrorCode;
use std::time::Duration;

/// How often a wait looks whether an element has failed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running pipeline; stopped when dropped.
pub(crate) struct Pipeline {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Pipeline {
    /// Puts `elements` in a row between a source of `caps` and a sink that holds at most `waiting_max` buffers, and starts it.
    pub(crate) fn start(
        caps: &gst::Caps,
        elements: &[gst::Element],
        waiting_max: u32,
    ) -> Result<Self, Failure> {
        let source = gst_app::AppSrc::builder()
            .caps(caps)
            .format(gst::Format::Time)
            .stream_type(gst_app::AppStreamType::Seekable)
            .max_bytes(0)
            .callbacks(gst_app::AppSrcCallbacks::builder().seek_data(|_, _| true).build())
            .build();
        // Not async: the pipeline need not wait for a first buffer to be "playing". Not sync: as fast as it goes.
        let sink = gst_app::AppSink::builder()
            .sync(false)
            .async_(false)
            .max_buffers(waiting_max)
            .drop(false)
            .build();
        let pipeline = gst::Pipeline::new();
        let mut row = vec![source.upcast_ref::<gst::Element>()];
        row.extend(elements);
        row.push(sink.upcast_ref());
        let started = pipeline
            .add_many(&row)
            .and_then(|()| gst::Element::link_many(&row))
            .map_err(|error| error.to_string())
            .and_then(|()| pipeline.set_state(gst::State::Playing).map_err(|error| error.to_string()));
        let running = Self { pipeline, source, sink };
        match started {
            Ok(_) => Ok(running),
            Err(error) => {
                let error = running.error().unwrap_or(error);
                Err(Failure::Refused(
                    ErrorCode::UnsupportedCodec,
                    format!("the codec does not start: {error}"),
                ))
            }
        }
    }

    /// Queues a buffer. The queue has no limit of its own: callers push what they hold anyway.
    pub(crate) fn push(&self, buffer: gst::Buffer) -> Result<(), Stopped> {
        self.source.push_buffer(buffer).map(|_| ()).map_err(|error| self.stopped(&error))
    }

    /// Says that nothing more comes, so that elements give up what they hold back.
    pub(crate) fn end(&self) -> Result<(), Stopped> {
        self.source.end_of_stream().map(|_| ()).map_err(|error| self.stopped(&error))
    }

    /// The next buffer that comes out; `None` at the end.
    pub(crate) fn pull(&self, deadline: &Deadline) -> Result<Option<gst::Sample>, Stopped> {
        loop {
            let left = deadline.left();
            let wait = gst::ClockTime::try_from(left.min(LOOK_EVERY)).unwrap_or(gst::ClockTime::ZERO);
            if let Some(sample) = self.sink.try_pull_sample(wait) {
                return Ok(Some(sample));
            }
            if let Some(error) = self.error() {
                return Err(Stopped::Error(error));
            }
            if self.sink.is_eos() {
                return Ok(None);
            }
            if left.is_zero() {
                return Err(Stopped::Timeout);
            }
        }
    }

    /// Throws away all that is inside, and makes the pipeline ready to be pushed into again, also after its end. Whether
    /// that worked; if not, a new one is needed.
    pub(crate) fn flush(&self) -> bool {
        let flushed = self.pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).is_ok();
        flushed && self.error().is_none()
    }

    /// The first error that an element has reported. Takes every message off the bus, which would keep them all otherwise.
    fn error(&self) -> Option<String> {
        let bus = self.pipeline.bus()?;
        let mut first = None;
        while let Some(message) = bus.pop() {
            if let (gst::MessageView::Error(error), None) = (message.view(), &first) {
                first = Some(match error.debug() {
                    Some(debug) => format!("{} ({debug})", error.error()),
                    None => error.error().to_string(),
                });
            }
        }
        first
    }

    fn stopped(&self, flow: &gst::FlowError) -> Stopped {
        Stopped::Error(self.error().unwrap_or_else(|| flow.to_string()))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // Waits for the streaming threads; after a timeout the process exits instead of coming here.
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            eprintln!("media-worker: a pipeline does not stop: {error}");
        }
    }
}
