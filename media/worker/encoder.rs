//! Raw frames in, image files out: brought to the file's size and colours, and encoded. Kept warm like the decoder.

use crate::deadline::Deadline;
use crate::edges;
use crate::elements;
use crate::failure::{Failure, Stopped};
use crate::pipeline::Pipeline;
use crate::shape;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use media::worker_protocol::{ErrorCode, IMAGE_BYTES_MAX, ImageFormat, ImageSpec};

/// Makes images of one form from frames of one form.
pub(crate) struct Encoder {
    spec: ImageSpec,
    from: gst_video::VideoInfo,
    to: gst_video::VideoInfo,
    shaper: Pipeline,
    encoder: Pipeline,
}

/// An encoded image.
pub(crate) struct Image {
    pub(crate) bytes: Bytes,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Why there is no image.
pub(crate) enum NoImage {
    /// The whole request cannot be served.
    Failed(Failure),
    /// This frame cannot be encoded.
    Stopped(Stopped),
}

impl Encoder {
    /// An encoder for frames like `raw`.
    pub(crate) fn new(raw: &gst::Sample, spec: ImageSpec) -> Result<Self, Failure> {
        let from = shape::of(raw)?;
        let to = shape::target(&from, &spec)?;
        let shaper = Pipeline::start(&shape::caps(&from)?, &shape::steps(&from, &to)?, 1)?;
        let encoder = match spec.format {
            ImageFormat::Jpeg { quality } => {
                let encoder = elements::make(elements::JPEG)?;
                encoder.set_property("quality", i32::from(quality));
                encoder.set_property_from_str("idct-method", "islow");
                encoder
            }
            ImageFormat::Png => {
                let encoder = elements::make(elements::PNG)?;
                encoder.set_property("compression-level", 1u32);
                encoder
            }
        };
        let encoder = Pipeline::start(&shape::caps(&to)?, &[encoder], 1)?;
        Ok(Self { spec, from, to, shaper, encoder })
    }

    /// Whether it is for frames like `raw` and images of that form.
    pub(crate) fn fits(&self, raw: &gst::Sample, spec: ImageSpec) -> bool {
        self.spec == spec && shape::of(raw).is_ok_and(|from| from == self.from)
    }

    /// Encodes a frame.
    pub(crate) fn encode(&self, raw: &gst::Sample, deadline: &Deadline) -> Result<Image, NoImage> {
        let no_image = |reason: &str| NoImage::Stopped(Stopped::Error(reason.to_owned()));
        let pixels = raw.buffer_owned().ok_or_else(|| no_image("a frame without pixels"))?;
        let mut shaped = through(&self.shaper, pixels, deadline)?;
        if self.spec.format != ImageFormat::Png {
            shaped =
                edges::extended(shaped, &self.to).ok_or_else(|| no_image("a picture that cannot be read"))?;
        }
        let image = through(&self.encoder, shaped, deadline)?;
        if image.size() > IMAGE_BYTES_MAX {
            let detail = format!("an image of {} bytes; the limit is {IMAGE_BYTES_MAX}", image.size());
            return Err(NoImage::Failed(Failure::Refused(ErrorCode::TooLarge, detail)));
        }
        let mapped =
            image.into_mapped_buffer_readable().map_err(|_| no_image("an image that cannot be read"))?;
        Ok(Image { bytes: Bytes::from_owner(mapped), width: self.to.width(), height: self.to.height() })
    }
}

/// Puts a buffer into a pipeline and takes out what becomes of it.
fn through(pipeline: &Pipeline, buffer: gst::Buffer, deadline: &Deadline) -> Result<gst::Buffer, NoImage> {
    pipeline.push(buffer).map_err(NoImage::Stopped)?;
    let sample = pipeline.pull(deadline).map_err(NoImage::Stopped)?;
    let nothing = || NoImage::Stopped(Stopped::Error("nothing came out of the encoder".to_owned()));
    sample.and_then(|sample| sample.buffer_owned()).ok_or_else(nothing)
}
