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

fn md5_of(line: &str) -> &str {
    line.rsplit(',').next().unwrap_or_default().trim()
}

/// Number and times of packets: `pts_time` of every packet of a stream, as ffprobe prints them.
pub fn packet_times(input: &str, stream: &str) -> Vec<f64> {
    let args = ["-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0", input];
    let text = ffprobe(&args);
    text.lines().filter_map(|line| line.trim().trim_end_matches(',').parse().ok()).collect()
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
