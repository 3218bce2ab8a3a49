//! Which pictures are wanted, and what a decoder needs to make them. Nothing is decoded here.
//!
//! A plan holds whole chunks, beginning at a key frame, and the presentation times of the wanted pictures in them. What
//! was asked for and does not exist is listed with its reason, never left out.

mod footage;
mod gop;
mod one;
mod plan;
mod sample;

pub use one::FrameMode;
pub(crate) use one::frame_at;
pub use plan::{FramePlan, MissingFrame, MissingReason, WantedFrame};
pub(crate) use sample::sample;
pub use sample::{FrameBatch, Sampling};
