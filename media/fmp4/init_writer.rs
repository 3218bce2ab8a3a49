//! Writing initialisation segments.

use super::boxes::{bad, encode, put_box};
use super::codec::Codec;
use super::init::TrackKind;
use crate::error::MediaError;
use bytes::Bytes;
use mp4_atom::{
    Dinf, Dref, DrefEntry, FourCC, Ftyp, Hdlr, Mdhd, Mvhd, Smhd, Stco, Stsc, Stsz, Stts, Tkhd, Trex, Url,
    Vmhd,
};

/// Most bytes of an AudioSpecificConfig; those of cameras have two to five.
const ASC_BYTES_MAX: usize = 64;
/// Bytes of a FLAC STREAMINFO block without its header (RFC 9639, section 8.2).
const STREAMINFO_BYTES: usize = 34;

/// How a track is coded, as an initialisation segment is to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackConfig {
    /// How its samples are coded.
    pub codec: Codec,
    /// Decoder configuration: the body of `avcC`, `hvcC`, `av1C`, `dOps` or `dfLa`; for AAC the AudioSpecificConfig.
    pub extradata: Bytes,
    /// Ticks per second; not zero.
    pub timescale: u32,
    /// Coded width in pixels, at most 65,535; 0 for sound.
    pub width: u32,
    /// Coded height in pixels, at most 65,535; 0 for sound.
    pub height: u32,
    /// Samples per second; 0 for pictures.
    pub sample_rate: u32,
    /// Sound channels; 0 for pictures.
    pub channels: u16,
}

impl TrackConfig {
    /// Bytes of the length before each NAL unit; 0 when the codec has none or the configuration is cut off.
    pub fn nal_length_bytes(&self) -> u8 {
        let at = match self.codec {
            Codec::H264 => 4,
            Codec::H265 => 21,
            Codec::Av1 | Codec::Aac | Codec::Opus | Codec::Flac => return 0,
        };
        self.extradata.get(at).map_or(0, |byte| (byte & 3) + 1)
    }
}

/// The body of a `dOps` box for a stream that was joined in its middle: nothing is skipped at its start, and one or two
/// channels need no mapping (the Opus in ISOBMFF specification, section 4.3.2).
pub fn opus_config(channels: u16, sample_rate: u32) -> Bytes {
    let mut out = vec![0, channels.clamp(1, 2) as u8, 0, 0];
    out.extend_from_slice(&sample_rate.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0]);
    out.into()
}

/// The body of a `dfLa` box out of what a FLAC encoder writes first: anything that has `fLaC` and the STREAMINFO block in it,
/// as FLAC files and FLAC in Ogg begin. `None` when it is not there.
pub fn flac_config(header: &[u8]) -> Option<Bytes> {
    let at = header.windows(4).position(|window| window == b"fLaC")? + 4;
    let block = header.get(at..at + 4 + STREAMINFO_BYTES)?;
    if block[0] & 0x7f != 0 || block[1..4] != [0, 0, STREAMINFO_BYTES as u8] {
        return None;
    }
    let mut out = vec![0; 4];
    out.extend_from_slice(block);
    out[4] |= 0x80; // nothing follows it here
    Some(out.into())
}

/// Writes `ftyp` and `moov` of a fragmented MP4 with these tracks, each with its id. Fails when there is none, when two have
/// the same id, and when a configuration is not one that [`super::Init`] would take.
pub fn write_init(tracks: &[(u32, TrackConfig)]) -> Result<Bytes, MediaError> {
    let mut out = Vec::with_capacity(1024);
    let brand = |name| FourCC::new(name);
    let compatible_brands = vec![brand(b"iso6"), brand(b"mp41")];
    encode(&Ftyp { major_brand: brand(b"iso6"), minor_version: 0, compatible_brands }, &mut out)?;
    put_box(&mut out, b"moov", |out| {
        let next_track_id = tracks.iter().map(|(id, _)| id.saturating_add(1)).max().unwrap_or(1);
        encode(&Mvhd { next_track_id, ..Mvhd::default() }, out)?;
        for (id, track) in tracks {
            put_track(out, *id, track)?;
        }
        put_box(out, b"mvex", |out| {
            for (id, _) in tracks {
                let trex = Trex { track_id: *id, default_sample_description_index: 1, ..Trex::default() };
                encode(&trex, out)?;
            }
            Ok(())
        })
    })?;
    let out = Bytes::from(out);
    // What is written is read before it goes anywhere: configurations come from outside.
    super::Init::parse(&out)?;
    Ok(out)
}

fn put_track(out: &mut Vec<u8>, id: u32, track: &TrackConfig) -> Result<(), MediaError> {
    let kind = track.codec.kind();
    let side = |value: u32| u16::try_from(value).map_err(|_| bad(*b"tkhd", "a side is over 65,535 pixels"));
    let (width, height) = (side(track.width)?, side(track.height)?);
    put_box(out, b"trak", |out| {
        let volume = u8::from(kind == TrackKind::Audio);
        let tkhd = Tkhd {
            track_id: id,
            enabled: true,
            in_movie: true,
            volume: volume.into(),
            width: width.into(),
            height: height.into(),
            ..Tkhd::default()
        };
        encode(&tkhd, out)?;
        put_box(out, b"mdia", |out| {
            let language = "und".to_owned();
            encode(&Mdhd { timescale: track.timescale, language, ..Mdhd::default() }, out)?;
            let (handler, name) = match kind {
                TrackKind::Video => (b"vide", "video"),
                TrackKind::Audio => (b"soun", "sound"),
            };
            encode(&Hdlr { handler: FourCC::new(handler), name: name.to_owned() }, out)?;
            put_box(out, b"minf", |out| {
                match kind {
                    TrackKind::Video => encode(&Vmhd::default(), out)?,
                    TrackKind::Audio => encode(&Smhd::default(), out)?,
                }
                encode(&Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } }, out)?;
                put_box(out, b"stbl", |out| put_sample_table(out, track, width, height))
            })
        })
    })
}

/// A sample table without samples: they come in the fragments.
fn put_sample_table(
    out: &mut Vec<u8>,
    track: &TrackConfig,
    width: u16,
    height: u16,
) -> Result<(), MediaError> {
    put_box(out, b"stsd", |out| {
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        match track.codec.kind() {
            TrackKind::Video => put_picture_entry(out, track, width, height),
            TrackKind::Audio => put_sound_entry(out, track),
        }
    })?;
    encode(&Stts::default(), out)?;
    encode(&Stsc::default(), out)?;
    encode(&Stsz::default(), out)?;
    encode(&Stco::default(), out)
}

/// A `VisualSampleEntry` (ISO/IEC 14496-12, section 12.1.3).
fn put_picture_entry(
    out: &mut Vec<u8>,
    track: &TrackConfig,
    width: u16,
    height: u16,
) -> Result<(), MediaError> {
    let (entry, config) = match track.codec {
        Codec::H264 => (b"avc1", b"avcC"),
        Codec::H265 => (b"hvc1", b"hvcC"),
        _ => (b"av01", b"av1C"),
    };
    put_box(out, entry, |out| {
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]); // reserved, data reference 1
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(&width.to_be_bytes());
        out.extend_from_slice(&height.to_be_bytes());
        out.extend_from_slice(&[0, 0x48, 0, 0, 0, 0x48, 0, 0]); // 72 dots per inch
        out.extend_from_slice(&[0, 0, 0, 0, 0, 1]); // reserved, one picture per sample
        out.extend_from_slice(&[0; 32]); // the compressor's name
        out.extend_from_slice(&[0, 24, 0xff, 0xff]);
        put_box(out, config, |out| put_bytes(out, &track.extradata))
    })
}

/// An `AudioSampleEntry` (ISO/IEC 14496-12, section 12.2.3).
fn put_sound_entry(out: &mut Vec<u8>, track: &TrackConfig) -> Result<(), MediaError> {
    let entry = match track.codec {
        Codec::Opus => b"Opus",
        Codec::Flac => b"fLaC",
        _ => b"mp4a",
    };
    put_box(out, entry, |out| {
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]); // reserved, data reference 1
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&track.channels.to_be_bytes());
        out.extend_from_slice(&[0, 16, 0, 0, 0, 0]); // bits of a sample, reserved
        // Rates that do not fit are said by the decoder's configuration alone.
        out.extend_from_slice(&u16::try_from(track.sample_rate).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        match track.codec {
            Codec::Opus => put_box(out, b"dOps", |out| put_bytes(out, &track.extradata)),
            Codec::Flac => put_box(out, b"dfLa", |out| put_bytes(out, &track.extradata)),
            _ => put_box(out, b"esds", |out| put_esds(out, &track.extradata)),
        }
    })
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), MediaError> {
    out.extend_from_slice(bytes);
    Ok(())
}

/// The body of an `esds` box for AAC (ISO/IEC 14496-1, section 7.2.6): every descriptor is a tag, a length, and its fields.
fn put_esds(out: &mut Vec<u8>, specific: &[u8]) -> Result<(), MediaError> {
    if specific.is_empty() || specific.len() > ASC_BYTES_MAX {
        return Err(bad(*b"esds", "the AudioSpecificConfig has no sensible length"));
    }
    let len = specific.len() as u8;
    out.extend_from_slice(&[0, 0, 0, 0]);
    out.extend_from_slice(&[3, 3 + 15 + 2 + len + 3, 0, 0, 0]); // ES: id 0, no flags
    out.extend_from_slice(&[4, 13 + 2 + len, 0x40, 0x15]); // decoder: MPEG-4 audio, an audio stream
    out.extend_from_slice(&[0; 11]); // buffer size and bit rates are not known
    out.extend_from_slice(&[5, len]);
    out.extend_from_slice(specific);
    out.extend_from_slice(&[6, 1, 2]); // as MP4 files have it
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flac_is_configured_by_what_its_encoder_writes_first() {
        let mut info = vec![0; STREAMINFO_BYTES];
        info[10..13].copy_from_slice(&[0x0a, 0xc4, 0x42]); // 44,100 per second, two channels
        let header = [&b"\x7fFLAC\x01\x00\x00\x01fLaC\x00\x00\x00\x22"[..], &info].concat();
        let extradata = flac_config(&header).unwrap();
        assert_eq!(extradata[..8], [0, 0, 0, 0, 0x80, 0, 0, 34]);
        let (timescale, sample_rate) = (44_100, 44_100);
        let config = TrackConfig {
            codec: Codec::Flac,
            extradata,
            timescale,
            width: 0,
            height: 0,
            sample_rate,
            channels: 2,
        };
        let init = super::super::Init::parse(&write_init(&[(7, config.clone())]).unwrap()).unwrap();
        let track = &init.tracks[0];
        assert_eq!((track.id, track.sample_rate, track.channels), (7, 44_100, 2));
        assert_eq!((&track.extradata, init.codecs().as_str()), (&config.extradata, "flac"));
        for len in 0..header.len() {
            assert_eq!(flac_config(&header[..len]), None);
        }
        for len in 0..config.extradata.len() {
            let cut = TrackConfig { extradata: config.extradata.slice(..len), ..config.clone() };
            assert!(write_init(&[(1, cut)]).is_err(), "a configuration of {len} bytes");
        }
        assert!(write_init(&[]).is_err());
        assert!(write_init(&[(1, config.clone()), (1, config)]).is_err());
    }
}
