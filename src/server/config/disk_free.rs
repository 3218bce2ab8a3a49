//! The value of `disk_free_min`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// More of the disk than this cannot be kept free.
const PERCENT_MAX: u64 = 50;
const UNITS: [(&str, u64); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

/// How much of the disk is to stay free: so many bytes, or per cent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum DiskFree {
    /// So many bytes.
    Bytes(u64),
    /// So much of a hundred.
    Percent(u64),
}

impl DiskFree {
    /// In bytes, on a disk of `total`.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => total / 100 * percent,
        }
    }
}

impl FromStr for DiskFree {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is neither per cent of the disk (2%, at most {PERCENT_MAX}%) nor bytes (512MiB, 20GiB)"
            )
        };
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.parse().ok().filter(|percent| *percent <= PERCENT_MAX);
            return percent.map(Self::Percent).ok_or_else(wrong);
        }
        let unit = UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
        let (number, shift) = unit.unwrap_or((text, 0));
        let bytes = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        bytes.map(Self::Bytes).ok_or_else(wrong)
    }
}

impl TryFrom<String> for DiskFree {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for DiskFree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match *self {
            Self::Percent(percent) => return write!(f, "{percent}%"),
            Self::Bytes(bytes) => bytes,
        };
        match UNITS.iter().find(|(_, shift)| bytes > 0 && bytes.is_multiple_of(1 << shift)) {
            Some((unit, shift)) => write!(f, "{}{unit}", bytes >> shift),
            None => bytes.fmt(f),
        }
    }
}

impl From<DiskFree> for String {
    fn from(free: DiskFree) -> Self {
        free.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_per_cent() {
        for (text, expected) in [
            ("0", DiskFree::Bytes(0)),
            ("1000", DiskFree::Bytes(1000)),
            ("512MiB", DiskFree::Bytes(512 << 20)),
            ("20GiB", DiskFree::Bytes(20 << 30)),
            ("2%", DiskFree::Percent(2)),
        ] {
            assert_eq!(text.parse(), Ok(expected));
            assert_eq!(expected.to_string(), text);
        }
        for bad in ["", "%", "51%", "-1", "1.5GiB", "2 GB", "99999999999TiB"] {
            assert!(bad.parse::<DiskFree>().is_err(), "{bad}");
        }
        assert_eq!(DiskFree::Percent(2).of(1000), 20);
        assert_eq!(DiskFree::Bytes(7).of(1000), 7);
    }
}
