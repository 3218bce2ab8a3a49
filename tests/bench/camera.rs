//! Cameras to pull from that take next to nothing themselves: an RTSP server for one H.264 file, played over and over to
//! everybody who calls, each from its beginning and in real time, interleaved over TCP.
//!
//! A general RTSP server serves sixteen, and needs more for each than a recorder does; with 64 the figures were its own.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tests::harness::footage::ffmpeg;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

const FRAMES_PER_S: u32 = 30;
const TICKS_PER_FRAME: u32 = 90_000 / FRAMES_PER_S;
/// Payload of a packet; what is longer is sent in fragments (FU-A, RFC 6184 section 5.8).
const PAYLOAD_BYTES: usize = 1_400;
const DESCRIPTION: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:*\r\n\
     m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:video\r\n";

/// The server; it ends when this is dropped.
pub(crate) struct Cameras {
    port: u16,
    _serving: JoinSet<()>,
}

impl Cameras {
    /// Serves the pictures of an MP4 file of H.264 at 30 frames a second.
    pub(crate) async fn start(mp4: &Path) -> Self {
        let frames: Arc<[Frame]> = frames(mp4).into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                clients.spawn(serve(stream, frames.clone()));
            }
        });
        Self { port, _serving: serving }
    }

    /// Where a camera is to be pulled from.
    pub(crate) fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/cam", self.port)
    }
}

/// The payloads of an access unit, without their RTP heads.
type Frame = Vec<Vec<u8>>;

fn frames(mp4: &Path) -> Vec<Frame> {
    let raw = mp4.with_extension("h264");
    let (from, to) = (mp4.to_str().expect("UTF-8"), raw.to_str().expect("UTF-8"));
    ffmpeg(&["-i", from, "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", to]);
    let bytes = std::fs::read(&raw).expect("read");
    let (mut frames, mut frame): (Vec<Frame>, Frame) = Default::default();
    let mut has_picture = false;
    for nal in nal_units(&bytes) {
        let (picture, first) =
            (matches!(nal[0] & 0x1f, 1 | 5), nal.get(1).is_some_and(|byte| byte & 0x80 != 0));
        if has_picture && (!picture || first) {
            frames.push(std::mem::take(&mut frame));
            has_picture = false;
        }
        has_picture |= picture;
        frame.extend(payloads(nal));
    }
    frames.push(frame);
    assert!(frames.len() > FRAMES_PER_S as usize, "{} frames in {}", frames.len(), mp4.display());
    frames
}

/// Between start codes of three or four bytes.
fn nal_units(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        bytes.windows(3).enumerate().filter(|(_, code)| code == &[0, 0, 1]).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let unit = |(start, end): (&usize, usize)| {
        let unit = &bytes[start + 3..end];
        unit.strip_suffix(&[0]).unwrap_or(unit)
    };
    starts.iter().zip(ends).map(unit).filter(|unit| !unit.is_empty()).collect()
}

fn payloads(nal: &[u8]) -> Vec<Vec<u8>> {
    if nal.len() <= PAYLOAD_BYTES {
        return vec![nal.to_vec()];
    }
    let parts: Vec<&[u8]> = nal[1..].chunks(PAYLOAD_BYTES - 2).collect();
    let fragment = |(index, part): (usize, &&[u8])| {
        let (first, last) = (u8::from(index == 0) << 7, u8::from(index + 1 == parts.len()) << 6);
        [&[nal[0] & 0xe0 | 28, first | last | nal[0] & 0x1f], *part].concat()
    };
    parts.iter().enumerate().map(fragment).collect()
}

async fn serve(stream: TcpStream, frames: Arc<[Frame]>) {
    // Nobody is told: who pulls will find the connection closed.
    let _ = converse(stream, frames).await;
}

/// Answers until the client asks to play, then plays; what the client says meanwhile is read and left.
async fn converse(stream: TcpStream, frames: Arc<[Frame]>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let (method, sequence) = request(&mut reader).await?;
        let answer = match method.as_str() {
            "DESCRIBE" => format!(
                "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{DESCRIPTION}",
                DESCRIPTION.len()
            ),
            "SETUP" => "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n".to_owned(),
            _ => "Session: 1\r\n\r\n".to_owned(),
        };
        writer.write_all(format!("RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{answer}").as_bytes()).await?;
        if method == "PLAY" {
            break;
        }
    }
    tokio::select! {
        played = play(writer, &frames) => played,
        left = leave(reader) => left,
    }
}

/// The next request: its method and number.
async fn request(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<(String, String)> {
    let (mut method, mut sequence) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" if !method.is_empty() => return Ok((method, sequence)),
            first if method.is_empty() => {
                first.split(' ').next().unwrap_or_default().clone_into(&mut method);
            }
            header => {
                if let Some((name, value)) = header.split_once(':')
                    && name.eq_ignore_ascii_case("cseq")
                {
                    value.trim().clone_into(&mut sequence);
                }
            }
        }
    }
}

async fn leave(mut reader: BufReader<OwnedReadHalf>) -> io::Result<()> {
    let mut left = [0; 4096];
    while reader.read(&mut left).await? > 0 {}
    Ok(())
}

async fn play(mut writer: OwnedWriteHalf, frames: &[Frame]) -> io::Result<()> {
    let mut beat = tokio::time::interval_at(Instant::now(), Duration::from_secs(1) / FRAMES_PER_S);
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut sequence, mut ticks, mut out) = (0_u16, 0_u32, Vec::new());
    for frame in frames.iter().cycle() {
        beat.tick().await;
        out.clear();
        for (index, payload) in frame.iter().enumerate() {
            let marker = u8::from(index + 1 == frame.len()) << 7;
            let len = u16::try_from(12 + payload.len()).expect("a packet");
            out.extend_from_slice(&[b'$', 0]);
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(&[0x80, marker | 96]);
            out.extend_from_slice(&sequence.to_be_bytes());
            out.extend_from_slice(&ticks.to_be_bytes());
            out.extend_from_slice(b"beat");
            out.extend_from_slice(payload);
            sequence = sequence.wrapping_add(1);
        }
        ticks = ticks.wrapping_add(TICKS_PER_FRAME);
        writer.write_all(&out).await?;
    }
    Ok(())
}
