//! The data directory tells nothing: no sample, no box, no name (but in the audit log), no tag, no secret; and without the root key nothing opens.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tests::harness::boxes::{fragments, samples};
use tests::harness::camera::{FRAGMENTATIONS, push_copy};
use tests::harness::footage::ffmpeg;
use tests::harness::paths;
use tests::harness::server::{SECRET, Server};

const NAME: &str = "loading-dock-north-gate";
const TAG: &str = "keep-for-the-insurance-claim";

#[tokio::test]
async fn the_data_directory_holds_no_plaintext_and_opens_only_with_the_root_key() {
    let mut server = Server::start().await;
    let settings = json!({"retention_hours": 24, "attributes": {"note": TAG}});
    assert!(server.client().put_json(&format!("/v1/video/{NAME}"), &settings).await.status().is_success());
    let folder = TempDir::new().expect("temporary folder");
    let source = paths::media("bbb_320x240_24fps_aac_10s.mp4");
    push_copy(&server, NAME, &source, FRAGMENTATIONS[1].options).await;
    assert_eq!(server.client().json(&format!("/v1/video/{NAME}")).await["attributes"]["note"], TAG);
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());

    let pushed = folder.path().join("pushed.mp4");
    let (input, output) = (source.to_str().expect("UTF-8"), pushed.to_str().expect("UTF-8"));
    ffmpeg(&[&["-i", input, "-c", "copy"], FRAGMENTATIONS[1].options, &[output]].concat());
    let needles = needles(&std::fs::read(&pushed).expect("pushed footage"));
    let files = files_below(server.data());
    let bytes: u64 = files.iter().map(|file| file.metadata().expect("metadata").len()).sum();
    assert!(bytes > 300_000, "the footage is somewhere in there: {files:?}");
    for file in files {
        let content = std::fs::read(&file).expect("read");
        // The audit log names streams, for people and programs to read; nothing else may stand in it either.
        let names_streams = file.components().any(|part| part.as_os_str() == "audit");
        for (what, needle) in needles.iter().filter(|(_, needle)| !names_streams || needle != NAME.as_bytes())
        {
            let found = content.windows(needle.len()).position(|window| window == needle);
            assert_eq!(found, None, "{what} stands in {}", file.display());
        }
    }

    std::fs::remove_file(server.data().join("root.key")).expect("the root key is a file of its own");
    let start = Command::new(paths::binary("kinetoscope"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(server.data())
        .output()
        .expect("start kinetoscope");
    let said = String::from_utf8_lossy(&start.stderr).to_lowercase();
    assert_eq!(start.status.code(), Some(1), "without the root key it does not start: {said}");
    assert!(said.contains("root key"), "and says why: {said}");
    assert!(!server.data().join("root.key").exists(), "nor does it invent another key");
}

/// What must not be found.
fn needles(pushed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (init, _) = fragments(pushed);
    let media = samples(pushed);
    let mut needles: Vec<(String, Vec<u8>)> =
        [NAME, TAG, SECRET, "mvhd\0\0\0\0", "avcC\x01", "mp4a\0\0\0\0", "keep-for-the"]
            .iter()
            .map(|text| (format!("{text:?}"), text.as_bytes().to_vec()))
            .collect();
    needles.extend(
        init.chunks_exact(24).step_by(5).map(|part| ("a piece of the init segment".into(), part.to_vec())),
    );
    // Runs of zeros stand in any file.
    needles.retain(|(what, needle)| {
        what.starts_with('"') || needle.iter().filter(|byte| **byte != 0).count() >= 8
    });
    let spread = (media.len() / 40).max(1);
    needles
        .extend(media.windows(16).step_by(spread).map(|part| ("a piece of a sample".into(), part.to_vec())));
    assert!(needles.len() > 45, "there is enough to look for: {}", needles.len());
    needles
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("read folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
