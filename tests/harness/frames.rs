//! Looking at decoded pictures.

use super::footage::{ffmpeg, ffprobe};
use std::path::Path;

/// One line per decoded frame of each stream of `input` (a file or a URL): stream, pts relative to the stream's first,
/// and the checksum of the decoded picture or sound.
pub fn checksums(input: &str, before_input: &[&str], map: &str) -> Vec<String> {
    let mut args = before_input.to_vec();
    args.extend(["-i", input, "-map", map, "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let text = ffmpeg(&args);
    text.lines().filter(|line| !line.starts_with('#')).map(|line| md5_of(line).to_owned()).collect()
}

/// Checksums of a stream's packets as they are stored, undecoded.
pub fn packets(input: &str, map: &str) -> Vec<String> {
    let text = ffmpeg(&["-i", input, "-map", map, "-c", "copy", "-f", "framemd5", "-"]);
    // Stream, dts, pts, duration, size, checksum; perhaps followed by side data.
    let checksum = |line: &str| line.split(',').nth(5).unwrap_or_default().trim().to_owned();
    text.lines().filter(|line| !line.starts_with('#')).map(checksum).collect()
}

fn md5_of(line: &str) -> &str {
    line.rsplit(',').next().unwrap_or_default().trim()
}

/// Number and times of packets: `pts_time` of every packet of a stream, as ffprobe prints them.
pub fn packet_times(input: &str, stream: &str) -> Vec<f64> {
    let args = ["-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0", input];
    let text = ffprobe(&args);
    text.lines().filter_map(|line| line.trim().trim_end_matches(',').parse().ok()).collect()
}

/// `served` (a file or a URL) holds exactly the frames of `pushed`: count, order, pictures, and times relative to the first.
pub fn same_frames(pushed: &str, served: &str, specifier: &str, place: &str) {
    let expected = checksums(pushed, &[], specifier);
    assert!(expected.len() > 20, "{place}: the source itself has only {} frames", expected.len());
    let got = checksums(served, &[], specifier);
    assert_eq!(got.len(), expected.len(), "number of frames of {place}");
    let first_wrong = expected.iter().zip(&got).position(|(want, have)| want != have);
    assert_eq!(first_wrong, None, "first frame that differs in {place}");

    let selector = &specifier[2..]; // ffprobe has one input: `v:0`
    let (want, have) = (packet_times(pushed, selector), packet_times(served, selector));
    assert_eq!(want.len(), have.len(), "packets of {place}");
    for (index, (want_at, have_at)) in want.iter().zip(&have).enumerate() {
        let drift = (want_at - want[0]) - (have_at - have[0]);
        assert!(drift.abs() < 0.002, "packet {index} is {drift} s off in {place}");
    }
}

/// Reads the frame number that [`super::footage::numbered`] burnt into a picture (JPEG or PNG).
pub fn frame_number(picture: &[u8], folder: &Path) -> u32 {
    let (file, raw) = (folder.join("picture.bin"), folder.join("picture.gray"));
    std::fs::write(&file, picture).expect("write picture");
    let (file, raw) = (file.to_str().expect("UTF-8"), raw.to_str().expect("UTF-8"));
    let filter = "crop=iw:iw/16:0:0,scale=16:1:flags=area,format=gray";
    ffmpeg(&["-i", file, "-vf", filter, "-f", "rawvideo", raw]);
    let bits = std::fs::read(raw).expect("raw picture");
    bits.iter().take(16).enumerate().map(|(index, luma)| u32::from(*luma > 128) << index).sum()
}
