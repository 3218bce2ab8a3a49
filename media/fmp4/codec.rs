//! Sample entries: which codec, its configuration, and its RFC 6381 name.

use super::boxes::{BoxAt, bad, decode, find};
use super::init::TrackKind;
use crate::error::{BoxName, MediaError};
use bytes::Bytes;

/// The codecs taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 (`avc1`, `avc3`).
    H264,
    /// H.265 (`hvc1`, `hev1`).
    H265,
    /// AV1 (`av01`).
    Av1,
    /// AAC (`mp4a`).
    Aac,
    /// Opus.
    Opus,
    /// FLAC.
    Flac,
}

impl Codec {
    /// Pictures or sound.
    pub fn kind(self) -> TrackKind {
        match self {
            Self::H264 | Self::H265 | Self::Av1 => TrackKind::Video,
            Self::Aac | Self::Opus | Self::Flac => TrackKind::Audio,
        }
    }
}

/// Most pixels of width or height that are believed.
const SIDE_MAX: u64 = 16_384;

/// What a sample entry says.
pub(crate) struct Entry {
    pub(crate) codec: Codec,
    pub(crate) codec_string: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u16,
    pub(crate) extradata: Bytes,
    pub(crate) nal_length_bytes: u8,
    pub(crate) parameter_sets_in_band: bool,
}

/// Reads the sample entry of a video (`vide`) or audio (`soun`) track.
pub(crate) fn read_entry(track_id: u32, video: bool, entry: BoxAt<'_>) -> Result<Entry, MediaError> {
    let children = children(entry, video)?;
    if matches!(&entry.name, b"encv" | b"enca") || find(children, b"sinf")?.is_some() {
        return Err(MediaError::Encrypted {
            track_id,
            scheme: scheme(children)?.unwrap_or(BoxName(entry.name)),
        });
    }
    let unsupported = || MediaError::UnsupportedCodec { track_id, entry: BoxName(entry.name) };
    match (&entry.name, video) {
        (b"avc1" | b"avc3", true) => h264(entry, children),
        (b"hvc1" | b"hev1", true) => h265(entry, children),
        (b"av01", true) => av1(entry, children),
        (b"mp4a", false) => aac(entry, children)?.ok_or_else(unsupported),
        (b"Opus", false) => opus(entry, children),
        (b"fLaC", false) => flac(entry, children),
        _ => Err(unsupported()),
    }
}

/// The boxes inside a sample entry, behind its fixed fields.
fn children(entry: BoxAt<'_>, video: bool) -> Result<&[u8], MediaError> {
    let fixed = if video {
        78
    } else {
        // QuickTime's versions 1 and 2 of the sound entry carry more fields.
        match entry.body.get(8..10) {
            Some([0, 1]) => 44,
            Some([0, 2]) => 64,
            _ => 28,
        }
    };
    entry.body.get(fixed..).ok_or_else(|| bad(entry.name, "its fixed fields are cut off"))
}

/// The protection scheme (`sinf` → `schm`).
fn scheme(children: &[u8]) -> Result<Option<BoxName>, MediaError> {
    let Some(sinf) = find(children, b"sinf")? else { return Ok(None) };
    let Some(schm) = find(sinf.body, b"schm")? else { return Ok(None) };
    Ok(schm.body.get(4..).and_then(|rest| rest.first_chunk()).map(|&name| BoxName(name)))
}

/// The box with the decoder's configuration.
fn config<'a>(entry: BoxAt<'a>, children: &'a [u8], name: &[u8; 4]) -> Result<BoxAt<'a>, MediaError> {
    let found =
        find(children, name)?.ok_or_else(|| bad(entry.name, &format!("it has no {} box", BoxName(*name))))?;
    if found.body.is_empty() {
        // What ffmpeg does with libaom and empty_moov.
        return Err(bad(
            *name,
            "it is empty: the moov was written before the encoder was known (use +delay_moov)",
        ));
    }
    Ok(found)
}

fn be16(body: &[u8], at: usize) -> u16 {
    body.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&pair| u16::from_be_bytes(pair))
}

/// Fields common to the video entries.
fn video(
    entry: BoxAt<'_>,
    codec: Codec,
    codec_string: String,
    extradata: &[u8],
) -> Result<Entry, MediaError> {
    let (width, height) = (u32::from(be16(entry.body, 24)), u32::from(be16(entry.body, 26)));
    let side = u64::from(width.max(height));
    if side > SIDE_MAX {
        return Err(MediaError::Absurd { what: "width or height in pixels", value: side, limit: SIDE_MAX });
    }
    Ok(Entry {
        codec,
        codec_string,
        width,
        height,
        sample_rate: 0,
        channels: 0,
        extradata: Bytes::copy_from_slice(extradata),
        nal_length_bytes: 0,
        parameter_sets_in_band: matches!(&entry.name, b"avc3" | b"hev1"),
    })
}

fn h264(entry: BoxAt<'_>, children: &[u8]) -> Result<Entry, MediaError> {
    let found = config(entry, children, b"avcC")?;
    let avcc: mp4_atom::Avcc = decode(found)?;
    let name = format!(
        "{}.{:02x}{:02x}{:02x}",
        BoxName(entry.name),
        avcc.avc_profile_indication,
        avcc.profile_compatibility,
        avcc.avc_level_indication
    );
    Ok(Entry { nal_length_bytes: avcc.length_size, ..video(entry, Codec::H264, name, found.body)? })
}

fn h265(entry: BoxAt<'_>, children: &[u8]) -> Result<Entry, MediaError> {
    let found = config(entry, children, b"hvcC")?;
    let hvcc: mp4_atom::Hvcc = decode(found)?;
    let name = format!("{}.{}", BoxName(entry.name), h265_profile(&hvcc));
    let nal_length_bytes = hvcc.length_size_minus_one + 1;
    Ok(Entry { nal_length_bytes, ..video(entry, Codec::H265, name, found.body)? })
}

/// Profile, compatibility, tier and level, constraints (ISO/IEC 14496-15, annex E).
fn h265_profile(hvcc: &mp4_atom::Hvcc) -> String {
    let space = ["", "A", "B", "C"][usize::from(hvcc.general_profile_space & 3)];
    let compatibility = u32::from_be_bytes(hvcc.general_profile_compatibility_flags).reverse_bits();
    let tier = if hvcc.general_tier_flag { 'H' } else { 'L' };
    let (profile, level) = (hvcc.general_profile_idc, hvcc.general_level_idc);
    let mut text = format!("{space}{profile}.{compatibility:X}.{tier}{level}");
    let constraints = &hvcc.general_constraint_indicator_flags;
    let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        text.push_str(&format!(".{byte:X}"));
    }
    text
}

fn av1(entry: BoxAt<'_>, children: &[u8]) -> Result<Entry, MediaError> {
    let found = config(entry, children, b"av1C")?;
    let av1c: mp4_atom::Av1c = decode(found)?;
    let depth = match (av1c.high_bitdepth, av1c.twelve_bit) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let tier = if av1c.seq_tier_0 { 'H' } else { 'M' };
    let name = format!("av01.{}.{:02}{tier}.{depth:02}", av1c.seq_profile, av1c.seq_level_idx_0);
    video(entry, Codec::Av1, name, found.body)
}

/// AAC; `None` when the `mp4a` entry carries something else, such as MP3.
fn aac(entry: BoxAt<'_>, children: &[u8]) -> Result<Option<Entry>, MediaError> {
    let wave = find(children, b"wave")?.map_or(children, |wave| wave.body); // QuickTime puts it one level down
    let esds: mp4_atom::Esds = decode(config(entry, wave, b"esds")?)?;
    let config = esds.es_desc.dec_config;
    let object_type = config.object_type_indication;
    if !matches!(object_type, 0x40 | 0x66..=0x68) {
        return Ok(None);
    }
    let specific = config.dec_specific.unwrap_or_default();
    let codec_string = match (object_type, specific.profile) {
        (0x40, 0) => "mp4a.40.2".to_owned(),
        (0x40, profile) => format!("mp4a.40.{profile}"),
        (other, _) => format!("mp4a.{other:x}"),
    };
    let channels = match specific.chan_conf {
        0 => be16(entry.body, 16),
        7 => 8,
        count => u16::from(count),
    };
    let sample_rate = aac_rate(&specific).unwrap_or(u32::from(be16(entry.body, 24)));
    Ok(Some(Entry { sample_rate, ..audio(Codec::Aac, codec_string, channels, &specific.raw) }))
}

/// Sampling rate of an AudioSpecificConfig, where it uses an index.
fn aac_rate(specific: &mp4_atom::esds::DecoderSpecific) -> Option<u32> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    if specific.raw.is_empty() {
        return None;
    }
    RATES.get(usize::from(specific.freq_index)).copied()
}

fn opus(entry: BoxAt<'_>, children: &[u8]) -> Result<Entry, MediaError> {
    let found = config(entry, children, b"dOps")?;
    let dops: mp4_atom::Dops = decode(found)?;
    let channels = u16::from(dops.output_channel_count);
    Ok(audio(Codec::Opus, "Opus".to_owned(), channels, found.body))
}

/// FLAC: what counts is the STREAMINFO block, which must be the first (RFC 9639, section 8.2).
///
/// ```text
/// version, flags u32 | last u1 type u7 length u24 | 10 bytes | rate u20 channels-1 u3 … of STREAMINFO
/// ```
fn flac(entry: BoxAt<'_>, children: &[u8]) -> Result<Entry, MediaError> {
    let found = config(entry, children, b"dfLa")?;
    let info = match found.body.get(4..42) {
        Some([first, 0, 0, 34, info @ ..]) if first & 0x7f == 0 => info,
        _ => return Err(bad(*b"dfLa", "it does not begin with STREAMINFO")),
    };
    let sample_rate = u32::from_be_bytes([0, info[10], info[11], info[12]]) >> 4;
    if sample_rate == 0 {
        return Err(bad(*b"dfLa", "its sample rate is 0"));
    }
    let channels = u16::from(info[12] >> 1 & 7) + 1;
    Ok(Entry { sample_rate, ..audio(Codec::Flac, "flac".to_owned(), channels, found.body) })
}

/// Fields common to the audio entries. Opus always decodes at 48 kHz.
fn audio(codec: Codec, codec_string: String, channels: u16, extradata: &[u8]) -> Entry {
    Entry {
        codec,
        codec_string,
        width: 0,
        height: 0,
        sample_rate: 48_000,
        channels,
        extradata: Bytes::copy_from_slice(extradata),
        nal_length_bytes: 0,
        parameter_sets_in_band: false,
    }
}
