//! A multivariant playlist.

use super::text::{attribute_is_safe, uri_is_safe};
use std::fmt::Write as _;

/// One rendition of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist, relative to this one.
    pub uri: String,
    /// Peak bits per second, as measured over any segment.
    pub bandwidth_bps: u64,
    /// Average bits per second.
    pub average_bandwidth_bps: Option<u64>,
    /// RFC 6381 names of every format in it, comma-separated.
    pub codecs: String,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second, times 1000.
    pub frame_rate_millis: Option<u32>,
}

/// A multivariant playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// Whether every segment can be decoded alone (`EXT-X-INDEPENDENT-SEGMENTS`): each starts with a clean key frame.
    pub independent_segments: bool,
    /// Best first.
    pub variants: Vec<Variant>,
}

impl MultivariantPlaylist {
    /// The playlist's text (`application/vnd.apple.mpegurl`). No version is said, since nothing in it needs one.
    pub fn to_text(&self) -> String {
        let mut text = String::from("#EXTM3U\n");
        if self.independent_segments {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        for variant in &self.variants {
            variant.write(&mut text);
        }
        text
    }

    /// The rules that the playlist breaks, one sentence each; empty when it is right.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.variants.is_empty() {
            found.push("there is no variant".to_owned());
        }
        for variant in &self.variants {
            if variant.bandwidth_bps == 0 {
                found.push(format!("{} has no bandwidth", variant.uri));
            }
            if variant.average_bandwidth_bps.is_some_and(|average| average > variant.bandwidth_bps) {
                found.push(format!("{} has an average above its peak", variant.uri));
            }
            if variant.codecs.is_empty() || !attribute_is_safe(&variant.codecs) {
                found.push(format!("{} does not name its codecs", variant.uri));
            }
            if variant.resolution.is_some_and(|(width, height)| width == 0 || height == 0) {
                found.push(format!("{} has a side of 0 pixels", variant.uri));
            }
            if !uri_is_safe(&variant.uri) {
                found.push("a variant has a URI that cannot be written".to_owned());
            }
        }
        found
    }
}

impl Variant {
    fn write(&self, text: &mut String) {
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={}", self.bandwidth_bps);
        if let Some(average) = self.average_bandwidth_bps {
            let _ = write!(text, ",AVERAGE-BANDWIDTH={average}");
        }
        let _ = write!(text, ",CODECS=\"{}\"", self.codecs);
        if let Some((width, height)) = self.resolution {
            let _ = write!(text, ",RESOLUTION={width}x{height}");
        }
        if let Some(rate) = self.frame_rate_millis {
            let _ = write!(text, ",FRAME-RATE={}.{:03}", rate / 1_000, rate % 1_000);
        }
        let _ = writeln!(text, "\n{}", self.uri);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playlist() -> MultivariantPlaylist {
        let variant = Variant {
            uri: "live/media.m3u8?dvr=60".to_owned(),
            bandwidth_bps: 4_200_000,
            average_bandwidth_bps: Some(4_000_000),
            codecs: "avc1.64001f,mp4a.40.2".to_owned(),
            resolution: Some((1280, 720)),
            frame_rate_millis: Some(29_970),
        };
        MultivariantPlaylist { independent_segments: true, variants: vec![variant] }
    }

    #[test]
    fn the_text_is_what_the_specification_shows() {
        let expected = "\
#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=4200000,AVERAGE-BANDWIDTH=4000000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970
live/media.m3u8?dvr=60
";
        assert_eq!(playlist().to_text(), expected);
        assert_eq!(playlist().violations(), Vec::<String>::new());
        let mut sound = playlist();
        sound.independent_segments = false;
        sound.variants[0] = Variant {
            average_bandwidth_bps: None,
            resolution: None,
            frame_rate_millis: None,
            ..sound.variants[0].clone()
        };
        let line = "#EXT-X-STREAM-INF:BANDWIDTH=4200000,CODECS=\"avc1.64001f,mp4a.40.2\"\n";
        assert_eq!(sound.to_text(), format!("#EXTM3U\n{line}live/media.m3u8?dvr=60\n"));
    }

    #[test]
    fn each_rule_is_noticed() {
        type Break = fn(&mut MultivariantPlaylist);
        let breaks: [Break; 7] = [
            |p| p.variants.clear(),
            |p| p.variants[0].bandwidth_bps = 0,
            |p| p.variants[0].average_bandwidth_bps = Some(9_000_000),
            |p| p.variants[0].codecs.clear(),
            |p| p.variants[0].codecs.push('"'),
            |p| p.variants[0].resolution = Some((0, 720)),
            |p| p.variants[0].uri = String::new(),
        ];
        for spoil in breaks {
            let mut playlist = playlist();
            spoil(&mut playlist);
            assert!(!playlist.violations().is_empty(), "{playlist:?}");
        }
    }
}
