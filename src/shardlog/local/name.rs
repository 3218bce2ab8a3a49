//! Names of lanes and segments, on disk and in messages.

use crate::types::RetentionClass;
use std::fmt;
use std::path::{Path, PathBuf};

/// A lane: the shards of one retention class, or a part of them, that share segment files. Its directory is named
/// `{class:02x}-{lane:02x}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LaneName {
    pub(super) class: RetentionClass,
    pub(super) lane: u8,
}

impl LaneName {
    pub(super) fn parse(name: &Path) -> Option<Self> {
        let (class, lane) = name.to_str()?.split_once('-')?;
        let parsed = Self { class: RetentionClass(hex_u8(class)?), lane: hex_u8(lane)? };
        (Path::new(&parsed.to_string()) == name).then_some(parsed)
    }
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}-{:02x}", self.class.0, self.lane)
    }
}

fn hex_u8(text: &str) -> Option<u8> {
    u8::from_str_radix(text, 16).ok()
}

/// What a name in a lane's directory stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LaneEntry {
    /// A segment: `{number:016x}.seg`.
    Segment(u64),
    /// A segment in the making, left behind by a crash: `{number:016x}.seg.tmp`.
    Unfinished(u64),
    /// Not ours.
    Unknown,
}

impl LaneEntry {
    pub(super) fn parse(name: &Path) -> Self {
        let text = name.to_str().unwrap_or_default();
        let (stem, unfinished) = match text.strip_suffix(".tmp") {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        let number = stem.strip_suffix(".seg").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match number {
            Some(number) if segment_file(number) == Path::new(stem) => {
                if unfinished {
                    Self::Unfinished(number)
                } else {
                    Self::Segment(number)
                }
            }
            _ => Self::Unknown,
        }
    }
}

/// File name of a segment.
pub(super) fn segment_file(number: u64) -> PathBuf {
    PathBuf::from(format!("{number:016x}.seg"))
}

/// File name of a segment in the making.
pub(super) fn unfinished_file(number: u64) -> PathBuf {
    PathBuf::from(format!("{number:016x}.seg.tmp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_lookalikes_are_unknown() {
        let lane = LaneName { class: RetentionClass(3), lane: 0xa0 };
        assert_eq!(lane.to_string(), "03-a0");
        assert_eq!(LaneName::parse(Path::new("03-a0")), Some(lane));
        for other in ["3-a0", "03-A0", "03-a0-", "+3-a0", "lock", ""] {
            assert_eq!(LaneName::parse(Path::new(other)), None, "{other}");
        }
        assert_eq!(LaneEntry::parse(&segment_file(0x1f)), LaneEntry::Segment(0x1f));
        assert_eq!(LaneEntry::parse(&unfinished_file(0x1f)), LaneEntry::Unfinished(0x1f));
        for other in ["1f.seg", "000000000000001F.seg", "000000000000001f.seg.old", "a.tmp", "x"] {
            assert_eq!(LaneEntry::parse(Path::new(other)), LaneEntry::Unknown, "{other}");
        }
    }
}
