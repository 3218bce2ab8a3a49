//! One camera at work: packets in, fragmented MP4 out. No input or output of its own.

use super::clock::{Clock, RtpPacket};
use super::depth;
use super::failure::GaveUp;
use super::reorder::Reorder;
use super::track::{Dated, Taken, Track};
use bytes::Bytes;
use media::fmp4::TrackKind;
use media::fragmenter::{AccessUnit, Fragmenter, Options};
use media::worker_protocol::camera::{Batch, CameraFailure, Open, Packet, PacketKind, Report, TRACKS_MAX};

/// A camera's tracks and what makes chunks of them.
pub(crate) struct Camera {
    tracks: Vec<Track>,
    timing: Vec<Timing>,
    clock: Clock,
    fragmenter: Fragmenter,
    report: Report,
}

/// What dates a track's units.
#[derive(Default)]
struct Timing {
    reorder: Reorder,
    step: i64,
}

impl Camera {
    /// Makes ready for a camera's packets.
    pub(crate) fn open(open: &Open) -> Result<Self, GaveUp> {
        if open.tracks.is_empty() || open.tracks.len() > TRACKS_MAX {
            let detail = format!("{} tracks, not 1 to {TRACKS_MAX}", open.tracks.len());
            return Err(GaveUp::new(CameraFailure::BadRequest, detail));
        }
        let kinds: Vec<TrackKind> = open.tracks.iter().map(|track| track.encoding.kind()).collect();
        let rates: Vec<u32> = open.tracks.iter().map(|track| track.clock_rate).collect();
        let tracks: Vec<Track> = open.tracks.iter().cloned().map(Track::start).collect::<Result<_, _>>()?;
        let options = Options { chunk_ms: open.chunk_ms, ..Options::default() };
        Ok(Self {
            timing: tracks.iter().map(|_| Timing::default()).collect(),
            tracks,
            clock: Clock::new(&rates),
            fragmenter: Fragmenter::new(options, &kinds),
            report: Report::default(),
        })
    }

    /// Takes packets that came together.
    pub(crate) fn take(&mut self, batch: &Batch) -> Result<(), GaveUp> {
        for packet in batch.packets() {
            let packet = packet.map_err(|error| GaveUp::new(CameraFailure::BadRequest, error.to_string()))?;
            self.packet(&packet, batch.arrival_us);
        }
        for index in 0..self.tracks.len() {
            let mut taken = Vec::new();
            self.tracks[index].work(|one| taken.push(one))?;
            for taken in taken {
                self.hand_on(index, taken)?;
            }
        }
        Ok(())
    }

    fn packet(&mut self, packet: &Packet, arrival_us: u64) {
        let index = usize::from(packet.track);
        let Some(track) = self.tracks.get_mut(index) else {
            self.report.packets_dropped += 1;
            return;
        };
        if packet.kind == PacketKind::Rtcp {
            return;
        }
        self.report.packets += 1;
        match RtpPacket::parse(&packet.data) {
            Some(rtp) if rtp.payload_type == track.announced().payload_type => {
                let ticks = self.clock.ticks(index, rtp.timestamp, arrival_us);
                track.push(Dated { ticks, packet: packet.data.clone(), payload: rtp.payload });
            }
            _ => self.report.packets_dropped += 1,
        }
    }

    fn hand_on(&mut self, index: usize, taken: Taken) -> Result<(), GaveUp> {
        let announced = self.tracks[index].announced();
        let timing = &mut self.timing[index];
        match taken {
            Taken::Config { config, step } => {
                timing.step = step;
                if let Some(told) = depth::told(announced.encoding, &config.extradata) {
                    timing.reorder.expect(told);
                }
                self.fragmenter.configure(index, &config)?;
            }
            Taken::Unit { ticks, data, sync } => {
                let pts = self.clock.media(index, ticks);
                let dts = match announced.encoding.kind() {
                    TrackKind::Video => timing.reorder.date(pts, timing.step),
                    _ => pts,
                };
                self.report.units += 1;
                self.fragmenter.push(AccessUnit { track: index, pts, dts, data, sync, unix_us: None })?;
            }
        }
        Ok(())
    }

    /// Gives up all that is held.
    pub(crate) fn end(&mut self) -> Result<(), GaveUp> {
        for index in 0..self.tracks.len() {
            let mut taken = Vec::new();
            self.tracks[index].end(|one| taken.push(one))?;
            for taken in taken {
                self.hand_on(index, taken)?;
            }
        }
        Ok(self.fragmenter.flush()?)
    }

    /// The next piece of the MP4.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        self.fragmenter.pop()
    }

    /// What has been seen so far.
    pub(crate) fn report(&mut self) -> Report {
        let complaint = self.tracks.iter().find_map(Track::complaint);
        if complaint.is_some() {
            self.report.warning = complaint;
        }
        self.report.clone()
    }
}
