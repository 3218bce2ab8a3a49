//! Video streams: ingest, the timeline, playback and frame plans, on [`streams`] and [`media`].
//!
//! ```text
//!   camera ─► IngestSession ─► chunks, one record each ─► streams ─► durable ─► BUFFERING · RECEIVED · PERSISTED
//!                                                            │
//!   timeline (heads only) ◄── what is durable ◄──────────────┤
//!      ├─ spans, gaps with reasons, fragments                │ bodies
//!      ├─ playlists: every number from the log               ▼
//!      └─ segments · clips · media from an instant · frame plans
//! ```
//! A *chunk* (`moof` + `mdat`) is a record. A *fragment* is the run of chunks from one key frame up to the next, cut at
//! the target duration; its number is the decimal of its first chunk's sequence. What a record means stands in its head (see the
//! layout in `head/mod.rs`); nothing is kept anywhere else, so everything can be rebuilt from the log.
//!
//! Two clocks: *producer* is the camera's and never goes back within a stream; *server* is when a fragment's first chunk
//! reached us.

mod clock;
mod config;
mod error;
mod frames;
mod head;
mod info;
mod ingest;
mod playback;
mod reason;
mod recording;
mod retention;
mod timeline;
mod verify;
mod video;

pub use clock::{Clock, ProducerClock, TimeRange};
pub use config::VideoConfig;
pub use error::{ErrorKind, IngestError, ManageError, ReadError};
pub use frames::{FrameBatch, FrameMode, FramePlan, MissingFrame, MissingReason, Sampling, WantedFrame};
pub use head::{HeadError, InitId, NotAnInitId};
pub use info::{LastDurable, SessionInfo, StreamState, TrackInfo, VideoInfo, VideoPage};
pub use ingest::{End, Event, FragmentRef, IngestSession, SessionOptions, Summary};
pub use playback::{BodyStream, Clip, Segment, Uris};
pub use reason::Reason;
pub use timeline::{FragmentInfo, Gap, Span, TimelineView};
pub use verify::Verified;
pub use video::{FragmentPage, FragmentQuery, NewVideo, Video};
