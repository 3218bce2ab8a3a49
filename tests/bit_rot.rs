//! A byte turns over on the disk: `kinetoscope check` names the segment, the shard and the record; whoever reads the record
//! is told; its neighbours are as they were.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use reqwest::Method;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::paths;
use tests::harness::promises::{Pieces, Promises};
use tests::harness::seed::Seed;
use tests::harness::server::{self, Server, Settings};

const STREAM: &str = "cam";
/// Bytes that are turned over, one after the other.
const FLIPS: usize = 16;

#[tokio::test]
async fn a_byte_that_turns_over_is_named_and_its_neighbours_are_read() {
    let folder = TempDir::new().expect("temporary folder");
    let pieces = Pieces::make(folder.path(), 60, 10);
    let args = ["--segment-mib", "1", "--workers", "1", "--camera-workers", "1"].map(str::to_owned);
    let settings = Settings { args: args.to_vec(), ..Settings::default() };
    let mut server = Server::start_with(settings).await;
    let mut promises = Promises::default();
    let client = server.client();
    for _ in 0..12 {
        promises.add(&pieces.push(&client, STREAM, Duration::ZERO).finish().await);
    }
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    let data = server.data().to_owned();
    server::check(&data);
    let segments = segments(&data.join("log"));
    assert!(segments.len() >= 3, "some are closed, one is not: {segments:?}");

    let mut seed = Seed::new("bytes that turn over");
    let mut in_record = None;
    let mut flips = 0;
    while flips < FLIPS || in_record.is_none() {
        let (path, len) = &segments[seed.below(segments.len() as u64) as usize];
        let (offset, mask) = (seed.below(*len), 1 << seed.below(8));
        flip(path, offset, mask);
        let said = faults(&data);
        let name = path.to_str().expect("UTF-8");
        let named = said.lines().find(|line| line.starts_with("FAULT") && line.contains(name));
        let named = named.unwrap_or_else(|| panic!("byte {offset} of {name} is not named:\n{said}"));
        println!("{}", named.replace(data.to_str().expect("UTF-8"), "DATA"));
        if let Some(seq) = record(named) {
            let read = said
                .lines()
                .any(|line| line.contains(&format!("stream {STREAM}")) && line.contains(&seq.to_string()));
            if read {
                in_record = Some((path.clone(), offset, mask, seq));
            }
        }
        flip(path, offset, mask);
        flips += 1;
    }
    server::check(&data);

    let (path, offset, mask, seq) = in_record.expect("a record that cannot be read");
    flip(&path, offset, mask);
    server.restart().await;
    let client = server.client();
    for number in promises.numbers().filter(|number| number.abs_diff(seq) < 50 && *number != seq) {
        let bytes = client.bytes(&format!("/v1/video/{STREAM}/hls/segment/{number}.m4s")).await;
        assert_eq!(pieces.which(&bytes), promises.piece(number), "fragment {number} beside {seq}");
    }
    if promises.piece(seq).is_some() {
        // Bytes are sent as they are read, so the answer may have begun when the damage is met; then it breaks off.
        let request = client.request(Method::GET, &format!("/v1/video/{STREAM}/hls/segment/{seq}.m4s"));
        let body = match request.send().await {
            Ok(answer) if answer.status().is_success() => answer.bytes().await.ok(),
            _ => None,
        };
        assert_eq!(body, None, "fragment {seq} is damaged, and nobody is told");
    }
}

/// Segment files with their lengths.
fn segments(log: &Path) -> Vec<(PathBuf, u64)> {
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("a folder of the log");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let lanes = inside(log).into_iter().filter(|path| path.is_dir());
    let files =
        lanes.flat_map(|lane| inside(&lane)).filter(|path| path.extension().is_some_and(|e| e == "seg"));
    files.map(|path| (path.clone(), path.metadata().expect("metadata").len())).collect()
}

fn flip(path: &Path, offset: u64, mask: u8) {
    let file = std::fs::File::options().read(true).write(true).open(path).expect("a segment");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("a byte");
    file.write_all_at(&[byte[0] ^ mask], offset).expect("written");
}

/// What `kinetoscope check` says, which must find fault.
fn faults(data: &Path) -> String {
    let output = Command::new(paths::binary("kinetoscope")).arg("check").arg(data).output();
    let output = output.expect("run kinetoscope check");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// `FAULT …/0000000000000002.seg at offset 7: shard 01234…, record 56: what`
fn record(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(": shard ")?;
    rest.split_once(", record ")?.1.split(':').next()?.parse().ok()
}
