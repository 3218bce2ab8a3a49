//! A media playlist.

use super::text::{attribute_is_safe, date_time, seconds, uri_is_safe};
use std::fmt::Write as _;

/// Whether and how a playlist can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// Never changes.
    Vod,
    /// Only grows at its end.
    Event,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is, relative to the playlist.
    pub uri: String,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// The Unix time in milliseconds of its start.
    pub program_date_time_ms: i64,
    /// Whether something changes before it: timestamps, codec, size, tracks.
    pub discontinuity: bool,
    /// Whether its media is missing (`EXT-X-GAP`).
    pub gap: bool,
    /// Its initialisation segment, relative to the playlist.
    pub map_uri: String,
}

/// A media playlist of fragmented MP4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// In seconds. Must never change during the playlist's life.
    pub target_duration_s: u64,
    /// Number of the first segment.
    pub media_sequence: u64,
    /// Discontinuities that slid out before the first segment. One that stands before the first segment has not.
    pub discontinuity_sequence: u64,
    /// `None` for a live playlist.
    pub playlist_type: Option<PlaylistType>,
    /// Oldest first.
    pub segments: Vec<Segment>,
    /// Whether no more segments will come.
    pub ended: bool,
}

/// How far a segment's date may be off from the end of the one before, in milliseconds (the specification's leave for
/// clocks that are being corrected).
const SLEW_MS_MAX: u64 = 1_000;

impl MediaPlaylist {
    /// The playlist's text (`application/vnd.apple.mpegurl`).
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(256 + 160 * self.segments.len());
        // Version 6 is what EXT-X-MAP asks for, 3 what fractions of seconds do; no more is ever said than is needed.
        let version = if self.segments.is_empty() { 3 } else { 6 };
        let _ = write!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n",
            self.target_duration_s, self.media_sequence
        );
        if self.discontinuity_sequence > 0 {
            let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuity_sequence);
        }
        match self.playlist_type {
            Some(PlaylistType::Vod) => text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
            Some(PlaylistType::Event) => text.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n"),
            None => {}
        }
        let mut map = None;
        for segment in &self.segments {
            segment.write(&mut text, map != Some(&segment.map_uri));
            map = Some(&segment.map_uri);
        }
        if self.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }

    /// The rules that the playlist breaks, one sentence each; empty when it is right.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.target_duration_s == 0 {
            found.push("the target duration is 0".to_owned());
        }
        if self.playlist_type == Some(PlaylistType::Vod) && !self.ended {
            found.push("a VOD playlist has no end".to_owned());
        }
        for (index, segment) in self.segments.iter().enumerate() {
            let number = self.media_sequence + index as u64;
            if (segment.duration_ms + 500) / 1_000 > self.target_duration_s {
                found.push(format!("segment {number} lasts longer than the target duration"));
            }
            if !uri_is_safe(&segment.uri)
                || !uri_is_safe(&segment.map_uri)
                || !attribute_is_safe(&segment.map_uri)
            {
                found.push(format!("segment {number} has a URI that cannot be written"));
            }
            let Some(before) = index.checked_sub(1).and_then(|before| self.segments.get(before)) else {
                continue;
            };
            if segment.discontinuity {
                continue;
            }
            if segment.map_uri != before.map_uri {
                found.push(format!(
                    "segment {number} changes its initialisation segment without a discontinuity"
                ));
            }
            let expected = before.program_date_time_ms.saturating_add_unsigned(before.duration_ms);
            if segment.program_date_time_ms.abs_diff(expected) >= SLEW_MS_MAX {
                found.push(format!(
                    "segment {number} is dated away from its predecessor without a discontinuity"
                ));
            }
        }
        found
    }

    /// The rules that this playlist breaks as the successor of `earlier` under the same URI.
    pub fn violations_since(&self, earlier: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.target_duration_s != earlier.target_duration_s || self.playlist_type != earlier.playlist_type
        {
            found.push("the target duration or the type changed".to_owned());
        }
        let Some(removed) = self.media_sequence.checked_sub(earlier.media_sequence) else {
            found.push("the media sequence went back".to_owned());
            return found;
        };
        if removed > 0 && earlier.playlist_type.is_some() {
            found.push("segments went away from a playlist that may only grow".to_owned());
        }
        let removed = usize::try_from(removed).unwrap_or(usize::MAX).min(earlier.segments.len());
        let (gone, kept) = earlier.segments.split_at(removed);
        if self.segments.len() < kept.len() || self.segments.iter().zip(kept).any(|(now, then)| now != then) {
            found.push("a segment changed or went away from the middle or the end".to_owned());
        }
        let discontinuities = gone.iter().filter(|segment| segment.discontinuity).count() as u64;
        if self.discontinuity_sequence != earlier.discontinuity_sequence + discontinuities
            && gone.len() as u64 == self.media_sequence - earlier.media_sequence
        {
            found.push("the discontinuity sequence does not count what went away".to_owned());
        }
        let lasts: u64 = self.segments.iter().map(|segment| segment.duration_ms).sum();
        if removed > 0 && lasts < 3_000 * self.target_duration_s {
            found.push("less than three target durations were left".to_owned());
        }
        if earlier.ended && self != earlier {
            found.push("it changed after its end".to_owned());
        }
        found
    }
}

impl Segment {
    fn write(&self, text: &mut String, with_map: bool) {
        if self.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if with_map {
            let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"", self.map_uri);
        }
        if let Some(date_time) = date_time(self.program_date_time_ms) {
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{date_time}");
        }
        if self.gap {
            text.push_str("#EXT-X-GAP\n");
        }
        let _ = writeln!(text, "#EXTINF:{},\n{}", seconds(self.duration_ms), self.uri);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u64, at_ms: i64) -> Segment {
        Segment {
            uri: format!("segment/{number}.m4s"),
            duration_ms: 2_000,
            program_date_time_ms: at_ms,
            discontinuity: false,
            gap: false,
            map_uri: "init/a.mp4".to_owned(),
        }
    }

    fn live() -> MediaPlaylist {
        MediaPlaylist {
            target_duration_s: 4,
            media_sequence: 7,
            discontinuity_sequence: 0,
            playlist_type: None,
            segments: (0..8).map(|n| segment(n + 7, 1_767_225_600_000 + 2_000 * n as i64)).collect(),
            ended: false,
        }
    }

    #[test]
    fn the_text_is_what_the_specification_shows() {
        let mut playlist = live();
        playlist.segments.truncate(3);
        playlist.discontinuity_sequence = 2;
        playlist.segments[1].gap = true;
        playlist.segments[2].discontinuity = true;
        playlist.segments[2].map_uri = "init/b.mp4".to_owned();
        playlist.segments[2].duration_ms = 1_966;
        playlist.segments[2].program_date_time_ms += 60_250;
        playlist.playlist_type = Some(PlaylistType::Event);
        playlist.ended = true;
        let expected = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MAP:URI=\"init/a.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXTINF:2.000,
segment/7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:02.000Z
#EXT-X-GAP
#EXTINF:2.000,
segment/8.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"init/b.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:01:04.250Z
#EXTINF:1.966,
segment/9.m4s
#EXT-X-ENDLIST
";
        assert_eq!(playlist.to_text(), expected);
        assert_eq!(playlist.violations(), Vec::<String>::new());
    }

    #[test]
    fn an_empty_live_playlist_is_still_one() {
        let playlist = MediaPlaylist { segments: Vec::new(), ..live() };
        let expected = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n";
        assert_eq!(playlist.to_text(), expected);
    }

    #[test]
    fn each_rule_is_noticed() {
        type Break = fn(&mut MediaPlaylist);
        let breaks: [(&str, Break); 8] = [
            ("longer", |p| p.segments[1].duration_ms = 4_500),
            ("target duration is 0", |p| p.target_duration_s = 0),
            ("no end", |p| p.playlist_type = Some(PlaylistType::Vod)),
            ("without a discontinuity", |p| p.segments[2].map_uri.push('x')),
            ("dated away", |p| p.segments[2].program_date_time_ms += 1_000),
            ("dated away", |p| p.segments[2].program_date_time_ms -= 1_000),
            ("cannot be written", |p| p.segments[0].uri = "a\n#EXT-X-ENDLIST".to_owned()),
            ("cannot be written", |p| p.segments[0].map_uri = "a\",URI=\"b".to_owned()),
        ];
        assert_eq!(live().violations(), Vec::<String>::new());
        for (sentence, spoil) in breaks {
            let mut playlist = live();
            spoil(&mut playlist);
            let found = playlist.violations();
            assert!(found.iter().any(|found| found.contains(sentence)), "{sentence}: {found:?}");
        }
        let mut slewed = live();
        slewed.segments[3].program_date_time_ms -= 999;
        assert_eq!(slewed.violations().len(), 0, "clocks may be corrected by less than a second");
        // 4.499 s rounds to 4.
        let mut long = live();
        long.segments[7].duration_ms = 4_499;
        assert_eq!(long.violations().len(), 0);
    }

    #[test]
    fn a_live_playlist_slides_by_the_rules() {
        let mut earlier = live();
        earlier.segments[0].discontinuity = true;
        let mut later = earlier.clone();
        later.segments.remove(0);
        later.media_sequence += 1;
        later.discontinuity_sequence += 1;
        later.segments.push(segment(15, 1_767_225_616_000));
        assert_eq!(later.violations_since(&earlier), Vec::<String>::new());
        assert_eq!(later.violations_since(&later), Vec::<String>::new());

        type Break = fn(&mut MediaPlaylist);
        let breaks: [(&str, Break); 7] = [
            ("target duration", |p| p.target_duration_s = 5),
            ("went back", |p| p.media_sequence = 3),
            ("changed or went away", |p| p.segments[0].duration_ms -= 1),
            ("changed or went away", |p| p.segments.truncate(6)),
            ("does not count", |p| p.discontinuity_sequence -= 1),
            ("three target durations", |p| p.segments.iter_mut().for_each(|s| s.duration_ms = 100)),
            ("type changed", |p| p.playlist_type = Some(PlaylistType::Event)),
        ];
        for (sentence, spoil) in breaks {
            let mut playlist = later.clone();
            spoil(&mut playlist);
            let found = playlist.violations_since(&earlier);
            assert!(found.iter().any(|found| found.contains(sentence)), "{sentence}: {found:?}");
        }
        let ended = MediaPlaylist { ended: true, ..earlier.clone() };
        assert!(!later.violations_since(&ended).is_empty());
        let event =
            |p: &MediaPlaylist| MediaPlaylist { playlist_type: Some(PlaylistType::Event), ..p.clone() };
        assert!(!event(&later).violations_since(&event(&earlier)).is_empty());
    }
}
