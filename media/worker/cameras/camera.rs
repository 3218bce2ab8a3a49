//! One camera at work: packets in, fragmented MP4 out. No input or output of its own.

use super::failure::GaveUp;
use super::jitter::Jitter;
use super::output::Output;
use super::source::Fetched;
use super::track::{Dated, Taken, Track};
use bytes::Bytes;
use media::rtp::{NtpTime, RtpPacket, RtpTrack, Tie};
use media::worker_protocol::camera::{
    Batch, CameraFailure, Carriage, Packet, PacketKind, Report, TRACKS_MAX,
};

/// A camera's tracks, and what makes chunks of them.
pub(crate) struct Camera {
    inputs: Vec<Input>,
    output: Output,
    /// When the latest packets came, in microseconds since the Unix epoch.
    arrival_us: u64,
    /// Packets of no track.
    astray: u64,
    warning: Option<String>,
}

/// What a track's packets pass through.
struct Input {
    /// Over UDP, before anything else.
    jitter: Option<Jitter>,
    /// Packets that were not even given to the jitter buffer.
    refused: u64,
    track: Track,
}

impl Camera {
    /// Makes ready for the packets of these tracks.
    pub(crate) fn open(tracks: &[RtpTrack], carriage: Carriage, chunk_ms: u32) -> Result<Self, GaveUp> {
        if tracks.is_empty() || tracks.len() > TRACKS_MAX {
            let detail = format!("{} tracks, not 1 to {TRACKS_MAX}", tracks.len());
            return Err(GaveUp::new(CameraFailure::BadRequest, detail));
        }
        let inputs = tracks.iter().map(|track| Input::start(track, carriage));
        let mut camera = Self {
            inputs: inputs.collect::<Result<_, _>>()?,
            output: Output::new(tracks, chunk_ms),
            arrival_us: 0,
            astray: 0,
            warning: None,
        };
        for index in 0..tracks.len() {
            let mut taken = Vec::new();
            camera.inputs[index].track.announce(|one| taken.push(one));
            camera.hand_on(index, taken)?;
        }
        Ok(camera)
    }

    /// Takes packets that came together.
    pub(crate) fn take(&mut self, batch: &Batch) -> Result<(), GaveUp> {
        self.arrival_us = batch.arrival_us;
        for packet in batch.packets() {
            let packet = packet.map_err(|error| GaveUp::new(CameraFailure::BadRequest, error.to_string()))?;
            self.packet(packet)?;
        }
        self.work()
    }

    /// Takes one packet. What comes of it is made by [`Self::work`].
    pub(crate) fn packet(&mut self, packet: Packet) -> Result<(), GaveUp> {
        let index = usize::from(packet.track);
        let Some(input) = self.inputs.get_mut(index) else {
            self.astray += 1;
            return Ok(());
        };
        match packet.kind {
            PacketKind::Rtcp => {
                self.output.session.rtcp(index, &packet.data);
                Ok(())
            }
            PacketKind::Rtp => match &input.jitter {
                None => {
                    input.receive(index, &packet.data, self.arrival_us, &mut self.output);
                    Ok(())
                }
                Some(jitter) if input.is_its_own(&packet.data) => jitter.push(packet.data),
                Some(_) => {
                    input.refused += 1;
                    Ok(())
                }
            },
        }
    }

    /// Takes packets that `rtspsrc` brought by now.
    pub(crate) fn fetched(&mut self, packets: Vec<Fetched>, now_us: u64) -> Result<(), GaveUp> {
        self.arrival_us = now_us;
        for Fetched { track, packet, captured_ns } in packets {
            let index = usize::from(track);
            let Some(input) = self.inputs.get_mut(index) else { continue };
            let ticks = input.receive(index, &packet, now_us, &mut self.output);
            let captured = captured_ns.and_then(|ns| NtpTime::said(ntp(ns)));
            if let Some((ticks, ntp)) = ticks.zip(captured) {
                self.output.session.clock().tie(index, Tie { ticks, ntp });
            }
        }
        self.work()
    }

    /// Works off the packets that are in order.
    pub(crate) fn work(&mut self) -> Result<(), GaveUp> {
        for index in 0..self.inputs.len() {
            self.fetch(index);
            let mut taken = Vec::new();
            self.inputs[index].track.work(|one| taken.push(one))?;
            self.hand_on(index, taken)?;
        }
        self.output.release()
    }

    /// Gives up all that is held back.
    pub(crate) fn end(&mut self) -> Result<(), GaveUp> {
        for index in 0..self.inputs.len() {
            if let Some(jitter) = &self.inputs[index].jitter {
                jitter.end();
            }
            self.fetch(index);
            let mut taken = Vec::new();
            self.inputs[index].track.end(|one| taken.push(one))?;
            self.hand_on(index, taken)?;
        }
        self.output.end()
    }

    /// The next piece of the MP4.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        self.output.pop()
    }

    /// What has been seen so far.
    pub(crate) fn report(&mut self) -> Report {
        let counts = self.output.session.counts();
        let unordered = |input: &Input| input.refused + input.jitter.as_ref().map_or(0, Jitter::dropped);
        let dropped = self.astray + counts.dropped + self.inputs.iter().map(unordered).sum::<u64>();
        let complaint = self.inputs.iter().find_map(|input| input.track.complaint());
        self.warning = complaint.or(self.warning.take());
        Report {
            packets: counts.packets + dropped,
            packets_lost: counts.lost,
            packets_dropped: dropped,
            units: self.output.units(),
            warning: self.warning.clone(),
        }
    }

    /// Takes what the jitter buffer of a track has put in order.
    fn fetch(&mut self, index: usize) {
        let input = &mut self.inputs[index];
        for packet in input.jitter.iter().flat_map(Jitter::take).collect::<Vec<_>>() {
            input.receive(index, &packet, self.arrival_us, &mut self.output);
        }
    }

    fn hand_on(&mut self, index: usize, taken: Vec<Taken>) -> Result<(), GaveUp> {
        taken.into_iter().try_for_each(|taken| self.output.push(index, self.arrival_us, taken))
    }
}

impl Input {
    fn start(track: &RtpTrack, carriage: Carriage) -> Result<Self, GaveUp> {
        Ok(Self {
            jitter: match carriage {
                Carriage::Tcp => None,
                Carriage::Udp => Some(Jitter::start(track)?),
            },
            refused: 0,
            track: Track::start(track.clone())?,
        })
    }

    fn is_its_own(&self, packet: &Bytes) -> bool {
        let own = self.track.announced().payload_type;
        RtpPacket::parse(packet).is_ok_and(|packet| packet.payload_type == own)
    }

    /// A packet that is in order, as far as it can be. Its RTP time without wrapping around, if it is taken.
    fn receive(&mut self, index: usize, packet: &Bytes, arrival_us: u64, output: &mut Output) -> Option<i64> {
        // What is not taken is counted there.
        let received = output.session.rtp(index, packet, arrival_us).ok()?;
        let ticks = received.ticks;
        self.track.push(Dated { packet: packet.clone(), received });
        Some(ticks)
    }
}

/// Nanoseconds since 1900 in the form of NTP: seconds, and 2³²ths of one.
fn ntp(ns: u64) -> u64 {
    let fraction = (u128::from(ns % 1_000_000_000) << 32) / 1_000_000_000;
    (ns / 1_000_000_000) << 32 | fraction as u64
}
