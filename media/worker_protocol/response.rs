//! Responses: what a worker answers.

use super::wire::{Fields, Head, ProtocolError};
use super::{IMAGE_BYTES_MAX, SIDE_MAX};
use bytes::Bytes;

const KIND_FRAME: u8 = 2;
const KIND_MISSING: u8 = 3;
const KIND_DONE: u8 = 4;
const KIND_ERROR: u8 = 5;
const KIND_HELLO: u8 = 6;
const FLAG_KEY: u8 = 1;
const FLAG_DAMAGED: u8 = 2;

/// One message from a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The worker is ready. Sent once, first: versions of what it decodes and encodes with.
    Hello(String),
    /// A frame.
    Frame {
        /// The request.
        id: u64,
        /// The frame.
        frame: Frame,
    },
    /// A frame that could not be made.
    Missing {
        /// The request.
        id: u64,
        /// Which and why.
        missing: Missing,
    },
    /// Everything asked for has been answered.
    Done {
        /// The request.
        id: u64,
        /// Frames and missing ones together.
        items: u32,
        /// Processor time that the worker has used since it started, in milliseconds.
        cpu_ms: u64,
        /// The decoder, with its version.
        decoder: String,
    },
    /// The request failed; nothing more comes for it. The worker is ready for the next one, except after
    /// [`ErrorCode::Timeout`], when it ends.
    Error {
        /// The request; 0 when it could not be read that far.
        id: u64,
        /// What kind.
        code: ErrorCode,
        /// For people.
        detail: String,
    },
}

/// A picture taken out of the footage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which of the wanted ones: position in the list, or in the order of key frames.
    pub index: u32,
    /// Presentation time of this very frame, in the track's timescale.
    pub pts: i64,
    /// Whether the footage marks it as a key frame.
    pub key: bool,
    /// The decoder says that parts of the picture are guessed.
    pub damaged: bool,
    /// Width of the image in pixels.
    pub width: u32,
    /// Height of the image in pixels.
    pub height: u32,
    /// The encoded image; at most [`IMAGE_BYTES_MAX`].
    pub image: Bytes,
}

/// A frame that was asked for and cannot be made from the footage given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which of the wanted ones, as in [`Frame::index`].
    pub index: u32,
    /// Why.
    pub reason: MissingReason,
    /// For people.
    pub detail: String,
}

/// Why a frame could not be made. The numbers are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MissingReason {
    /// The decoder gave no picture for it, for example because the pictures it refers to are not there.
    NoPicture = 1,
    /// The decoder stopped with an error.
    DecodeError = 2,
    /// The picture could not be scaled or encoded.
    EncodeError = 3,
}

/// Why a request failed as a whole. The numbers are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorCode {
    /// The message was not understood.
    BadRequest = 1,
    /// Init segment or chunks cannot be read, or hold no (key) frame of a video track.
    BadInput = 2,
    /// A codec that no decoder here knows.
    UnsupportedCodec = 3,
    /// A GStreamer element is not installed; the detail names the Debian package.
    MissingElement = 4,
    /// The image would be larger than the limits allow.
    TooLarge = 5,
    /// No frame came within the time allowed; the worker ends itself after this.
    Timeout = 6,
}

impl MissingReason {
    fn from_wire(value: u8) -> Result<Self, ProtocolError> {
        [Self::NoPicture, Self::DecodeError, Self::EncodeError]
            .into_iter()
            .find(|reason| *reason as u8 == value)
            .ok_or(ProtocolError::Invalid { field: "reason", value: value.into() })
    }
}

impl ErrorCode {
    fn from_wire(value: u8) -> Result<Self, ProtocolError> {
        [
            Self::BadRequest,
            Self::BadInput,
            Self::UnsupportedCodec,
            Self::MissingElement,
            Self::TooLarge,
            Self::Timeout,
        ]
        .into_iter()
        .find(|code| *code as u8 == value)
        .ok_or(ProtocolError::Invalid { field: "code", value: value.into() })
    }
}

impl Response {
    /// The message, prefix included, in parts to be written one after the other; the image is not copied.
    pub fn encode(&self) -> Vec<Bytes> {
        match self {
            Self::Hello(description) => Head::new(KIND_HELLO).text(description),
            Self::Frame { id, frame } => {
                let flags =
                    if frame.key { FLAG_KEY } else { 0 } | if frame.damaged { FLAG_DAMAGED } else { 0 };
                Head::new(KIND_FRAME)
                    .put(&id.to_le_bytes())
                    .put(&frame.index.to_le_bytes())
                    .put(&frame.pts.to_le_bytes())
                    .put(&[flags])
                    .put(&frame.width.to_le_bytes())
                    .put(&frame.height.to_le_bytes())
                    .finish(std::slice::from_ref(&frame.image))
            }
            Self::Missing { id, missing } => Head::new(KIND_MISSING)
                .put(&id.to_le_bytes())
                .put(&missing.index.to_le_bytes())
                .put(&[missing.reason as u8])
                .text(&missing.detail),
            Self::Done { id, items, cpu_ms, decoder } => Head::new(KIND_DONE)
                .put(&id.to_le_bytes())
                .put(&items.to_le_bytes())
                .put(&cpu_ms.to_le_bytes())
                .text(decoder),
            Self::Error { id, code, detail } => {
                Head::new(KIND_ERROR).put(&id.to_le_bytes()).put(&[*code as u8]).text(detail)
            }
        }
    }

    /// Reads a message without its prefix.
    pub fn decode(message: Bytes) -> Result<Self, ProtocolError> {
        let (kind, mut fields) = Fields::open(message)?;
        if kind == KIND_HELLO {
            return Ok(Self::Hello(fields.text("description")?));
        }
        if !(KIND_FRAME..=KIND_ERROR).contains(&kind) {
            return Err(ProtocolError::Invalid { field: "kind", value: kind.into() });
        }
        let id = fields.u64("id")?;
        match kind {
            KIND_FRAME => Ok(Self::Frame { id, frame: decode_frame(fields)? }),
            KIND_MISSING => {
                let index = fields.u32("index")?;
                let reason = MissingReason::from_wire(fields.u8("reason")?)?;
                Ok(Self::Missing { id, missing: Missing { index, reason, detail: fields.text("detail")? } })
            }
            KIND_DONE => {
                let items = fields.u32("items")?;
                let cpu_ms = fields.u64("cpu_ms")?;
                Ok(Self::Done { id, items, cpu_ms, decoder: fields.text("decoder")? })
            }
            _ => {
                let code = ErrorCode::from_wire(fields.u8("code")?)?;
                Ok(Self::Error { id, code, detail: fields.text("detail")? })
            }
        }
    }
}

fn decode_frame(mut fields: Fields) -> Result<Frame, ProtocolError> {
    let index = fields.u32("index")?;
    let pts = fields.i64("pts")?;
    let flags = fields.u8("flags")?;
    if flags & !(FLAG_KEY | FLAG_DAMAGED) != 0 {
        return Err(ProtocolError::Invalid { field: "flags", value: flags.into() });
    }
    let width = side(fields.u32("width")?, "width")?;
    let height = side(fields.u32("height")?, "height")?;
    let image = fields.rest("image", IMAGE_BYTES_MAX)?;
    if image.is_empty() {
        return Err(ProtocolError::Truncated { field: "image" });
    }
    Ok(Frame {
        index,
        pts,
        key: flags & FLAG_KEY != 0,
        damaged: flags & FLAG_DAMAGED != 0,
        width,
        height,
        image,
    })
}

fn side(value: u32, field: &'static str) -> Result<u32, ProtocolError> {
    if (1..=SIDE_MAX).contains(&value) {
        Ok(value)
    } else {
        Err(ProtocolError::Invalid { field, value: value.into() })
    }
}
