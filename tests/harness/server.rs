//! A server of the test's own.

use super::client::Client;
use super::paths;
use super::processes::{Signal, signal};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The root access key that the tests preset.
pub const KEY_ID: &str = "KSTESTACCESSKEY00001";
/// Its secret.
pub const SECRET: &str = "test-secret-7f3a9c51d2e84b60";

/// A running `kinetoscope serve`, killed when dropped.
pub struct Server {
    child: Child,
    url: String,
    data: PathBuf,
    log: PathBuf,
    settings: Settings,
    _folder: Option<TempDir>,
}

/// How to start it.
#[derive(Clone, Default)]
pub struct Settings {
    /// Further arguments of `serve`.
    pub args: Vec<String>,
    /// Further environment.
    pub env: Vec<(String, String)>,
}

impl Server {
    /// Starts on an empty data directory of its own.
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// Starts on an empty data directory with settings.
    pub async fn start_with(settings: Settings) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let data = folder.path().join("data");
        let mut server = Self::launch(&data, settings).await;
        server._folder = Some(folder);
        server
    }

    /// Starts on a data directory that is somebody else's to remove.
    pub async fn start_on(data: &Path, settings: Settings) -> Self {
        Self::launch(data, settings).await
    }

    /// The same, with its messages going to a file.
    pub async fn start_saying(data: &Path, to: File) -> Self {
        let settings = Settings::default();
        Self::up(Self::spawn_saying(data, &settings, to), data, settings, PathBuf::new()).await
    }

    fn spawn(data: &Path, settings: &Settings) -> (Child, PathBuf) {
        let parent = data.parent().expect("data lies in a folder");
        std::fs::create_dir_all(parent).expect("folder for data");
        let log = parent.join("server.log");
        let log_file = File::options().create(true).append(true).open(&log).expect("log file");
        (Self::spawn_saying(data, settings, log_file), log)
    }

    fn spawn_saying(data: &Path, settings: &Settings, log: File) -> Child {
        let mut command = Command::new(paths::binary("kinetoscope"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--rtsp-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(&settings.args);
        command
            .env("KINETOSCOPE_ROOT_ACCESS_KEY_ID", KEY_ID)
            .env("KINETOSCOPE_ROOT_SECRET_ACCESS_KEY", SECRET);
        command.envs(settings.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        command.spawn().expect("start kinetoscope")
    }

    async fn launch(data: &Path, settings: Settings) -> Self {
        let (child, log) = Self::spawn(data, &settings);
        Self::up(child, data, settings, log).await
    }

    /// The server of a process, when it says that it is up.
    async fn up(mut child: Child, data: &Path, settings: Settings, log: PathBuf) -> Self {
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let url = tokio::time::timeout(Duration::from_secs(60), async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    return rest.split_whitespace().next().map(|url| url.trim_end_matches('/').to_owned());
                }
            }
            None
        });
        let Ok(Some(url)) = url.await else {
            panic!("the server did not say where it listens; its log:\n{}", tail(&log));
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, url, data: data.to_path_buf(), log, settings, _folder: None }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's URL with sign-in inside, for programs that take it so.
    pub fn url_with_sign_in(&self) -> String {
        self.url.replacen("http://", &format!("http://{KEY_ID}:{SECRET}@"), 1)
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("running")
    }

    /// A client that is signed in.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// The last lines of the log, for a failing test to print.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    /// SIGKILL, now.
    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// SIGTERM, and SIGKILL if it has not ended after `patience`. Whether it was killed.
    pub async fn stop_or_kill(&mut self, patience: Duration) -> bool {
        signal(self.pid(), Signal::TERM);
        if tokio::time::timeout(patience, self.child.wait()).await.is_err() {
            self.kill().await;
        }
        was_killed(&mut self.child).await
    }

    /// Starts on the same data, on which no server may be running, and kills it after `patience`, whether it serves by
    /// then or not. Whether it was killed.
    pub async fn start_and_kill(&mut self, patience: Duration) -> bool {
        let (mut child, _) = Self::spawn(&self.data, &self.settings);
        if tokio::time::timeout(patience, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
        was_killed(&mut child).await
    }

    /// SIGTERM, and the exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        signal(self.pid(), Signal::TERM);
        let status = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        status.expect("the server ends within 30 s of SIGTERM").expect("wait").code()
    }

    /// Starts again on the same data, on another port. The old process must be gone.
    pub async fn restart(&mut self) {
        let mut next = Self::launch(&self.data.clone(), self.settings.clone()).await;
        next._folder = self._folder.take();
        *self = next;
    }
}

/// `kinetoscope check` finds nothing wrong with the data directory of a server that has stopped.
pub fn check(data: &Path) {
    let output = std::process::Command::new(paths::binary("kinetoscope")).arg("check").arg(data).output();
    let output = output.expect("run kinetoscope check");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(": 0 faults"), "{output:?}");
    print!("{said}");
}

async fn was_killed(child: &mut Child) -> bool {
    let status = child.wait().await.expect("wait");
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(Signal::KILL.as_raw())
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
