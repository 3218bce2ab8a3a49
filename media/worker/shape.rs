//! From a decoded picture to the pixels of a file: size and colours.

use crate::elements;
use crate::failure::Failure;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use media::worker_protocol::{ErrorCode, ImageFormat, ImageSpec, SIDE_MAX};

/// A frame's form, with nothing else in it: neither rate nor sample aspect ratio nor fields may change what is made of its
/// pixels.
pub(crate) fn of(raw: &gst::Sample) -> Result<gst_video::VideoInfo, Failure> {
    let caps = raw.caps().ok_or_else(|| unusable("a frame without a description"))?;
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|_| unusable(&caps.to_string()))?;
    plain(info.format(), info.width(), info.height(), &info.colorimetry(), info.chroma_site())
}

/// The form that a file of `spec` is made from.
pub(crate) fn target(from: &gst_video::VideoInfo, spec: &ImageSpec) -> Result<gst_video::VideoInfo, Failure> {
    let (width, height) = sides(from.width(), from.height(), spec)?;
    let site = from.chroma_site();
    match spec.format {
        ImageFormat::Png => {
            let format =
                if from.is_gray() { gst_video::VideoFormat::Gray8 } else { gst_video::VideoFormat::Rgb };
            plain(format, width, height, &rgb(from), site)
        }
        ImageFormat::Jpeg { .. } => {
            // JFIF knows one kind of colours, full-range BT.601; readers take any JPEG for that.
            let colours = gst_video::VideoColorimetry::new(
                gst_video::VideoColorRange::Range0_255,
                gst_video::VideoColorMatrix::Bt601,
                from.colorimetry().transfer(),
                from.colorimetry().primaries(),
            );
            plain(subsampled_like(from), width, height, &colours, gst_video::VideoChromaSite::NONE)
        }
    }
}

/// Elements that make pictures of one form into pictures of another.
pub(crate) fn steps(
    from: &gst_video::VideoInfo,
    to: &gst_video::VideoInfo,
) -> Result<Vec<gst::Element>, Failure> {
    let scale = elements::make(elements::SCALE)?;
    scale.set_property("add-borders", false);
    // Averages over all source pixels that a target pixel covers; the default looks at four and aliases.
    scale.set_property_from_str("method", "bilinear2");
    // Size first: so the rest has less to do.
    let (width, height, colours) = (to.width(), to.height(), from.colorimetry());
    let scaled = plain(from.format(), width, height, &colours, from.chroma_site())?;
    let mut row = vec![scale, elements::filter(&caps(&scaled)?)?];
    let same_matrix = colours.matrix() == to.colorimetry().matrix();
    if same_matrix && colours.range() != to.colorimetry().range() {
        // Between pictures of one matrix the converter copies, whatever their ranges. A step by RGB makes it compute.
        let format = gst_video::VideoFormat::Bgrx;
        let detour = plain(format, width, height, &rgb(from), from.chroma_site())?;
        row.extend([elements::make(elements::CONVERT)?, elements::filter(&caps(&detour)?)?]);
    }
    row.extend([elements::make(elements::CONVERT)?, elements::filter(&caps(to)?)?]);
    Ok(row)
}

/// GStreamer's words for a form.
pub(crate) fn caps(info: &gst_video::VideoInfo) -> Result<gst::Caps, Failure> {
    info.to_caps().map_err(|error| unusable(&error.to_string()))
}

fn plain(
    format: gst_video::VideoFormat,
    width: u32,
    height: u32,
    colours: &gst_video::VideoColorimetry,
    site: gst_video::VideoChromaSite,
) -> Result<gst_video::VideoInfo, Failure> {
    gst_video::VideoInfo::builder(format, width, height)
        .colorimetry(colours)
        .chroma_site(site)
        .build()
        .map_err(|_| unusable(&format!("{format} {width}×{height}")))
}

fn unusable(what: &str) -> Failure {
    Failure::Refused(
        ErrorCode::UnsupportedCodec,
        format!("the decoder gives pictures of no usable form: {what}"),
    )
}

/// Colours of the same picture as RGB.
fn rgb(from: &gst_video::VideoInfo) -> gst_video::VideoColorimetry {
    gst_video::VideoColorimetry::new(
        gst_video::VideoColorRange::Range0_255,
        gst_video::VideoColorMatrix::Rgb,
        from.colorimetry().transfer(),
        from.colorimetry().primaries(),
    )
}

/// The 8-bit planar format that has as much chroma.
fn subsampled_like(from: &gst_video::VideoInfo) -> gst_video::VideoFormat {
    let format = from.format_info();
    let finer = |sub: &[u32]| sub.get(1) == Some(&0) && !from.is_gray();
    match (finer(format.w_sub()), finer(format.h_sub())) {
        (true, true) => gst_video::VideoFormat::Y444,
        (false, true) => gst_video::VideoFormat::Y42b,
        _ => gst_video::VideoFormat::I420,
    }
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
