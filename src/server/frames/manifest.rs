//! The last entry of an archive: what was asked for, and what became of everything that was.
//!
//! Readers of WebDataset skip names of this shape.

use super::query::Selection;
use serde::Serialize;
use video::{MissingFrame, MissingReason, Reason};

/// Its name in the archive.
pub(super) const NAME: &str = "__manifest__/manifest.json";

/// An archive's manifest, filled while the archive is made.
#[derive(Serialize)]
pub(super) struct Manifest {
    version: u8,
    stream: String,
    query: Selection,
    samples: u64,
    /// The decoder, with its version: another one may give other bytes.
    decoder: Option<String>,
    missing: Vec<Missing>,
    repeated: Vec<Repeated>,
}

/// An instant for which there is no sample.
#[derive(Serialize)]
struct Missing {
    requested_ts_us: u64,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Box<str>>,
}

/// An instant at which the picture of an earlier sample is still on screen: keys are unique, so it has none of its own.
#[derive(Serialize)]
struct Repeated {
    requested_ts_us: u64,
    /// Time of the sample that stands for it.
    ts_producer_us: u64,
}

impl Manifest {
    pub(super) fn new(stream: String, query: Selection) -> Self {
        Self {
            version: 1,
            stream,
            query,
            samples: 0,
            decoder: None,
            missing: Vec::new(),
            repeated: Vec::new(),
        }
    }

    pub(super) fn sample(&mut self) {
        self.samples += 1;
    }

    pub(super) fn decoder(&mut self, decoder: Option<&str>) {
        if self.decoder.is_none() {
            self.decoder = decoder.map(str::to_owned);
        }
    }

    /// There is no such picture in the footage.
    pub(super) fn absent(&mut self, frame: &MissingFrame) {
        let reason = match frame.reason {
            MissingReason::NoMedia => "NO_MEDIA",
            MissingReason::Gap => "GAP",
            MissingReason::NoKeyFrame => "DECODE_ERROR",
        };
        let detail = (frame.reason == MissingReason::NoKeyFrame).then(|| "no key frame to begin with".into());
        let gap = Some(frame.gap).filter(|gap| *gap != Reason::None);
        self.missing.push(Missing { requested_ts_us: frame.requested_us, reason, gap, detail });
    }

    /// The footage is there and could not be decoded.
    pub(super) fn undecodable(&mut self, requested_us: u64, detail: &str) {
        let (gap, detail) = (None, Some(detail.into()));
        self.missing.push(Missing { requested_ts_us: requested_us, reason: "DECODE_ERROR", gap, detail });
    }

    pub(super) fn repeated(&mut self, requested_ts_us: u64, ts_producer_us: u64) {
        self.repeated.push(Repeated { requested_ts_us, ts_producer_us });
    }
}
