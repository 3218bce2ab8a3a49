//! Frames: what pictures are asked for, and sets of them as a tar that training jobs read as it is.

mod archive;
mod manifest;
mod query;
mod sample;
mod tar;

pub use archive::{ARCHIVES_MAX, archive};
pub use query::ImageQuery;

use media::worker_protocol::{ImageSpec, Wanted, Work};
use video::{FramePlan, WantedFrame};

/// What a media-worker is to do for a plan, for all or some of its pictures.
pub fn work(plan: &FramePlan, wanted: &[WantedFrame], image: ImageSpec) -> Work {
    let wanted = Wanted::At(wanted.iter().map(|wanted| wanted.pts).collect());
    Work { init: plan.init.clone(), chunks: plan.chunks.clone(), wanted, image }
}
