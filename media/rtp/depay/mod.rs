//! Coded pictures out of RTP packets: H.264 (RFC 6184, modes 0 and 1) and H.265 (RFC 7798, without decoding order numbers).
//!
//! Packets carry NAL units: one, several (an aggregation), or a fragment of one. The units of an access unit share a
//! timestamp, and its last packet has the marker; senders that forget either are told by what begins a picture.
//!
//! ```text
//! single        NAL unit
//! aggregation   head | (length u16 | NAL unit)…                        STAP-A (24), AP (48)
//! fragment      head | first 1, last 1, …, type | part of the rest     FU-A (28), FU (49)
//! ```
//! What comes out are access units with four bytes of length before each NAL unit, as MP4 has them, and the parameter sets,
//! which are kept apart: whenever one has changed they come before the next access unit. A NAL unit of which a fragment is
//! missing is left out, and so is an access unit of which no picture is left.

mod nal;
mod sets;

pub use sets::ParameterSets;

use super::receiver::Received;
use super::track::{Encoding, RtpTrack};
use bytes::Bytes;
use nal::{Form, Role};

/// Largest access unit; a larger one is left out.
pub const UNIT_BYTES_MAX: usize = 16 << 20;
const LENGTH_BYTES: usize = 4;

/// What comes out of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Depayloaded {
    /// All parameter sets that are in force now, when they are complete.
    Parameters(ParameterSets),
    /// An access unit: NAL units with lengths of four bytes before them, parameter sets left out.
    Unit {
        /// Its time, as [`Received::ticks`] counts it.
        ticks: i64,
        /// Its bytes.
        data: Bytes,
    },
}

/// Takes the packets of one track of pictures.
#[derive(Debug)]
pub struct Depayloader {
    form: Form,
    sets: ParameterSets,
    /// The sets are not what was last handed out.
    changed: bool,
    unit: Unit,
    /// Packets and NAL units in a form that is not taken.
    foreign: u64,
    out: Vec<Depayloaded>,
}

/// An access unit in the making.
#[derive(Debug, Default)]
struct Unit {
    ticks: i64,
    data: Vec<u8>,
    /// Where in `data` the NAL unit begins whose fragments are coming, length included.
    open: Option<usize>,
    /// It has some of a picture.
    has_picture: bool,
}

impl Depayloader {
    /// For a track; `None` unless it is of H.264 or H.265. Parameter sets that the description has are in force at once.
    pub fn new(track: &RtpTrack) -> Option<Self> {
        let form = match track.encoding {
            Encoding::H264 => Form::H264,
            Encoding::H265 => Form::H265,
            _ => return None,
        };
        let (sets, unit) = (ParameterSets::default(), Unit::default());
        let mut depayloader = Self { form, sets, changed: false, unit, foreign: 0, out: Vec::new() };
        for nal in sets::described(track) {
            depayloader.keep(&nal);
        }
        depayloader.tell_sets();
        Some(depayloader)
    }

    /// Takes a packet. What comes of it is to be had from [`Self::take`].
    pub fn push(&mut self, received: &Received) {
        if received.late {
            return; // its place has been passed
        }
        if received.lost > 0 || received.restarted {
            self.unit.drop_open();
        }
        if received.restarted || self.unit.ticks != received.ticks {
            self.complete();
        }
        self.unit.ticks = received.ticks;
        if self.payload(&received.packet.payload).is_none() {
            self.foreign += 1;
        }
        if received.packet.marker {
            self.complete();
        }
    }

    /// Gives up what is held back.
    pub fn end(&mut self) {
        self.complete();
    }

    /// What has come out since the last time.
    pub fn take(&mut self) -> Vec<Depayloaded> {
        std::mem::take(&mut self.out)
    }

    /// Packets that were cut off or in a form that is not taken, so far.
    pub fn foreign(&self) -> u64 {
        self.foreign
    }

    /// `None` for a payload that cannot be read.
    fn payload(&mut self, payload: &[u8]) -> Option<()> {
        let head_bytes = self.form.head_bytes();
        let head = payload.get(..head_bytes)?;
        match self.form.role(head) {
            Role::Aggregation => {
                let mut rest = &payload[head_bytes..];
                while !rest.is_empty() {
                    let (len, after) = rest.split_first_chunk::<2>()?;
                    let (nal, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
                    self.nal(nal)?;
                    rest = after;
                }
                Some(())
            }
            Role::Fragment => {
                let (&of, part) = payload[head_bytes..].split_first()?;
                let head = self.form.head_of_fragmented(head, of);
                self.fragment(of & 0x80 != 0, of & 0x40 != 0, &head[..head_bytes], part)
            }
            Role::Foreign => None,
            Role::Parameter | Role::Begins | Role::Picture | Role::Other => self.nal(payload),
        }
    }

    /// Takes a whole NAL unit.
    fn nal(&mut self, nal: &[u8]) -> Option<()> {
        let role = self.form.role(nal.get(..self.form.head_bytes())?);
        if role.is_of_payloads() {
            return None;
        }
        self.unit.drop_open();
        self.begin_if_due(role, nal);
        if role == Role::Parameter {
            self.keep(nal);
        } else if self.unit.open(nal) {
            self.unit.close();
        }
        Some(())
    }

    /// Takes a part of a NAL unit. What the unit is says the head of its first part, whatever later parts say.
    fn fragment(&mut self, first: bool, last: bool, head: &[u8], part: &[u8]) -> Option<()> {
        if first {
            self.unit.drop_open();
            let nal = [head, &part[..part.len().min(1)]].concat();
            let role = self.form.role(&nal);
            if role.is_of_payloads() {
                return None;
            }
            self.begin_if_due(role, &nal);
            if !self.unit.open(head) {
                return Some(());
            }
        }
        let Some(begun) = self.unit.open else { return Some(()) }; // the first is missing
        if !self.unit.add(part) || !last {
            return Some(());
        }
        self.unit.close();
        let nal = begun + LENGTH_BYTES;
        if self.form.role(&self.unit.data[nal..]) == Role::Parameter {
            let set = self.unit.data.split_off(nal);
            self.unit.data.truncate(begun);
            self.keep(&set);
        }
        Some(())
    }

    /// Completes the access unit if this NAL unit begins the next one. `nal` has at least its head and, if there is one, the
    /// byte behind it.
    fn begin_if_due(&mut self, role: Role, nal: &[u8]) {
        let picture = role == Role::Picture;
        if self.unit.has_picture
            && (matches!(role, Role::Parameter | Role::Begins) || picture && self.form.is_first_slice(nal))
        {
            self.complete();
        }
        self.unit.has_picture |= picture;
    }

    fn keep(&mut self, nal: &[u8]) {
        self.changed |= self.sets.keep(self.form, nal);
    }

    fn tell_sets(&mut self) {
        if self.changed && self.sets.is_complete(self.form) {
            self.changed = false;
            self.out.push(Depayloaded::Parameters(self.sets.clone()));
        }
    }

    /// Hands out the access unit, if it has a picture; what comes before a picture is kept for it. Of a NAL unit no more
    /// parts are awaited.
    fn complete(&mut self) {
        self.unit.drop_open();
        if !std::mem::take(&mut self.unit.has_picture) {
            return;
        }
        // Its picture may be among what was left out.
        if self.form.has_picture(&self.unit.data) {
            self.tell_sets();
            // Copied, so that it takes no more memory than it needs, and the room in which the next one grows stays.
            let data = Bytes::copy_from_slice(&self.unit.data);
            self.out.push(Depayloaded::Unit { ticks: self.unit.ticks, data });
        }
        self.unit.data.clear();
    }
}

impl Unit {
    /// Begins a NAL unit. `false` when there is no room.
    fn open(&mut self, nal: &[u8]) -> bool {
        self.open = Some(self.data.len());
        self.data.extend_from_slice(&[0; LENGTH_BYTES]);
        self.add(nal)
    }

    /// Goes on with a NAL unit. `false` when there is no room: then nothing is left of any.
    fn add(&mut self, part: &[u8]) -> bool {
        if self.data.len() + part.len() > UNIT_BYTES_MAX {
            self.data.clear();
            self.open = None;
            return false;
        }
        self.data.extend_from_slice(part);
        true
    }

    /// The NAL unit is whole.
    fn close(&mut self) {
        let Some(begun) = self.open.take() else { return };
        // Bounded by UNIT_BYTES_MAX.
        let len = (self.data.len() - begun - LENGTH_BYTES) as u32;
        self.data[begun..begun + LENGTH_BYTES].copy_from_slice(&len.to_be_bytes());
    }

    /// The rest of the NAL unit will not come.
    fn drop_open(&mut self) {
        if let Some(begun) = self.open.take() {
            self.data.truncate(begun);
        }
    }
}

#[cfg(test)]
mod tests;
