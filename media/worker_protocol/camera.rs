//! What the server and a `media-worker` for cameras say to each other, over one socket for each camera.
//!
//! The server hands the worker one end of a new socket for each camera, along with one byte of zero, over the socket that
//! is the worker's stdin. On that socket, in the framing of [the frames' messages](super):
//!
//! ```text
//! from the server
//! 16 open      Open as JSON (the rest, at most 64 KiB); the first message
//! 17 packets   arrival_us u64 | entries        (arrival in microseconds since the Unix epoch, of the last packet)
//!              entry = track u8 | kind u8 (0 = RTP, 1 = RTCP) | length u16 | packet
//! 18 end       nothing more comes: give up what is held back
//!
//! from the worker
//! 24 media     fragmented MP4: ftyp+moov, or prft… moof+mdat (the rest, at most 32 MiB)
//! 25 report    Report as JSON (the rest, at most 4 KiB); every few seconds, and before the end
//! 26 failed    code u8 | detail (UTF-8, the rest); then the worker closes the socket
//! 27 ended     everything has been given up; then the worker closes the socket
//! ```
//! The worker takes as much as it can work off and no more, so a server that is behind with the media holds up the
//! packets, and in the end the camera.

use super::wire::{Fields, Head, ProtocolError, check_max};
use super::{PREFIX_BYTES, VERSION};
use crate::rtp::RtpTrack;
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// Largest message from the server, without its prefix.
pub const CAMERA_REQUEST_BYTES_MAX: usize = 256 << 10;
/// Largest message from the worker, without its prefix.
pub const CAMERA_RESPONSE_BYTES_MAX: usize = 16 + (32 << 20);
/// Most tracks of one camera.
pub const TRACKS_MAX: usize = 8;

const OPEN_BYTES_MAX: usize = 64 << 10;
const REPORT_BYTES_MAX: usize = 4 << 10;
const ENTRY_HEAD_BYTES: usize = 4;
/// What a camera sends in a fiftieth of a second at some megabits; more is made room for as it comes.
const BATCH_BYTES: usize = 16 << 10;
/// Where a batch's entries begin: prefix, version, kind and arrival.
const ENTRIES_AT: usize = PREFIX_BYTES + 2 + 8;

const KIND_OPEN: u8 = 16;
const KIND_PACKETS: u8 = 17;
const KIND_END: u8 = 18;
const KIND_MEDIA: u8 = 24;
const KIND_REPORT: u8 = 25;
const KIND_FAILED: u8 = 26;
const KIND_ENDED: u8 = 27;

/// How packets come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// In order and complete.
    #[default]
    Tcp,
    /// Perhaps out of order, twice, or not at all.
    Udp,
}

/// A camera that the worker itself is to connect to, with GStreamer's `rtspsrc`.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct WorkerSource {
    /// `rtsp://` or `rtsps://`, without user and password.
    pub url: String,
    /// For sign-in at the camera.
    pub user: Option<String>,
    /// For sign-in at the camera; never logged.
    pub password: Option<String>,
    /// Whether the camera's certificate must be one that the machine trusts.
    pub verify_certificate: bool,
}

impl std::fmt::Debug for WorkerSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerSource").field("url", &self.url).finish_non_exhaustive()
    }
}

/// How a camera's media is to be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Open {
    /// What the packets carry; 1 to [`TRACKS_MAX`], or none when there is a `source`.
    pub tracks: Vec<RtpTrack>,
    /// How packets come.
    pub carriage: Carriage,
    /// Chunks last about this long, in milliseconds.
    pub chunk_ms: u32,
    /// Where the worker gets the packets itself; then none are sent to it.
    pub source: Option<WorkerSource>,
}

/// One message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraRequest {
    /// See [`Open`].
    Open(Open),
    /// Packets, in the order in which they came.
    Packets(Batch),
    /// Nothing more comes.
    End,
}

/// Whether a packet carries media or tells about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Media.
    Rtp,
    /// Reports about it.
    Rtcp,
}

/// A packet as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which of [`Open::tracks`] it belongs to; not checked to be one.
    pub track: u8,
    /// RTP or RTCP.
    pub kind: PacketKind,
    /// The packet.
    pub data: Bytes,
}

/// Packets that came together, as the message in which they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// When the last of them came, in microseconds since the Unix epoch.
    pub arrival_us: u64,
    entries: Bytes,
}

/// Collects packets into a message.
#[derive(Debug)]
pub struct BatchBuilder(BytesMut);

impl Default for BatchBuilder {
    fn default() -> Self {
        let mut message = BytesMut::with_capacity(BATCH_BYTES);
        message.put_bytes(0, ENTRIES_AT);
        Self(message)
    }
}

impl BatchBuilder {
    /// Adds a packet. `false` when it does not fit any more: take the batch first. No packet is longer than 65,535 bytes.
    pub fn push(&mut self, track: u8, kind: PacketKind, packet: &[u8]) -> bool {
        let needed = self.0.len() - PREFIX_BYTES + ENTRY_HEAD_BYTES + packet.len();
        let Some(len) = u16::try_from(packet.len()).ok().filter(|_| needed <= CAMERA_REQUEST_BYTES_MAX)
        else {
            return false;
        };
        self.0.put_u8(track);
        self.0.put_u8(u8::from(kind == PacketKind::Rtcp));
        self.0.put_u16_le(len);
        self.0.put_slice(packet);
        true
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.len() == ENTRIES_AT
    }

    /// Bytes of packets and their heads in it.
    pub fn len(&self) -> usize {
        self.0.len() - ENTRIES_AT
    }

    /// The message, prefix included; what was collected is gone from here.
    pub fn take(&mut self, arrival_us: u64) -> Bytes {
        let mut message = std::mem::take(self).0;
        // Bounded by CAMERA_REQUEST_BYTES_MAX.
        let len = (message.len() - PREFIX_BYTES) as u32;
        message[..PREFIX_BYTES].copy_from_slice(&len.to_le_bytes());
        message[PREFIX_BYTES] = VERSION;
        message[PREFIX_BYTES + 1] = KIND_PACKETS;
        message[PREFIX_BYTES + 2..ENTRIES_AT].copy_from_slice(&arrival_us.to_le_bytes());
        message.freeze()
    }
}

impl Batch {
    /// The packets; an error is the last item.
    pub fn packets(&self) -> impl Iterator<Item = Result<Packet, ProtocolError>> + use<> {
        let mut rest = Some(self.entries.clone());
        std::iter::from_fn(move || {
            let mut fields = Fields::of(rest.take().filter(|rest| !rest.is_empty())?);
            let packet = read_packet(&mut fields);
            if packet.is_ok() {
                rest = Some(fields.into_rest());
            }
            Some(packet)
        })
    }
}

fn read_packet(fields: &mut Fields) -> Result<Packet, ProtocolError> {
    let track = fields.u8("track")?;
    let kind = match fields.u8("packet kind")? {
        0 => PacketKind::Rtp,
        1 => PacketKind::Rtcp,
        other => return Err(ProtocolError::Invalid { field: "packet kind", value: other.into() }),
    };
    let len = fields.u16("packet length")?;
    Ok(Packet { track, kind, data: fields.bytes(len.into(), "packet")? })
}

impl CameraRequest {
    /// The message, prefix included. Packets come out of a [`BatchBuilder`] instead.
    pub fn encode(&self) -> Result<Vec<Bytes>, ProtocolError> {
        Ok(match self {
            Self::Open(open) => {
                let json = json(open)?;
                check_max("open", json.len(), OPEN_BYTES_MAX)?;
                Head::new(KIND_OPEN).finish(&[json])
            }
            Self::Packets(batch) => Head::new(KIND_PACKETS)
                .put(&batch.arrival_us.to_le_bytes())
                .finish(std::slice::from_ref(&batch.entries)),
            Self::End => Head::new(KIND_END).finish(&[]),
        })
    }

    /// Reads a message, without its prefix.
    pub fn decode(message: Bytes) -> Result<Self, ProtocolError> {
        let (kind, mut fields) = Fields::open(message)?;
        Ok(match kind {
            KIND_OPEN => Self::Open(from_json(&fields.rest("open", OPEN_BYTES_MAX)?)?),
            KIND_PACKETS => {
                let arrival_us = fields.u64("arrival")?;
                Self::Packets(Batch { arrival_us, entries: fields.into_rest() })
            }
            KIND_END => {
                fields.finish()?;
                Self::End
            }
            other => return Err(ProtocolError::Invalid { field: "kind", value: other.into() }),
        })
    }
}

/// What the worker has seen of a camera so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// RTP packets taken.
    pub packets: u64,
    /// RTP packets that their sequence numbers say are missing.
    pub packets_lost: u64,
    /// RTP packets that were nobody's: garbage, another payload type, duplicates, too late.
    pub packets_dropped: u64,
    /// Coded pictures and packets of sound handed on.
    pub units: u64,
    /// What was wrong lately, in words.
    pub warning: Option<String>,
}

/// Why the worker gave a camera up. The numbers are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CameraFailure {
    /// A message was not understood.
    BadRequest = 1,
    /// The media is in a form that is not taken, which its packets only now show.
    Unsupported = 2,
    /// A GStreamer element is not installed; the detail names the Debian package.
    MissingElement = 3,
    /// GStreamer gave up.
    Broken = 4,
    /// The worker's own connection to the camera failed (only with a source).
    Unreachable = 5,
    /// The camera does not let us in (only with a source).
    Unauthorized = 6,
    /// The camera shows a certificate that is not trusted (only with a source).
    Untrusted = 7,
}

/// One message from the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraResponse {
    /// Fragmented MP4.
    Media(Bytes),
    /// How it goes.
    Report(Report),
    /// It goes no further.
    Failed {
        /// What kind.
        code: CameraFailure,
        /// For people.
        detail: String,
    },
    /// Everything has been given up.
    Ended,
}

impl CameraResponse {
    /// The message, prefix included.
    pub fn encode(&self) -> Result<Vec<Bytes>, ProtocolError> {
        Ok(match self {
            Self::Media(media) => {
                check_max("media", media.len(), CAMERA_RESPONSE_BYTES_MAX - 2)?;
                Head::new(KIND_MEDIA).finish(std::slice::from_ref(media))
            }
            Self::Report(report) => Head::new(KIND_REPORT).finish(&[json(report)?]),
            Self::Failed { code, detail } => Head::new(KIND_FAILED).put(&[*code as u8]).text(detail),
            Self::Ended => Head::new(KIND_ENDED).finish(&[]),
        })
    }

    /// Reads a message, without its prefix.
    pub fn decode(message: Bytes) -> Result<Self, ProtocolError> {
        let (kind, mut fields) = Fields::open(message)?;
        Ok(match kind {
            KIND_MEDIA => Self::Media(fields.rest("media", CAMERA_RESPONSE_BYTES_MAX)?),
            KIND_REPORT => Self::Report(from_json(&fields.rest("report", REPORT_BYTES_MAX)?)?),
            KIND_FAILED => {
                let code = CameraFailure::from_wire(fields.u8("code")?)?;
                Self::Failed { code, detail: fields.text("detail")? }
            }
            KIND_ENDED => {
                fields.finish()?;
                Self::Ended
            }
            other => return Err(ProtocolError::Invalid { field: "kind", value: other.into() }),
        })
    }
}

impl CameraFailure {
    fn from_wire(value: u8) -> Result<Self, ProtocolError> {
        use CameraFailure::{
            BadRequest, Broken, MissingElement, Unauthorized, Unreachable, Unsupported, Untrusted,
        };
        [BadRequest, Unsupported, MissingElement, Broken, Unreachable, Unauthorized, Untrusted]
            .into_iter()
            .find(|failure| *failure as u8 == value)
            .ok_or(ProtocolError::Invalid { field: "failure code", value: value.into() })
    }
}

fn json(value: &impl Serialize) -> Result<Bytes, ProtocolError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| ProtocolError::Json(error.to_string()))
}

fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ProtocolError> {
    serde_json::from_slice(bytes).map_err(|error| ProtocolError::Json(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::message_len;
    use super::*;
    use crate::rtp::Encoding;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn open() -> Open {
        let track = RtpTrack {
            encoding: Encoding::H264,
            payload_type: 96,
            clock_rate: 90_000,
            channels: 0,
            fmtp: BTreeMap::from([("packetization-mode".to_owned(), "1".to_owned())]),
            ntp_extension: Some(3),
            control: "streamid=0".to_owned(),
        };
        let source = WorkerSource {
            url: "rtsps://camera/".to_owned(),
            user: Some("u".to_owned()),
            password: Some("hush".to_owned()),
            verify_certificate: true,
        };
        Open { tracks: vec![track], carriage: Carriage::Udp, chunk_ms: 250, source: Some(source) }
    }

    /// The message without its prefix, which is checked.
    fn body(parts: &[Bytes]) -> Bytes {
        let mut whole = Bytes::from(parts.concat());
        let prefix = whole.split_to(PREFIX_BYTES);
        let len = message_len(prefix[..].try_into().unwrap(), CAMERA_RESPONSE_BYTES_MAX).unwrap();
        assert_eq!(len, whole.len());
        whole
    }

    #[test]
    fn requests_round_trip_and_every_cut_is_refused() {
        let mut builder = BatchBuilder::default();
        assert!(builder.is_empty());
        assert!(builder.push(0, PacketKind::Rtp, b"media") && builder.push(7, PacketKind::Rtcp, b""));
        let batch = body(&[builder.take(5)]);
        let CameraRequest::Packets(packets) = CameraRequest::decode(batch.clone()).unwrap() else { panic!() };
        assert_eq!(packets.arrival_us, 5);
        let found: Vec<_> = packets.packets().collect::<Result<_, _>>().unwrap();
        assert_eq!(found[0], Packet { track: 0, kind: PacketKind::Rtp, data: "media".into() });
        assert_eq!(found[1], Packet { track: 7, kind: PacketKind::Rtcp, data: Bytes::new() });

        for request in [CameraRequest::Open(open()), CameraRequest::Packets(packets), CameraRequest::End] {
            let message = body(&request.encode().unwrap());
            assert_eq!(CameraRequest::decode(message.clone()).unwrap(), request);
            for len in 0..message.len() {
                let cut = CameraRequest::decode(message.slice(..len));
                let whole = cut.as_ref().is_ok_and(|cut| match cut {
                    CameraRequest::Packets(batch) => batch.packets().all(|packet| packet.is_ok()),
                    _ => true,
                });
                // Between two packets a batch may well end.
                let boundary = matches!(request, CameraRequest::Packets(_)) && [10, 19].contains(&len);
                assert_eq!(whole, boundary, "{request:?} cut at {len}");
            }
        }
    }

    #[test]
    fn responses_round_trip_and_every_cut_is_refused() {
        let report = Report { packets: 1, warning: Some("w".to_owned()), ..Report::default() };
        let failed = CameraResponse::Failed { code: CameraFailure::Broken, detail: String::new() };
        for response in [CameraResponse::Report(report), failed, CameraResponse::Ended] {
            let message = body(&response.encode().unwrap());
            assert_eq!(CameraResponse::decode(message.clone()).unwrap(), response);
            for len in 0..message.len() {
                assert!(CameraResponse::decode(message.slice(..len)).is_err(), "{response:?} cut at {len}");
            }
        }
        let media = CameraResponse::Media("moof".into());
        assert_eq!(CameraResponse::decode(body(&media.encode().unwrap())).unwrap(), media);
    }

    #[test]
    fn a_batch_has_a_bound() {
        let mut builder = BatchBuilder::default();
        let packet = vec![0; 65_535];
        assert!((0..3).all(|_| builder.push(0, PacketKind::Rtp, &packet)));
        assert!(!builder.push(0, PacketKind::Rtp, &packet));
        assert!(builder.len() <= CAMERA_REQUEST_BYTES_MAX);
        assert!(builder.take(0).len() <= CAMERA_REQUEST_BYTES_MAX + PREFIX_BYTES && builder.is_empty());
        assert!(!builder.push(0, PacketKind::Rtp, &vec![0; 65_536]), "longer than any packet");
    }

    #[test]
    fn a_password_is_not_printed() {
        assert!(!format!("{:?}", open()).contains("hush"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut message = vec![VERSION];
            message.extend(bytes);
            if let Ok(CameraRequest::Packets(batch)) = CameraRequest::decode(message.clone().into()) {
                batch.packets().for_each(drop);
            }
            let _ = CameraResponse::decode(message.into());
        }
    }
}
