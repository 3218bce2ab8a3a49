//! A real worker process, and what it makes of a camera.

use bytes::Bytes;
use media::fmp4::{Chunk, Init, Piece};
use media::worker_protocol::camera::{
    CAMERA_RESPONSE_BYTES_MAX, CameraFailure, CameraRequest, CameraResponse, Open, Report,
};
use media::worker_protocol::{PREFIX_BYTES, message_len};
use rustix::fd::AsFd;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// A worker for cameras; killed when dropped.
pub struct Worker {
    child: Child,
    control: UnixStream,
}

impl Worker {
    pub fn start() -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_media-worker"))
            .args(["--mode", "cameras", "--memory-max-bytes", "4294967296", "--files-max", "256"])
            .stdin(Stdio::from(rustix::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, control }
    }

    /// A new camera's socket.
    pub fn camera(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let sockets = [theirs.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&sockets)));
        let sent = sendmsg(&self.control, &[IoSlice::new(&[0])], &mut ancillary, SendFlags::empty());
        assert_eq!(sent, Ok(1));
        ours
    }

    /// Opens a camera, sends messages and the end, and takes all that comes back.
    pub fn record(&self, open: &Open, messages: Vec<Bytes>) -> Recording {
        let mut socket = self.camera();
        let mut sender = socket.try_clone().unwrap();
        let open = CameraRequest::Open(open.clone()).encode().unwrap().concat();
        let sending = std::thread::spawn(move || {
            let end = CameraRequest::End.encode().unwrap().concat();
            let all = std::iter::once(Bytes::from(open)).chain(messages).chain([Bytes::from(end)]);
            for message in all {
                // A worker that has given up reads no more.
                if sender.write_all(&message).is_err() {
                    return;
                }
            }
        });
        let mut recording = Recording::default();
        while let Some(response) = read(&mut socket) {
            match response {
                CameraResponse::Media(media) => recording.media.push(media),
                CameraResponse::Report(report) => recording.report = report,
                CameraResponse::Failed { code, detail } => recording.failed = Some((code, detail)),
                CameraResponse::Ended => recording.ended = true,
            }
        }
        sending.join().unwrap();
        recording
    }

    /// Closes the socket that is its stdin, and waits for its end.
    pub fn leave(mut self) -> std::process::ExitStatus {
        self.control.shutdown(std::net::Shutdown::Both).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next response; `None` when the socket is closed.
pub fn read(socket: &mut impl Read) -> Option<CameraResponse> {
    let mut prefix = [0; PREFIX_BYTES];
    match socket.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return None,
        // Bytes that nobody read make closing look like this.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
        Err(error) => panic!("{error}"),
    }
    let mut message = vec![0; message_len(prefix, CAMERA_RESPONSE_BYTES_MAX).unwrap()];
    socket.read_exact(&mut message).unwrap();
    Some(CameraResponse::decode(message.into()).unwrap())
}

/// What came back.
#[derive(Debug, Default)]
pub struct Recording {
    pub media: Vec<Bytes>,
    pub report: Report,
    pub failed: Option<(CameraFailure, String)>,
    pub ended: bool,
}

/// A sample as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub dts: i64,
    pub pts: i64,
    pub data: Bytes,
}

impl Recording {
    /// As our own scanner reads it: each initialisation segment with the chunks that follow it.
    pub fn parts(&self) -> Vec<(Arc<Init>, Vec<Chunk>)> {
        let all = Bytes::from(self.media.concat());
        let (pieces, end) = super::common::scan_by(&all, all.len().max(1));
        end.unwrap();
        let mut parts: Vec<(Arc<Init>, Vec<Chunk>)> = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Init(init) => parts.push((init, Vec::new())),
                Piece::Chunk(chunk) => parts.last_mut().unwrap().1.push(chunk),
            }
        }
        parts
    }

    /// Samples of a track, of all parts.
    pub fn samples(&self, track_id: u32) -> Vec<Recorded> {
        let mut all = Vec::new();
        for (_, chunks) in self.parts() {
            for chunk in chunks {
                for sample in chunk.info.track(track_id).map_or(&[][..], |track| &track.samples) {
                    all.push(Recorded { dts: sample.dts, pts: sample.pts, data: chunk.sample(sample) });
                }
            }
        }
        all
    }
}
