//! One `media-worker` process for cameras, and how cameras are handed to it.

use super::workers::WorkersConfig;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg,
    socketpair,
};
use shardlog::env::Clock;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::workers::process::{describe, environment, log, within};

/// How long a process that was told to end may take.
const END_TIMEOUT: Duration = Duration::from_secs(1);
/// Address space that every worker needs, in bytes, whatever it may take of memory: GStreamer's libraries, arenas, stacks.
const ADDRESS_SPACE_MIN: u64 = 1 << 30;
/// File descriptors of a worker: a socket for each camera, two more for one that the worker connects to itself.
const FILES_MAX: u32 = 4096;

/// A running worker. It is told to end when the last who holds it lets it go, and killed if it does not.
pub(super) struct Process {
    pub(super) pid: u32,
    /// Our end of its stdin, over which sockets go.
    control: OwnedFd,
    /// Cameras that it has.
    cameras: AtomicUsize,
    /// Cancelled when its cameras are to go to another process.
    pub(super) leave: CancellationToken,
    /// Cancelled when it has ended.
    pub(super) gone: CancellationToken,
    /// How it ended.
    how: Arc<OnceLock<String>>,
    /// Cancelled when it is to end.
    end: CancellationToken,
}

impl Process {
    /// Starts a worker. It is up when it takes its first camera. The error is for people.
    pub(super) fn start(config: &WorkersConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, String> {
        let (ours, theirs) = pair().map_err(|error| format!("no socket: {error}"))?;
        let mut child = command(config, theirs)
            .spawn()
            .map_err(|error| format!("{}: {error}", config.binary.display()))?;
        let (Some(pid), Some(stderr)) = (child.id(), child.stderr.take()) else {
            return Err("the process has no pipes".into());
        };
        tokio::spawn(log(pid, stderr));
        let (gone, end) = (CancellationToken::new(), CancellationToken::new());
        let how = Arc::new(OnceLock::new());
        tokio::spawn(watch(child, clock, end.clone(), how.clone(), gone.clone()));
        tracing::debug!(pid, "a media worker for cameras starts");
        let cameras = AtomicUsize::new(0);
        Ok(Arc::new(Self { pid, control: ours, cameras, leave: CancellationToken::new(), gone, how, end }))
    }

    /// Hands a camera to the worker; our end of its socket. The error says what is wrong with the worker.
    pub(super) fn attach(self: &Arc<Self>) -> Result<Attachment, String> {
        if self.gone.is_cancelled() {
            return Err(self.how());
        }
        let attach = || {
            let (ours, theirs) = pair()?;
            self.send(&theirs)?;
            let ours = UnixStream::from(ours);
            ours.set_nonblocking(true)?;
            Ok(ours)
        };
        let socket = attach().map_err(|error: std::io::Error| error.to_string())?;
        self.cameras.fetch_add(1, Ordering::Relaxed);
        Ok(Attachment { socket: Some(socket), process: self.clone() })
    }

    /// Hands one end of a socket over. It never waits: a worker takes cameras at once, or hangs.
    fn send(&self, socket: &OwnedFd) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let sockets = [socket.as_fd()];
        if !ancillary.push(SendAncillaryMessage::ScmRights(&sockets)) {
            return Err(Errno::MSGSIZE);
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(&self.control, &[IoSlice::new(&[0])], &mut ancillary, flags).map(drop)
    }

    /// Cameras that it has.
    pub(super) fn cameras(&self) -> usize {
        self.cameras.load(Ordering::Relaxed)
    }

    /// How it ended, for people.
    pub(super) fn how(&self) -> String {
        self.how.get().cloned().unwrap_or_else(|| "it keeps silent".to_owned())
    }

    /// Bytes of memory it has resident, where the system tells.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        crate::metrics::resident_bytes_of(self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// A camera's place in a worker; given back when dropped.
pub(super) struct Attachment {
    /// Our end of the camera's socket, which does not block; taken once.
    pub(super) socket: Option<UnixStream>,
    pub(super) process: Arc<Process>,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.process.cameras.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Two ends of a socket that no other process inherits.
fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

fn command(config: &WorkersConfig, stdin: OwnedFd) -> Command {
    let address_space = config.memory_max_bytes.saturating_mul(4).max(ADDRESS_SPACE_MIN);
    let mut command = Command::new(&config.binary);
    command
        .args(["--mode", "cameras"])
        // Address space, which is mostly threads' stacks and never used; what it may really take is watched.
        .args(["--memory-max-bytes", &address_space.to_string()])
        .args(["--files-max", &FILES_MAX.to_string()])
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    environment(&mut command, &config.cache_dir);
    command
}

/// Waits for a process's end, and brings it about when it is asked for.
async fn watch(
    mut child: Child,
    clock: Arc<dyn Clock>,
    end: CancellationToken,
    how: Arc<OnceLock<String>>,
    gone: CancellationToken,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        // Its stdin is closed by now.
        () = end.cancelled() => match within(&*clock, END_TIMEOUT, child.wait()).await {
            Some(status) => status,
            None => {
                // It may have ended just now, which is no error.
                let _ = child.start_kill();
                child.wait().await
            }
        },
    };
    let _ = how.set(describe(status));
    gone.cancel();
}
