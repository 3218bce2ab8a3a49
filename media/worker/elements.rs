//! The GStreamer elements used, each with the Debian package that has it.

use crate::failure::Failure;
use gstreamer as gst;
use gstreamer::prelude::*;
use media::fmp4::Codec;
use media::worker_protocol::ErrorCode;

/// An element and where to get it.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    package: &'static str,
}

const CORE: &str = "libgstreamer1.0-0";
const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const LIBAV: &str = "gstreamer1.0-libav";

const FILTER: Kind = Kind { name: "capsfilter", package: CORE };
pub(crate) const SCALE: Kind = Kind { name: "videoscale", package: BASE };
pub(crate) const CONVERT: Kind = Kind { name: "videoconvert", package: BASE };
pub(crate) const JPEG: Kind = Kind { name: "jpegenc", package: GOOD };
pub(crate) const PNG: Kind = Kind { name: "pngenc", package: GOOD };

pub(crate) const AAC_DEPAY: Kind = Kind { name: "rtpmp4gdepay", package: GOOD };
pub(crate) const LATM_DEPAY: Kind = Kind { name: "rtpmp4adepay", package: GOOD };
pub(crate) const OPUS_DEPAY: Kind = Kind { name: "rtpopusdepay", package: GOOD };
pub(crate) const FLAC: Kind = Kind { name: "flacenc", package: GOOD };
pub(crate) const JITTER: Kind = Kind { name: "rtpjitterbuffer", package: GOOD };
pub(crate) const RTSP: Kind = Kind { name: "rtspsrc", package: GOOD };

/// Codecs that can be decoded here, for the description of the worker.
const CODECS: [(Codec, &str); 3] = [(Codec::H264, "H.264"), (Codec::H265, "H.265"), (Codec::Av1, "AV1")];

/// Parser and decoders of a codec; of the decoders the first that is installed is taken. openh264dec is not among
/// them: it gives no picture for a key frame alone.
fn chain(codec: Codec) -> Option<(Kind, &'static [Kind])> {
    let parser = |name| Kind { name, package: BAD };
    match codec {
        Codec::H264 => Some((parser("h264parse"), &[Kind { name: "avdec_h264", package: LIBAV }])),
        Codec::H265 => Some((parser("h265parse"), &[Kind { name: "avdec_h265", package: LIBAV }])),
        Codec::Av1 => Some((
            parser("av1parse"),
            &[Kind { name: "av1dec", package: BAD }, Kind { name: "avdec_av1", package: LIBAV }],
        )),
        Codec::Aac | Codec::Opus | Codec::Flac => None,
    }
}

/// Makes an element.
pub(crate) fn make(kind: Kind) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(kind.name).build().map_err(|_| missing(kind))
}

/// Makes an element that lets only data of a kind through, so that the one before it makes such data.
pub(crate) fn filter(caps: &gst::Caps) -> Result<gst::Element, Failure> {
    let filter = make(FILTER)?;
    filter.set_property("caps", caps);
    Ok(filter)
}

/// Makes the parser and the decoder of a codec.
pub(crate) fn parser_and_decoder(codec: Codec) -> Result<(gst::Element, gst::Element), Failure> {
    let Some((parser, decoders)) = chain(codec) else {
        return Err(Failure::Refused(ErrorCode::UnsupportedCodec, format!("{codec:?} has no pictures")));
    };
    let parser = make(parser)?;
    let found = decoders.iter().find_map(|kind| make(*kind).ok());
    let decoder = found.ok_or_else(|| missing(decoders[0]))?;
    if decoder.has_property("max-threads") {
        // Parallel work is what several workers are for; one thread each keeps memory and latency small.
        decoder.set_property("max-threads", 1i32);
    }
    Ok((parser, decoder))
}

/// An element's name with the version of its plugin.
pub(crate) fn describe(element: &gst::Element) -> String {
    let Some(factory) = element.factory() else { return element.name().to_string() };
    let version = factory.plugin().map(|plugin| plugin.version().to_string()).unwrap_or_default();
    format!("{} {version}", factory.name())
}

/// What this process can do, in a line, and what it lacks.
pub(crate) fn description() -> String {
    let mut parts = vec![gst::version_string().to_string()];
    for (codec, name) in CODECS {
        parts.push(match parser_and_decoder(codec) {
            Ok((_, decoder)) => format!("{name}: {}", describe(&decoder)),
            Err(failure) => format!("{name}: {}", detail(&failure)),
        });
    }
    for kind in [SCALE, CONVERT, JPEG, PNG] {
        if let Err(failure) = make(kind) {
            parts.push(detail(&failure));
        }
    }
    parts.join("; ")
}

fn detail(failure: &Failure) -> String {
    match failure {
        Failure::Refused(_, detail) => detail.clone(),
        Failure::Gone(_) | Failure::Timeout => format!("{failure:?}"),
    }
}

fn missing(kind: Kind) -> Failure {
    let Kind { name, package } = kind;
    let detail = format!("GStreamer element {name} is not there; install the Debian package {package}");
    Failure::Refused(ErrorCode::MissingElement, detail)
}
