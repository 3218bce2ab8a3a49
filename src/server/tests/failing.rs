//! A disk whose syncs fail, under the whole server: what clients and operators are told.

use super::*;
use shardlog::env::{File, FileSystem, Lock, OpenMode, RealFiles, Space};
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The real files, whose syncs fail when told so. As on Linux, one that failed is not to be believed when it succeeds.
#[derive(Clone, Default)]
struct FailingFiles {
    failing: Arc<AtomicBool>,
}

struct FailingFile {
    file: Arc<dyn File>,
    failing: Arc<AtomicBool>,
}

impl FileSystem for FailingFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let file = RealFiles.open(path, mode)?;
        Ok(Arc::new(FailingFile { file, failing: self.failing.clone() }))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        RealFiles.create_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        RealFiles.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealFiles.sync_dir(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Lock> {
        RealFiles.lock(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        RealFiles.space(path)
    }
}

impl File for FailingFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.file.write_at(slices, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.failing.swap(false, Ordering::SeqCst) {
            return Err(io::Error::other("injected failure of a sync"));
        }
        self.file.sync_data()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn allocated(&self) -> io::Result<u64> {
        self.file.allocated()
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.punch_hole(offset, len)
    }
}

#[tokio::test]
async fn after_one_failed_sync_nothing_is_taken_until_the_next_start() {
    let files = FailingFiles::default();
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let env = Env { files: Arc::new(files.clone()), ..Env::real() };
    let mut server = TestServer::start_in(env, config.clone(), None).await;
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), StatusCode::OK);
    let before = server.json("/v1/video/cam/fragments").await;

    files.failing.store(true, Ordering::SeqCst);
    // The sync fails once, and every later one would succeed.
    for _ in 0..2 {
        let refused = server.push("cam", FOOTAGE.clone()).await;
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(error_code(refused, 503).await, "STORAGE_FAILED");
    }
    assert!(!files.failing.load(Ordering::SeqCst));
    let events = server.request(Method::PUT, "/v1/video/cam/ingest").header("accept", "application/x-ndjson");
    let events = events.body(FOOTAGE.clone()).send().await.unwrap().text().await.unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["EventType"] != "PERSISTED"), "{events:?}");
    let last = &events[events.len() - 1];
    assert_eq!((&last["EventType"], &last["ErrorId"]), (&"ERROR".into(), &5001.into()), "{last}");
    assert_eq!(server.json("/v1/video/cam/fragments").await, before, "what was there is read");

    let answer = server.anonymous(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let log = answer.json::<Value>().await.unwrap()["checks"]["log"].clone();
    assert!(log.as_str().unwrap().contains("injected failure of a sync"), "{log}");
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("\nkinetoscope_log_lanes_dead 1\n"), "{metrics}");

    server.stop().await;
    drop(server);
    let server = TestServer::start_on(config, None).await;
    let after = server.json("/v1/video/cam/fragments").await["fragments"].as_array().unwrap().clone();
    let before = before["fragments"].as_array().unwrap();
    assert!(after.starts_with(before), "{after:?}");
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), StatusCode::OK);
}
