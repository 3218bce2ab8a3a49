//! Requests: checked before they are sent and again when they are read.

use super::wire::{Fields, Head, ProtocolError, check_max};
use super::{
    CHUNKS_BYTES_MAX, INIT_BYTES_MAX, ImageFormat, ImageSpec, Request, SIDE_MAX, WANTED_MAX, Wanted, Work,
};
use bytes::Bytes;

const KIND: u8 = 1;
const FORMAT_JPEG: u8 = 1;
const FORMAT_PNG: u8 = 2;
const WANTED_AT: u8 = 1;
const WANTED_NEAREST_KEY: u8 = 2;
const WANTED_EVERY_KEY: u8 = 3;

impl Work {
    /// Whether a worker would take it: sizes, sides, quality, order of the times. Says nothing of the footage itself.
    pub fn check(&self) -> Result<(), ProtocolError> {
        check_max("init", self.init.len(), INIT_BYTES_MAX)?;
        check_max("chunks", self.chunks.len(), CHUNKS_BYTES_MAX)?;
        if let ImageFormat::Jpeg { quality } = self.image.format
            && !(1..=100).contains(&quality)
        {
            return Err(ProtocolError::Invalid { field: "quality", value: quality.into() });
        }
        check_side("width", self.image.width)?;
        check_side("height", self.image.height)?;
        let Wanted::At(times) = &self.wanted else { return Ok(()) };
        check_max("wanted", times.len(), WANTED_MAX)?;
        if times.is_empty() {
            return Err(ProtocolError::Invalid { field: "count", value: 0 });
        }
        match times.windows(2).position(|pair| pair[1] < pair[0]) {
            Some(index) => Err(ProtocolError::Unordered { index: index + 1 }),
            None => Ok(()),
        }
    }
}

impl Request {
    /// The message, prefix included, in parts to be written one after the other; the footage is not copied.
    pub fn encode(&self) -> Result<Vec<Bytes>, ProtocolError> {
        let work = &self.work;
        work.check()?;
        let (format, quality) = match work.image.format {
            ImageFormat::Jpeg { quality } => (FORMAT_JPEG, quality),
            ImageFormat::Png => (FORMAT_PNG, 0),
        };
        let nearest;
        let (wanted, times): (u8, &[i64]) = match &work.wanted {
            Wanted::At(times) => (WANTED_AT, times),
            Wanted::NearestKey(time) => {
                nearest = [*time];
                (WANTED_NEAREST_KEY, &nearest)
            }
            Wanted::EveryKey => (WANTED_EVERY_KEY, &[]),
        };
        let mut head = Head::new(KIND)
            .put(&self.id.to_le_bytes())
            .put(&self.timeout_ms.to_le_bytes())
            .put(&[format, quality])
            .put(&work.image.width.unwrap_or(0).to_le_bytes())
            .put(&work.image.height.unwrap_or(0).to_le_bytes())
            .put(&[wanted])
            .put(&len_field(times.len()));
        for time in times {
            head = head.put(&time.to_le_bytes());
        }
        head = head.put(&len_field(work.init.len())).put(&len_field(work.chunks.len()));
        Ok(head.finish(&[work.init.clone(), work.chunks.clone()]))
    }

    /// Reads a message without its prefix.
    pub fn decode(message: Bytes) -> Result<Self, ProtocolError> {
        let (kind, mut fields) = Fields::open(message)?;
        if kind != KIND {
            return Err(ProtocolError::Invalid { field: "kind", value: kind.into() });
        }
        let id = fields.u64("id")?;
        let timeout_ms = fields.u32("timeout_ms")?;
        let format = decode_format(fields.u8("format")?, fields.u8("quality")?)?;
        let width = given(fields.u32("width")?);
        let height = given(fields.u32("height")?);
        let wanted = decode_wanted(&mut fields)?;
        let init_len = fields.u32("init_len")? as usize;
        let chunks_len = fields.u32("chunks_len")? as usize;
        let init = fields.bytes(init_len, "init")?;
        let chunks = fields.bytes(chunks_len, "chunks")?;
        fields.finish()?;
        let work = Work { init, chunks, wanted, image: ImageSpec { format, width, height } };
        work.check()?;
        Ok(Self { id, timeout_ms, work })
    }
}

fn check_side(field: &'static str, side: Option<u32>) -> Result<(), ProtocolError> {
    match side {
        Some(side) if !(1..=SIDE_MAX).contains(&side) => {
            Err(ProtocolError::Invalid { field, value: side.into() })
        }
        _ => Ok(()),
    }
}

/// A length that [`Work::check`] has held against a limit below 4 Gi.
fn len_field(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

fn given(side: u32) -> Option<u32> {
    (side != 0).then_some(side)
}

fn decode_format(format: u8, quality: u8) -> Result<ImageFormat, ProtocolError> {
    match (format, quality) {
        (FORMAT_JPEG, quality) => Ok(ImageFormat::Jpeg { quality }),
        (FORMAT_PNG, 0) => Ok(ImageFormat::Png),
        (FORMAT_PNG, quality) => Err(ProtocolError::Invalid { field: "quality", value: quality.into() }),
        _ => Err(ProtocolError::Invalid { field: "format", value: format.into() }),
    }
}

fn decode_wanted(fields: &mut Fields) -> Result<Wanted, ProtocolError> {
    let kind = fields.u8("wanted")?;
    let count = fields.u32("count")? as usize;
    check_max("wanted", count, WANTED_MAX)?;
    if fields.left() / 8 < count {
        return Err(ProtocolError::Truncated { field: "pts" });
    }
    let times = (0..count).map(|_| fields.i64("pts")).collect::<Result<Vec<_>, _>>()?;
    match (kind, times.as_slice()) {
        (WANTED_AT, _) => Ok(Wanted::At(times)),
        (WANTED_NEAREST_KEY, &[time]) => Ok(Wanted::NearestKey(time)),
        (WANTED_EVERY_KEY, &[]) => Ok(Wanted::EveryKey),
        (WANTED_NEAREST_KEY | WANTED_EVERY_KEY, _) => {
            Err(ProtocolError::Invalid { field: "count", value: count as i64 })
        }
        _ => Err(ProtocolError::Invalid { field: "wanted", value: kind.into() }),
    }
}
