//! How pictures are asked for.

use crate::error::ApiError;
use crate::http::Instant;
use media::worker_protocol::{ImageFormat, ImageSpec, JPEG_QUALITY_DEFAULT};
use serde::{Deserialize, Serialize};
use video::Sampling;

/// Pictures a second, unless said otherwise.
const FPS_DEFAULT: f64 = 1.0;
/// Most instants of one archive: its manifest accounts for each of them, and is held in memory until the end.
const INSTANTS_MAX: f64 = 500_000.0;

/// Size and quality of a picture.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ImageQuery {
    width: Option<u32>,
    height: Option<u32>,
    quality: Option<u8>,
}

impl ImageQuery {
    /// JPEG of the quality asked for.
    pub fn jpeg(self) -> ImageFormat {
        ImageFormat::Jpeg { quality: self.quality.unwrap_or(JPEG_QUALITY_DEFAULT) }
    }

    /// A picture of this format in the size asked for. The worker's protocol checks the numbers.
    pub fn spec(self, format: ImageFormat) -> ImageSpec {
        ImageSpec { format, width: self.width, height: self.height }
    }
}

/// Which pictures of which time go into an archive.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ArchiveQuery {
    from: Instant,
    to: Option<Instant>,
    fps: Option<f64>,
    every: Option<Every>,
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Every {
    Keyframe,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Jpg,
    Png,
}

/// An [`ArchiveQuery`] with everything decided; stands in the manifest.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Selection {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    /// `None`: every key frame.
    pub(super) fps: Option<f64>,
    format: Format,
    width: Option<u32>,
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<u8>,
    #[serde(skip)]
    pub(super) image: ImageSpec,
}

impl ArchiveQuery {
    /// Decides what was left open. `end_us`, after which there can be nothing, ends the range if nothing else does.
    pub(super) fn select(self, image: ImageQuery, end_us: u64) -> Result<Selection, ApiError> {
        let fps = match (self.fps, self.every) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_request("BAD_QUERY", "give fps or every, not both"));
            }
            (fps, None) => Some(fps.unwrap_or(FPS_DEFAULT)),
            (None, Some(Every::Keyframe)) => None,
        };
        let (from_us, to_us) = (self.from.us, self.to.map_or(end_us, |to| to.us));
        let seconds = to_us.min(end_us).saturating_sub(from_us) as f64 / 1e6;
        if fps.is_some_and(|fps| seconds * fps > INSTANTS_MAX) {
            return Err(ApiError::too_large(
                "RANGE_TOO_LONG",
                format!("more than {INSTANTS_MAX} frames lie in the range"),
            )
            .hint("ask for a shorter range or a lower rate"));
        }
        let (format, quality) = match self.format {
            Format::Jpg => (image.jpeg(), image.quality.or(Some(JPEG_QUALITY_DEFAULT))),
            Format::Png => (ImageFormat::Png, None),
        };
        let ImageQuery { width, height, .. } = image;
        let image = image.spec(format);
        Ok(Selection { from_us, to_us, fps, format: self.format, width, height, quality, image })
    }
}

impl Selection {
    /// As `video` takes it.
    pub(super) fn sampling(&self) -> Sampling {
        self.fps.map_or(Sampling::KeyFrames, Sampling::Fps)
    }

    /// Extension of the pictures' files.
    pub(super) fn extension(&self) -> &'static str {
        match self.format {
            Format::Jpg => "jpg",
            Format::Png => "png",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(query: &str) -> Result<Selection, String> {
        let uri: http::Uri = format!("http://x/?{query}").parse().unwrap();
        let archive =
            axum::extract::Query::<ArchiveQuery>::try_from_uri(&uri).map_err(|error| error.to_string())?.0;
        let image = axum::extract::Query::<ImageQuery>::try_from_uri(&uri).unwrap().0;
        archive.select(image, 2_000_000_000_000_000).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn what_is_left_open_is_decided() {
        let one = select("from=1999999000").unwrap();
        let expected = (1_999_999_000_000_000, 2_000_000_000_000_000, Some(1.0));
        assert_eq!((one.from_us, one.to_us, one.fps), expected, "one a second, up to the end");
    }

    #[test]
    fn choices() {
        let png = select("from=1999999990&to=1999999999.5&fps=2.5&format=png&width=320").unwrap();
        assert_eq!((png.sampling(), png.extension()), (Sampling::Fps(2.5), "png"));
        assert_eq!(png.image, ImageSpec { format: ImageFormat::Png, width: Some(320), height: None });
        let keys = select("from=0&every=keyframe&quality=40").unwrap();
        assert_eq!(keys.sampling(), Sampling::KeyFrames, "key frames are not counted beforehand");
        assert_eq!(keys.image.format, ImageFormat::Jpeg { quality: 40 });
        assert_eq!(select("from=1&fps=1&every=keyframe").unwrap_err(), "BAD_QUERY");
        assert_eq!(select("from=1&to=1999999999&fps=1").unwrap_err(), "RANGE_TOO_LONG");
        assert!(select("to=5").is_err(), "a start must be given");
        assert!(select("from=1&format=gif").is_err());
    }
}
