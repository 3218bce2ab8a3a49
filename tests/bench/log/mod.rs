//! The record log: appends, reads, many streams, each beside the machine's own limit. What was expected of each change,
//! and what came of it, stands in `log.md` next to this folder.

mod append;
mod archive;
mod figures;
mod idle;
mod reads;
mod replay;
mod tail;
mod world;

use tempfile::TempDir;

pub(crate) async fn run(part: Option<&str>) {
    let folder = TempDir::new().expect("temporary folder");
    println!(
        "in {}, {} processors",
        folder.path().display(),
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    let wants = |name| part.is_none_or(|part| part == name);
    if wants("append") {
        append::run(folder.path()).await;
    }
    if wants("tail") {
        tail::run(folder.path()).await;
    }
    if wants("replay") {
        replay::run(folder.path()).await;
    }
    if wants("archive") {
        archive::run(folder.path()).await;
    }
    if wants("idle") {
        idle::run().await;
    }
}
