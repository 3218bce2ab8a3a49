//! Raw frames in, image files out: scaled, converted to the file's colours, encoded. Kept warm like the decoder.

use crate::deadline::Deadline;
use crate::elements;
use crate::failure::{Failure, Stopped};
use crate::pipeline::Pipeline;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use media::worker_protocol::{ErrorCode, IMAGE_BYTES_MAX, ImageFormat, ImageSpec, SIDE_MAX};

/// Makes images of one form from frames of one form.
pub(crate) struct Encoder {
    from: gst::Caps,
    spec: ImageSpec,
    width: u32,
    height: u32,
    pipeline: Pipeline,
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
        let (from, info) = described(raw)?;
        let (width, height) = sides(info.width(), info.height(), &spec)?;
        let mut row = scaled(width, height)?;
        row.extend(converted(&info, spec.format)?);
        row.push(match spec.format {
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
        });
        let pipeline = Pipeline::start(&from, &row, 1)?;
        Ok(Self { from, spec, width, height, pipeline })
    }

    /// Whether it is for frames like `raw` and images of that form.
    pub(crate) fn fits(&self, raw: &gst::Sample, spec: ImageSpec) -> bool {
        self.spec == spec && described(raw).is_ok_and(|(from, _)| from == self.from)
    }

    /// Encodes a frame.
    pub(crate) fn encode(&self, raw: &gst::Sample, deadline: &Deadline) -> Result<Image, NoImage> {
        let no_image = |reason: &str| NoImage::Stopped(Stopped::Error(reason.to_owned()));
        let buffer = raw.buffer_owned().ok_or_else(|| no_image("a frame without pixels"))?;
        self.pipeline.push(buffer).map_err(NoImage::Stopped)?;
        let encoded = self.pipeline.pull(deadline).map_err(NoImage::Stopped)?;
        let buffer = encoded.and_then(|sample| sample.buffer_owned()).ok_or_else(|| no_image("no image came out"))?;
        if buffer.size() > IMAGE_BYTES_MAX {
            let detail = format!("an image of {} bytes; the limit is {IMAGE_BYTES_MAX}", buffer.size());
            return Err(NoImage::Failed(Failure::Refused(ErrorCode::TooLarge, detail)));
        }
        let mapped = buffer.into_mapped_buffer_readable().map_err(|_| no_image("the image cannot be read"))?;
        Ok(Image { bytes: Bytes::from_owner(mapped), width: self.width, height: self.height })
    }
}

/// A frame's form, and caps that say nothing but that: neither rate nor sample aspect ratio nor fields may change what is
/// made of its pixels.
fn described(raw: &gst::Sample) -> Result<(gst::Caps, gst_video::VideoInfo), Failure> {
    let bad = |what: String| Failure::Refused(ErrorCode::UnsupportedCodec, what);
    let caps = raw.caps().ok_or_else(|| bad("a frame without a description".into()))?;
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|error| bad(format!("{error}: {caps}")))?;
    let plain = gst_video::VideoInfo::builder(info.format(), info.width(), info.height())
        .colorimetry(&info.colorimetry())
        .chroma_site(info.chroma_site())
        .build()
        .map_err(|error| bad(format!("{error}: {caps}")))?;
    let from = plain.to_caps().map_err(|error| bad(format!("{error}: {caps}")))?;
    Ok((from, plain))
}

/// Elements that bring a picture to its size, before anything else: so the rest has less to do.
fn scaled(width: u32, height: u32) -> Result<Vec<gst::Element>, Failure> {
    let scale = elements::make(elements::SCALE)?;
    scale.set_property("add-borders", false);
    // Averages over all source pixels that a target pixel covers; the default looks at four and aliases.
    scale.set_property_from_str("method", "bilinear2");
    let size = gst::Caps::builder("video/x-raw").field("width", width as i32).field("height", height as i32);
    Ok(vec![scale, elements::filter(&size.field("pixel-aspect-ratio", gst::Fraction::new(1, 1)).build())?])
}

/// Elements that bring a picture to the colours of the file format.
fn converted(info: &gst_video::VideoInfo, format: ImageFormat) -> Result<Vec<gst::Element>, Failure> {
    let raw = || gst::Caps::builder("video/x-raw");
    let colours = info.colorimetry();
    let same_matrix = colours.matrix() == gst_video::VideoColorMatrix::Bt601;
    let mut steps = Vec::new();
    if format == ImageFormat::Png {
        steps.push(raw().field("format", if info.is_gray() { "GRAY8" } else { "RGB" }).build());
    } else {
        if same_matrix && colours.range() != gst_video::VideoColorRange::Range0_255 {
            // Between pictures of one matrix the converter copies, whatever their ranges. A step by RGB makes it compute.
            steps.push(raw().field("format", "BGRx").build());
        }
        // JFIF knows one kind of colours, full-range BT.601 ("1:4:0:0"); readers take any JPEG for that.
        let formats = gst::List::new(["I420", "Y42B", "Y444"]);
        let target = raw().field("format", formats).field("colorimetry", "1:4:0:0").field("chroma-site", "jpeg");
        steps.push(target.build());
    }
    let mut row = Vec::new();
    for caps in &steps {
        row.extend([elements::make(elements::CONVERT)?, elements::filter(caps)?]);
    }
    Ok(row)
}

/// Width and height of the image.
fn sides(width: u32, height: u32, spec: &ImageSpec) -> Result<(u32, u32), Failure> {
    let in_proportion = |wanted: u32, of: u32, other: u32| {
        let (wanted, of, other) = (u64::from(wanted), u64::from(of.max(1)), u64::from(other));
        ((wanted * other + of / 2) / of).max(1)
    };
    let (width, height) = match (spec.width, spec.height) {
        (Some(wide), Some(high)) => (u64::from(wide), u64::from(high)),
        (Some(wide), None) => (u64::from(wide), in_proportion(wide, width, height)),
        (None, Some(high)) => (in_proportion(high, height, width), u64::from(high)),
        (None, None) => (u64::from(width), u64::from(height)),
    };
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(wide), Ok(high)) if wide <= SIDE_MAX && high <= SIDE_MAX => Ok((wide, high)),
        _ => {
            let detail = format!("the image would be {width}×{height}; {SIDE_MAX} is the most for a side");
            Err(Failure::Refused(ErrorCode::TooLarge, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_follows_from_the_proportions() {
        let of = |width, height, wide, high| {
            sides(width, height, &ImageSpec { width: wide, height: high, ..ImageSpec::default() }).ok()
        };
        assert_eq!(of(1920, 1080, None, None), Some((1920, 1080)));
        assert_eq!(of(1920, 1080, Some(640), None), Some((640, 360)));
        assert_eq!(of(1920, 1080, None, Some(100)), Some((178, 100)));
        assert_eq!(of(1920, 1080, Some(64), Some(64)), Some((64, 64)));
        assert_eq!(of(8000, 2, Some(16), None), Some((16, 1)), "never nothing");
        assert_eq!(of(100, 1000, Some(820), None), None, "8200 high");
        assert_eq!(of(8193, 10, None, None), None);
        assert_eq!(of(8193, 10, Some(4096), None), Some((4096, 5)));
        assert_eq!(of(1, u32::MAX, Some(SIDE_MAX), None), None);
    }
}
