//! The pool with the real worker and real codecs.

mod alone;
mod exact;
mod faults;
mod footage;

use super::*;
use bytes::Bytes;
use footage::Footage;
use media::worker_protocol::{ImageFormat, ImageSpec, Wanted};
use shardlog::env::SystemClock;
use std::path::Path;

/// Where cargo puts executables; the test itself runs from `deps` below it.
fn target_dir() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).map(Path::to_path_buf).unwrap()
}

fn config() -> PoolConfig {
    let binary = target_dir().join("media-worker");
    assert!(
        binary.is_file(),
        "{} is not there; build it with `cargo build -p media --features gst --bin media-worker`",
        binary.display(),
    );
    PoolConfig::new(binary, target_dir().join("media-worker-cache"))
}

fn start(change: impl FnOnce(&mut PoolConfig)) -> Pool {
    let mut config = config();
    config.workers = 1;
    change(&mut config);
    Pool::start(config, Arc::new(SystemClock::new())).unwrap()
}

fn work(footage: &Footage, wanted: Wanted) -> Work {
    let Footage { init, chunks, .. } = footage;
    Work { init: init.clone(), chunks: chunks.clone(), wanted, image: ImageSpec::default() }
}

/// All frames of a request; none may be missing.
async fn all(pool: &Pool, work: Work) -> Vec<Frame> {
    let mut frames = pool.frames(work).unwrap();
    let mut all = Vec::new();
    while let Some(item) = frames.next().await {
        match item.unwrap() {
            Item::Frame(frame) => all.push(frame),
            Item::Missing(missing) => panic!("{missing:?}"),
        }
    }
    assert!(frames.decoder().is_some());
    all
}

fn images(frames: &[Frame]) -> Vec<Bytes> {
    frames.iter().map(|frame| frame.image.clone()).collect()
}

/// Waits until `condition` holds of the pool's figures.
async fn until(pool: &Pool, condition: impl Fn(&PoolStats) -> bool) -> PoolStats {
    let clock = SystemClock::new();
    for _ in 0..1000 {
        let stats = pool.stats();
        if condition(&stats) {
            return stats;
        }
        clock.sleep(Duration::from_millis(10)).await;
    }
    panic!("not within ten seconds: {:?}", pool.stats());
}
