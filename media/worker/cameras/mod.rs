//! Cameras' packets become fragmented MP4: the other mode of this process.
//!
//! The server hands over a socket for each camera (see [`media::worker_protocol::camera`]); each is served by a thread of
//! its own, which waits on nothing else, so that a camera which is held up holds up no other.

mod camera;
mod chain;
mod description;
mod failure;
mod form;
mod g711;
mod jitter;
mod output;
mod parameters;
mod receive;
mod reorder;
mod socket;
mod source;
mod track;

use crate::deadline::{Deadline, unix_us};
use camera::Camera;
use failure::{GaveUp, Stop};
use media::worker_protocol::camera::{
    CameraFailure, CameraRequest, CameraResponse, Carriage, Open, WorkerSource,
};
use rustix::fd::OwnedFd;
use socket::{CameraSocket, Heard};
use source::Source;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// For GStreamer's parsers, with room to spare; memory is taken only as it is used.
const STACK_BYTES: usize = 512 << 10;
/// How often the server is told how it goes.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// How often is looked whether something has come by another way than the socket.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// A camera of ours that sends nothing for so long is given up; long enough to connect, too.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Serves cameras until the server goes away. Then the process ends, whatever its threads are doing.
pub(crate) fn run() -> io::Result<()> {
    while let Some(sockets) = receive::next()? {
        for socket in sockets {
            // A thread that cannot be made closes the socket, which tells the server.
            if let Err(error) = start(socket) {
                eprintln!("media-worker: no thread for a camera: {error}");
            }
        }
    }
    std::process::exit(0)
}

fn start(socket: OwnedFd) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("camera".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(move || serve(UnixStream::from(socket))).map(|_| ())
}

/// Serves one camera to its end.
fn serve(stream: UnixStream) {
    let mut socket = CameraSocket::new(stream);
    let last = match record(&mut socket) {
        Ok(()) => CameraResponse::Ended,
        Err(Stop::GaveUp(GaveUp { code, detail })) => CameraResponse::Failed { code, detail },
        Err(Stop::Gone) => return,
    };
    // If nobody listens any more, it is over all the same.
    let _ = socket.say(&last);
}

fn record(socket: &mut CameraSocket) -> Result<(), Stop> {
    let open = opened(socket)?;
    if let Some(from) = &open.source {
        return fetch(socket, from, open.chunk_ms);
    }
    if open.carriage == Carriage::Udp {
        // The jitter buffers give up packets while none come.
        socket.wait_at_most(LOOK_EVERY);
    }
    let mut camera = Camera::open(&open.tracks, open.carriage, open.chunk_ms)?;
    let mut report_due = Deadline::new(REPORT_EVERY);
    loop {
        match socket.hear()? {
            Heard::Request(CameraRequest::Packets(batch)) => camera.take(&batch)?,
            Heard::Request(CameraRequest::End) => return end(socket, &mut camera),
            Heard::Request(CameraRequest::Open(_)) => return Err(bad_request("a second open")),
            Heard::Silence => camera.work()?,
        }
        tell(socket, &mut camera, &mut report_due)?;
    }
}

/// Records what the worker itself gets from a camera.
fn fetch(socket: &mut CameraSocket, from: &WorkerSource, chunk_ms: u32) -> Result<(), Stop> {
    socket.wait_at_most(LOOK_EVERY);
    let source = Source::open(from)?;
    let mut camera = None;
    let mut report_due = Deadline::new(REPORT_EVERY);
    let mut silence = Deadline::new(SILENCE_MAX);
    let mut heard = false;
    loop {
        let over = match socket.hear()? {
            Heard::Request(CameraRequest::End) => true,
            Heard::Request(_) => return Err(bad_request("the worker gets the packets itself")),
            Heard::Silence => source.has_ended()?,
        };
        if camera.is_none()
            && let Some(tracks) = source.tracks()?
        {
            camera = Some(Camera::open(&tracks, Carriage::Tcp, chunk_ms)?);
        }
        if let Some(camera) = &mut camera {
            let packets = source.take();
            let first = !heard && !packets.is_empty();
            if !packets.is_empty() {
                heard = true;
                silence.renew();
            }
            camera.fetched(packets, unix_us())?;
            if first {
                // The server learns from reports alone that the camera sends.
                socket.say(&CameraResponse::Report(camera.report()))?;
            }
            if over {
                return end(socket, camera);
            }
            tell(socket, camera, &mut report_due)?;
        } else if over {
            return Ok(());
        }
        if silence.left().is_zero() {
            let detail = format!("the camera has sent nothing for {} s", SILENCE_MAX.as_secs());
            return Err(GaveUp::new(CameraFailure::Unreachable, detail).into());
        }
    }
}

/// Says what there is to say.
fn tell(socket: &mut CameraSocket, camera: &mut Camera, report_due: &mut Deadline) -> Result<(), Stop> {
    while let Some(media) = camera.pop() {
        socket.say(&CameraResponse::Media(media))?;
    }
    if report_due.left().is_zero() {
        socket.say(&CameraResponse::Report(camera.report()))?;
        report_due.renew();
    }
    Ok(())
}

/// Says what was held back, and all that there is to report.
fn end(socket: &mut CameraSocket, camera: &mut Camera) -> Result<(), Stop> {
    camera.end()?;
    tell(socket, camera, &mut Deadline::new(Duration::ZERO))
}

fn opened(socket: &mut CameraSocket) -> Result<Open, Stop> {
    match socket.hear()? {
        Heard::Request(CameraRequest::Open(open)) => Ok(open),
        _ => Err(bad_request("the first message is not open")),
    }
}

fn bad_request(detail: &str) -> Stop {
    GaveUp::new(CameraFailure::BadRequest, detail).into()
}
