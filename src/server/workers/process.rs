//! One `media-worker` process and the pipes to it.

use super::PoolConfig;
use bytes::Bytes;
use media::worker_protocol::{PREFIX_BYTES, RESPONSE_BYTES_MAX, Response, message_len};
use shardlog::env::Clock;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// How long a process may take until it says hello. The first one ever on a machine looks at every GStreamer plugin.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a process that was told to end may take.
const END_TIMEOUT: Duration = Duration::from_secs(1);
/// File descriptors of a worker.
const FILES_MAX: u32 = 64;
/// What a worker may write to the log over its life, in bytes; the rest is dropped.
const LOG_BYTES_MAX: usize = 64 * 1024;
/// Variables that a worker gets from our own environment: where GStreamer is, if it is not where Debian has it.
const PASSED_ON: [&str; 5] = [
    "LD_LIBRARY_PATH",
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_PATH_1_0",
    "GST_PLUGIN_SYSTEM_PATH",
    "GST_PLUGIN_SYSTEM_PATH_1_0",
];

/// Why a process gave no (good) answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its end of the pipe is closed.
    Gone,
    /// Nothing in time.
    Silent,
    /// Not a message.
    Garbage(String),
}

/// A running worker. Killed when dropped.
pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    pub(super) pid: u32,
    /// What it says of itself.
    pub(super) description: String,
    /// Requests it was given.
    pub(super) requests: u32,
}

impl Process {
    /// Starts a worker and waits for its hello. The error is for people.
    pub(super) async fn start(config: &PoolConfig, clock: &dyn Clock) -> Result<Self, String> {
        let mut child = command(config).spawn().map_err(|error| error.to_string())?;
        let pipes = (child.id(), child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(pid), Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err("the process has no pipes".into());
        };
        tokio::spawn(log(pid, stderr));
        let mut process = Self { child, stdin, stdout, pid, description: String::new(), requests: 0 };
        match process.receive(START_TIMEOUT, clock).await {
            Ok(Response::Hello(description)) => {
                process.description = description;
                Ok(process)
            }
            Ok(_) => Err("it does not say hello".into()),
            Err(Fault::Gone) => Err(format!("it ended at once: {}", process.end(clock).await)),
            Err(Fault::Silent) => Err(format!("it says nothing for {START_TIMEOUT:?}")),
            Err(Fault::Garbage(what)) => Err(format!("it answers nonsense: {what}")),
        }
    }

    /// Sends a message.
    pub(super) async fn send(
        &mut self,
        parts: &[Bytes],
        limit: Duration,
        clock: &dyn Clock,
    ) -> Result<(), Fault> {
        let stdin = &mut self.stdin;
        let write = async {
            for part in parts {
                stdin.write_all(part).await?;
            }
            stdin.flush().await
        };
        match within(clock, limit, write).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(Fault::Gone),
            None => Err(Fault::Silent),
        }
    }

    /// Reads a message. After an error the process is of no use any more.
    pub(super) async fn receive(&mut self, limit: Duration, clock: &dyn Clock) -> Result<Response, Fault> {
        match within(clock, limit, self.read_message()).await {
            Some(message) => Response::decode(message?).map_err(|error| Fault::Garbage(error.to_string())),
            None => Err(Fault::Silent),
        }
    }

    async fn read_message(&mut self) -> Result<Bytes, Fault> {
        let mut prefix = [0; PREFIX_BYTES];
        self.stdout.read_exact(&mut prefix).await.map_err(|_| Fault::Gone)?;
        let len =
            message_len(prefix, RESPONSE_BYTES_MAX).map_err(|error| Fault::Garbage(error.to_string()))?;
        // Grows with what really comes: a length alone costs no memory.
        let mut message = Vec::new();
        let read = (&mut self.stdout).take(len as u64).read_to_end(&mut message).await;
        match read {
            Ok(read) if read == len => Ok(message.into()),
            _ => Err(Fault::Gone),
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> String {
        describe(self.child.wait().await)
    }

    /// Tells it to end, by closing its stdin; kills it if it does not, and if it cannot be expected to.
    pub(super) async fn end(self, clock: &dyn Clock) -> String {
        let Self { mut child, stdin, stdout, .. } = self;
        drop((stdin, stdout));
        if let Some(status) = within(clock, END_TIMEOUT, child.wait()).await {
            return describe(status);
        }
        if let Err(error) = child.start_kill() {
            tracing::error!(%error, "a media worker cannot be killed");
        }
        describe(child.wait().await)
    }

    /// Kills it.
    pub(super) async fn kill(mut self) -> String {
        // It may have ended already, which is no error.
        let _ = self.child.start_kill();
        describe(self.child.wait().await)
    }
}

fn command(config: &PoolConfig) -> Command {
    let mut command = Command::new(&config.binary);
    command
        .args(["--memory-max-bytes", &config.memory_max_bytes.to_string()])
        .args(["--cpu-max-s", &config.cpu_max_s.to_string()])
        .args(["--files-max", &FILES_MAX.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    environment(&mut command, &config.cache_dir);
    command
}

/// What every worker finds around it: nothing of ours but what GStreamer needs, and a folder of its own.
pub(crate) fn environment(command: &mut Command, cache_dir: &Path) {
    command
        .current_dir(cache_dir)
        .env_clear()
        .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env("HOME", cache_dir)
        .env("XDG_CACHE_HOME", cache_dir)
        .env("LC_ALL", "C.UTF-8")
        // Each further arena of the allocator would take 64 MiB of the address space allowed.
        .env("MALLOC_ARENA_MAX", "2")
        // Ctrl-C in a terminal is for the server; it ends its workers itself.
        .process_group(0)
        .kill_on_drop(true);
}

/// Puts what a worker writes to stderr into our log.
pub(crate) async fn log(pid: u32, mut stderr: ChildStderr) {
    let mut buffer = [0; 4096];
    let mut logged = 0;
    while let Ok(len @ 1..) = stderr.read(&mut buffer).await {
        if logged < LOG_BYTES_MAX {
            logged += len;
            let text = String::from_utf8_lossy(&buffer[..len]);
            tracing::warn!(pid, text = text.trim_end(), "media worker");
        }
    }
}

/// How a process ended, for people.
pub(crate) fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.signal(), status.code()) {
            (Some(signal), _) => format!("killed by signal {signal}"),
            (None, Some(code)) => format!("exit code {code}"),
            (None, None) => "unknown exit".into(),
        },
        Err(error) => error.to_string(),
    }
}

/// The result of `future`, unless `limit` passes first.
pub(crate) async fn within<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = clock.sleep(limit) => None,
    }
}
