//! Session descriptions (SDP, RFC 8866): which of a camera's media can be stored, and why others cannot.

use super::track::{Encoding, RtpTrack};
use crate::fmp4::TrackKind;
use crate::worker_protocol::camera::TRACKS_MAX;
use sdp_types::{Media, Session};
use std::collections::BTreeMap;

/// Longest description in bytes.
pub const SDP_BYTES_MAX: usize = 64 << 10;
/// Most media of any kind in a description.
const MEDIA_MAX: usize = 32;
/// Most sound channels.
const CHANNELS_MAX: u16 = 8;
/// Fastest clock in ticks per second; sound of 192 kHz is the fastest that has one of its own.
const CLOCK_RATE_MAX: u32 = 192_000;
/// Header extension with NTP time (RFC 6051).
const NTP_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:ntp-64";

/// What a session description announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SdpTracks {
    /// What can be stored; never empty, at most [`TRACKS_MAX`], and at most one of pictures.
    pub tracks: Vec<RtpTrack>,
    /// For each of the tracks, which of the description's media it is (0 is the first `m=` line of any kind).
    pub media: Vec<usize>,
    /// Pictures and sound that cannot be.
    pub unsupported: Vec<Unsupported>,
}

/// A medium that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Unsupported {
    /// Which of the description's media it is.
    pub media: usize,
    /// Pictures or sound.
    pub kind: TrackKind,
    /// How it is coded, as the description names that.
    pub what: String,
    /// Why not, and what to do.
    pub why: String,
}

/// Why a description is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpRefusal {
    /// Longer than [`SDP_BYTES_MAX`].
    #[error("the session description has {0} bytes; at most {SDP_BYTES_MAX} are taken")]
    TooLong(usize),
    /// It cannot be read.
    #[error("the session description cannot be read: {0}")]
    Malformed(String),
    /// More media than anyone sends.
    #[error(
        "the session description announces {0} media; at most {MEDIA_MAX}, and {TRACKS_MAX} tracks, are taken"
    )]
    TooMany(usize),
    /// Neither pictures nor sound.
    #[error("the session description announces neither video nor audio")]
    NoMedia,
    /// Nothing that can be stored, or not all.
    #[error("{0}")]
    Unsupported(Unsupported),
}

impl SdpTracks {
    /// The tracks, if everything that is announced can be stored: for who chose what to send.
    pub fn all(self) -> Result<Vec<RtpTrack>, SdpRefusal> {
        match self.unsupported.into_iter().next() {
            Some(unsupported) => Err(SdpRefusal::Unsupported(unsupported)),
            None => Ok(self.tracks),
        }
    }
}

/// Reads a session description. Media that are neither video nor audio (ONVIF's metadata, captions) are passed over. Refuses
/// one without any track that can be stored.
pub fn tracks(description: &[u8]) -> Result<SdpTracks, SdpRefusal> {
    if description.len() > SDP_BYTES_MAX {
        return Err(SdpRefusal::TooLong(description.len()));
    }
    let session = Session::parse(description).map_err(|error| SdpRefusal::Malformed(error.to_string()))?;
    if session.medias.len() > MEDIA_MAX {
        return Err(SdpRefusal::TooMany(session.medias.len()));
    }
    let mut found = SdpTracks::default();
    for (index, media) in session.medias.iter().enumerate() {
        let kind = match media.media.as_str() {
            "video" => TrackKind::Video,
            "audio" => TrackKind::Audio,
            _ => continue,
        };
        let again = kind == TrackKind::Video
            && found.tracks.iter().any(|track| track.encoding.kind() == TrackKind::Video);
        match read_media(&session, media, kind) {
            Ok(_) if again => found.unsupported.push(Unsupported {
                media: index,
                kind,
                what: "a second video track".to_owned(),
                why: "a stream has one; give the other a stream of its own".to_owned(),
            }),
            Ok(track) => {
                found.tracks.push(track);
                found.media.push(index);
            }
            Err((what, why)) => found.unsupported.push(Unsupported { media: index, kind, what, why }),
        }
    }
    if found.tracks.len() > TRACKS_MAX {
        return Err(SdpRefusal::TooMany(found.tracks.len()));
    }
    if found.tracks.is_empty() {
        let unsupported = found.unsupported.into_iter().next();
        return Err(unsupported.map_or(SdpRefusal::NoMedia, SdpRefusal::Unsupported));
    }
    Ok(found)
}

/// What is not supported, and why.
type No = (String, String);

/// One medium, in the first of its formats that can be stored.
fn read_media(session: &Session, media: &Media, kind: TrackKind) -> Result<RtpTrack, No> {
    if !media.proto.to_ascii_uppercase().starts_with("RTP/AVP") {
        let why = match media.proto.to_ascii_uppercase().contains("SAVP") {
            true => "encrypted RTP is not taken; use rtsps:// instead",
            false => "only RTP is taken",
        };
        return Err((clip(&media.proto), why.to_owned()));
    }
    let mut first = None;
    for format in media.fmt.split_ascii_whitespace() {
        match read_format(session, media, kind, format) {
            Ok(track) => return Ok(track),
            Err(no) => first = first.or(Some(no)),
        }
    }
    Err(first.unwrap_or_else(|| ("media without any format".to_owned(), "nothing is known of it".to_owned())))
}

/// A payload type's `a=rtpmap`, or what it stands for without one.
struct Map {
    name: String,
    clock_rate: u32,
    channels: u16,
}

fn read_format(session: &Session, media: &Media, kind: TrackKind, format: &str) -> Result<RtpTrack, No> {
    let payload_type: Option<u8> = format.parse().ok().filter(|value| *value < 128);
    let Some(payload_type) = payload_type else {
        return Err((clip(format), "it is no RTP payload type".to_owned()));
    };
    let map = map(media, payload_type)
        .ok_or_else(|| (format!("payload type {payload_type}"), "nothing says how it is coded".to_owned()))?;
    let no = |why: &str| (map.name.clone(), why.to_owned());
    let encoding = encoding(&map.name, kind).map_err(|why| no(&why))?;
    if map.clock_rate == 0 || map.clock_rate > CLOCK_RATE_MAX {
        return Err(no("its clock rate makes no sense"));
    }
    let channels = if kind == TrackKind::Audio { map.channels.max(1) } else { 0 };
    let fmtp = fmtp(media, payload_type);
    if let Some(why) = objection(encoding, channels, &fmtp) {
        return Err(no(why));
    }
    Ok(RtpTrack {
        encoding,
        payload_type,
        clock_rate: map.clock_rate,
        channels,
        fmtp,
        ntp_extension: ntp_extension(session, media),
        control: values(media, "control").next().unwrap_or_default().trim().to_owned(),
    })
}

fn map(media: &Media, payload_type: u8) -> Option<Map> {
    for value in values(media, "rtpmap") {
        let Some(said) = of_payload_type(value, payload_type) else { continue };
        let mut parts = said.trim().split('/');
        let name = clip(parts.next().unwrap_or_default().trim());
        let clock_rate = parts.next().and_then(|rate| rate.trim().parse().ok()).unwrap_or(0);
        let channels = parts.next().and_then(|count| count.trim().parse().ok()).unwrap_or(1);
        return Some(Map { name, clock_rate, channels });
    }
    // RFC 3551, section 6.
    let (name, clock_rate) = match payload_type {
        0 => ("PCMU", 8_000),
        3 => ("GSM", 8_000),
        8 => ("PCMA", 8_000),
        9 => ("G722", 8_000),
        10 | 11 => ("L16", 44_100),
        14 => ("MPA", 90_000),
        26 => ("JPEG", 90_000),
        31 => ("H261", 90_000),
        32 => ("MPV", 90_000),
        33 => ("MP2T", 90_000),
        34 => ("H263", 90_000),
        _ => return None,
    };
    Some(Map { name: name.to_owned(), clock_rate, channels: 1 })
}

/// The encoding of this name, or why it is not taken.
fn encoding(name: &str, kind: TrackKind) -> Result<Encoding, String> {
    let encoding = match Encoding::named(name) {
        Some(encoding) => encoding,
        None if name.eq_ignore_ascii_case("AV1") => {
            return Err("AV1 cannot be taken out of RTP here (GStreamer 1.22 has no depayloader for it); \
                        push it over HTTP as fragmented MP4"
                .to_owned());
        }
        None => {
            return Err(match kind {
                TrackKind::Video => "it is not stored here; set the camera to H.264 or H.265",
                TrackKind::Audio => "it is not stored here; set the camera to AAC, Opus or G.711",
            }
            .to_owned());
        }
    };
    if encoding.kind() == kind {
        Ok(encoding)
    } else {
        Err("it is announced as the other kind of media".to_owned())
    }
}

/// What speaks against an encoding with these parameters.
fn objection(encoding: Encoding, channels: u16, fmtp: &BTreeMap<String, String>) -> Option<&'static str> {
    let said = |name: &str| fmtp.get(name).map(String::as_str);
    if channels > CHANNELS_MAX {
        return Some("it has too many channels");
    }
    match encoding {
        Encoding::H264 if said("packetization-mode") == Some("2") => {
            Some("interleaved packets are not taken (packetization-mode 2)")
        }
        Encoding::H265 if said("sprop-max-don-diff").is_some_and(|value| value != "0") => {
            Some("interleaved packets are not taken (sprop-max-don-diff)")
        }
        Encoding::Aac if !said("mode").is_some_and(|mode| mode.to_ascii_uppercase().starts_with("AAC-")) => {
            Some("of MPEG-4 sound only AAC is taken (mode AAC-hbr or AAC-lbr)")
        }
        Encoding::Aac | Encoding::AacLatm if !said("config").is_some_and(is_hex) => {
            Some("its parameters lack the decoder's configuration (config)")
        }
        Encoding::Pcmu | Encoding::Pcma if channels > 2 => Some("it has too many channels"),
        _ => None,
    }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The format parameters, by names in lower case.
fn fmtp(media: &Media, payload_type: u8) -> BTreeMap<String, String> {
    let said = values(media, "fmtp").filter_map(|value| of_payload_type(value, payload_type));
    let mut parameters = BTreeMap::new();
    for parameter in said.flat_map(|said| said.split(';')) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !name.trim().is_empty() {
            parameters.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    parameters
}

fn ntp_extension(session: &Session, media: &Media) -> Option<u8> {
    let of_session = session.attributes.iter().filter(|attribute| attribute.attribute == "extmap");
    let of_session = of_session.filter_map(|attribute| attribute.value.as_deref());
    values(media, "extmap").chain(of_session).find_map(|value| {
        let (id, uri) = value.trim().split_once(' ')?;
        let id = id.split('/').next()?.parse().ok().filter(|id| *id > 0)?;
        (uri.split_ascii_whitespace().next()? == NTP_EXTENSION).then_some(id)
    })
}

/// The values of a medium's attributes of this name.
fn values<'a>(media: &'a Media, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named =
        media.attributes.iter().filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name));
    named.filter_map(|attribute| attribute.value.as_deref())
}

/// What follows the payload type, if the value is of this one.
fn of_payload_type(value: &str, payload_type: u8) -> Option<&str> {
    let (said, rest) = value.trim().split_once(|c: char| c.is_ascii_whitespace())?;
    (said.parse() == Ok(payload_type)).then_some(rest)
}

/// A name out of a description, short and printable, for messages.
fn clip(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As ffmpeg announces H.264 and AAC.
    const FFMPEG: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        a=tool:libavformat 59.27.100\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LADdoCg,aM4G4g==; profile-level-id=42C00D\r\n\
        a=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\nb=AS:128\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n\
        a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1190\r\n\
        a=control:streamid=1\r\n";

    fn media(lines: &str) -> String {
        format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n{lines}")
    }

    #[test]
    fn what_ffmpeg_announces() {
        let found = tracks(FFMPEG.as_bytes()).unwrap();
        assert_eq!((&found.media[..], &found.unsupported[..]), (&[0, 1][..], &[][..]));
        let [video, audio] = &found.all().unwrap()[..] else { panic!() };
        assert_eq!((video.encoding, video.payload_type, video.clock_rate), (Encoding::H264, 96, 90_000));
        assert_eq!((video.channels, video.control.as_str()), (0, "streamid=0"));
        assert_eq!(video.fmtp["sprop-parameter-sets"], "Z0LADdoCg,aM4G4g==");
        assert_eq!((audio.encoding, audio.clock_rate, audio.channels), (Encoding::Aac, 48_000, 2));
        assert_eq!((audio.fmtp["config"].as_str(), audio.fmtp["mode"].as_str()), ("1190", "AAC-hbr"));
    }

    #[test]
    fn metadata_is_passed_over_and_static_types_are_known() {
        let found = tracks(
            media(
                "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n\
                 m=audio 0 RTP/AVP 0\r\na=control:rtsp://cam/trackID=2\r\n\
                 m=video 0 RTP/AVP 35 98\r\na=rtpmap:98 h265/90000\r\na=rtpmap:35 jpeg2000/90000\r\n\
                 a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:ntp-64\r\n",
            )
            .as_bytes(),
        )
        .unwrap();
        assert_eq!(found.media, [1, 2]);
        let [sound, pictures] = &found.tracks[..] else { panic!() };
        assert_eq!((sound.encoding, sound.clock_rate, sound.channels), (Encoding::Pcmu, 8_000, 1));
        assert_eq!(sound.control, "rtsp://cam/trackID=2");
        assert_eq!((pictures.encoding, pictures.payload_type), (Encoding::H265, 98));
        assert_eq!(pictures.ntp_extension, Some(4));
    }

    #[test]
    fn what_cannot_be_stored_is_named_with_the_reason() {
        for (lines, what, why) in [
            ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 AV1/90000\r\n", "AV1", "push it over HTTP"),
            ("m=video 0 RTP/AVP 26\r\n", "JPEG", "H.264"),
            ("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 G726-32/8000\r\n", "G726-32", "AAC, Opus or G.711"),
            ("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000\r\n", "mpeg4-generic", "AAC-hbr"),
            ("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000\r\n", "MP4A-LATM", "config"),
            ("m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n", "RTP/SAVP", "rtsps"),
            ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n", "H264", "clock rate"),
            ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n", "opus", "other kind"),
            ("m=video 0 RTP/AVP 99\r\n", "payload type 99", "nothing says"),
        ] {
            let refused = tracks(media(lines).as_bytes());
            let Err(SdpRefusal::Unsupported(unsupported)) = refused else { panic!("{what}: {refused:?}") };
            assert_eq!(unsupported.what, what);
            assert!(unsupported.why.contains(why), "{unsupported}");
            // Beside a track that can be stored, it is up to the caller.
            let both = format!("{}m=audio 0 RTP/AVP 8\r\n", media(lines));
            let found = tracks(both.as_bytes()).unwrap();
            assert_eq!(
                (found.tracks.len(), found.media[0], &found.unsupported[..]),
                (1, 1, &[unsupported][..])
            );
            assert!(found.all().is_err());
        }
        assert_eq!(tracks(media("").as_bytes()), Err(SdpRefusal::NoMedia));
        assert_eq!(tracks(&[b'x'; SDP_BYTES_MAX + 1]), Err(SdpRefusal::TooLong(SDP_BYTES_MAX + 1)));
        assert!(matches!(tracks(b"v=7\r\n"), Err(SdpRefusal::Malformed(_))));
        let many = media(&"m=audio 0 RTP/AVP 0\r\n".repeat(9));
        assert_eq!(tracks(many.as_bytes()), Err(SdpRefusal::TooMany(9)));
        let two = media(&"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n".repeat(2));
        assert_eq!(tracks(two.as_bytes()).unwrap().unsupported[0].media, 1);
    }

    proptest! {
        #[test]
        fn any_change_to_a_description_is_safe(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
            len in any::<prop::sample::Index>(),
        ) {
            let mut description = FFMPEG.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(description.len());
                description[at] = byte;
            }
            let _ = tracks(&description);
            let _ = tracks(&description[..len.index(description.len())]);
        }
    }
}
