//! Any bytes as a session description: what is accepted keeps its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fmp4::TrackKind;
use media::rtp::sdp::tracks;
use media::worker_protocol::camera::TRACKS_MAX;

fuzz_target!(|data: &[u8]| {
    let Ok(found) = tracks(data) else { return };
    assert!(!found.tracks.is_empty() && found.tracks.len() <= TRACKS_MAX);
    assert_eq!(found.tracks.len(), found.media.len());
    assert!(found.media.windows(2).all(|pair| pair[0] < pair[1]));
    let pictures = found.tracks.iter().filter(|track| track.encoding.kind() == TrackKind::Video);
    assert!(pictures.count() <= 1);
    assert!(found.tracks.iter().all(|track| track.clock_rate > 0 && track.payload_type < 128));
});
