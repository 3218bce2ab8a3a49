//! A decoder, kept warm: coded pictures in, raw frames out.
//!
//! A run of pictures is pushed, followed by the end of the stream, which makes the decoder give up every frame it holds
//! back; a flushing seek then makes the same elements ready for the next run.

use crate::deadline::Deadline;
use crate::elements;
use crate::failure::{Failure, Stopped};
use crate::footage::Footage;
use crate::h264::Renumber;
use crate::pipeline::Pipeline;
use crate::plan::{Plan, Run};
use gstreamer as gst;
use media::fmp4::Key;

/// Pictures are dated by their place in the order of presentation, this far apart: so what the container says (duplicate
/// times, epochs, jumps) never reaches a codec, and a frame's place is read back exactly.
const STEP: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// Raw frames that may wait to be taken; each can be tens of megabytes.
const WAITING_MAX: u32 = 2;

/// Decodes one kind of coded pictures.
pub(crate) struct Decoder {
    caps: gst::Caps,
    description: String,
    pipeline: Pipeline,
}

/// A raw frame.
pub(crate) struct Raw {
    /// Its place in the order of presentation; `None` if the decoder gave it a time of its own.
    pub(crate) rank: Option<usize>,
    /// Pixels and their description.
    pub(crate) sample: gst::Sample,
    /// The decoder says that parts are guessed.
    pub(crate) damaged: bool,
}

impl Decoder {
    /// Starts a decoder for this kind of footage.
    pub(crate) fn new(footage: &Footage) -> Result<Self, Failure> {
        let caps = footage.caps();
        let (parser, decoder) = elements::parser_and_decoder(footage.track.codec)?;
        let description = elements::describe(&decoder);
        let pipeline = Pipeline::start(&caps, &[parser, decoder], WAITING_MAX)?;
        Ok(Self { caps, description, pipeline })
    }

    /// Whether it is for this kind of footage, decoder configuration included.
    pub(crate) fn fits(&self, footage: &Footage) -> bool {
        self.caps == footage.caps()
    }

    /// The decoder's name and version.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// Pushes a run, whole: the queue holds references into the request, not copies.
    pub(crate) fn push(&self, footage: &Footage, plan: &Plan, run: &Run) -> Result<(), Stopped> {
        let mut renumber = Renumber::new(&footage.track, &footage.units[*run.units.start()]);
        for place in run.units.clone() {
            let unit = &footage.units[place];
            if unit.key == Key::Clean {
                renumber = None;
            }
            let data =
                renumber.as_ref().map_or_else(|| unit.data.clone(), |renumber| renumber.apply(&unit.data));
            let mut buffer = gst::Buffer::from_slice(data);
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(STEP * (plan.ranks[place] + plan.delay) as u64);
                buffer.set_dts(STEP * place as u64);
                buffer.set_duration(STEP);
                if !unit.key.is_key() {
                    buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
                }
            }
            self.pipeline.push(buffer)?;
        }
        self.pipeline.end()
    }

    /// The next frame of the run that was pushed; `None` after the last.
    pub(crate) fn pull(&self, plan: &Plan, deadline: &Deadline) -> Result<Option<Raw>, Stopped> {
        let Some(sample) = self.pipeline.pull(deadline)? else { return Ok(None) };
        let buffer = sample.buffer();
        let place =
            buffer.and_then(gst::BufferRef::pts).map(|pts| (pts / STEP.nseconds()).nseconds() as usize);
        let rank = place.and_then(|place| place.checked_sub(plan.delay));
        let damaged = buffer.is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::CORRUPTED));
        Ok(Some(Raw { rank, sample, damaged }))
    }

    /// Makes it ready for another run; `false` if it has to be replaced.
    pub(crate) fn flush(&self) -> bool {
        self.pipeline.flush()
    }
}
