//! Other programs that answer to the same calls, run as they come: `cargo xtask bench streams` installs them into
//! `target/peers`. None of them is linked.

use super::super::process::peak_memory_mib;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tests::harness::{paths, processes, wait};
use tokio::process::{Child, Command};

/// A program that is running; ended when dropped.
pub(crate) struct Peer {
    pub(crate) endpoint: String,
    child: Child,
}

/// How one is started.
pub(crate) struct Launch {
    pub(crate) name: &'static str,
    program: PathBuf,
    /// `PORT`, `OTHER` (a second one), `DATA` and `HOME` (where peers are installed) stand for what their names say.
    args: &'static [&'static str],
    /// So they do here.
    env: &'static [(&'static str, &'static str)],
}

/// Those who answer HTTPS as well will not start without a port for it.
const KINESIS_LOCAL: [(&str, &str); 5] = [
    ("KINESIS_MOCK_PLAIN_PORT", "PORT"),
    ("KINESIS_MOCK_TLS_PORT", "OTHER"),
    ("KINESIS_MOCK_CERT_PATH", "HOME/node_modules/kinesis-local/server.json"),
    ("LOG_LEVEL", "ERROR"),
    ("CREATE_STREAM_DURATION", "1ms"),
];
const KINESIS_LOCAL_ON_DISK: &[(&str, &str)] = &{
    let [plain, tls, cert, log, create] = KINESIS_LOCAL;
    [plain, tls, cert, log, create, ("SHOULD_PERSIST_DATA", "true"), ("PERSIST_PATH", "DATA")]
};

/// Those that are installed, and the names of those that are not.
pub(crate) fn all() -> (Vec<Launch>, Vec<&'static str>) {
    let home = target().join("peers");
    let kinesalite = home.join("node_modules/.bin/kinesalite");
    let kinesis_local = home.join("node_modules/.bin/kinesis-local");
    let moto = home.join("python/bin/moto_server");
    let fakecloud = home.join("bin/fakecloud");
    let launches = [
        Launch {
            name: "kinesalite (npm), memory",
            program: kinesalite.clone(),
            args: &["--port", "PORT", "--createStreamMs", "0"],
            env: &[],
        },
        Launch {
            name: "kinesalite (npm), leveldb",
            program: kinesalite,
            args: &["--port", "PORT", "--createStreamMs", "0", "--path", "DATA"],
            env: &[],
        },
        Launch {
            name: "kinesis-local (npm), memory",
            program: kinesis_local.clone(),
            args: &[],
            env: &KINESIS_LOCAL,
        },
        Launch {
            name: "kinesis-local (npm), JSON file",
            program: kinesis_local,
            args: &[],
            env: KINESIS_LOCAL_ON_DISK,
        },
        Launch {
            name: "moto (PyPI), memory",
            program: moto,
            args: &["-H", "127.0.0.1", "-p", "PORT"],
            env: &[],
        },
        Launch {
            name: "fakecloud (crates.io), memory",
            program: fakecloud.clone(),
            args: &["--addr", "127.0.0.1:PORT", "--log-level", "error"],
            env: &[],
        },
        Launch {
            name: "fakecloud (crates.io), persistent",
            program: fakecloud,
            args: &[
                "--addr",
                "127.0.0.1:PORT",
                "--log-level",
                "error",
                "--storage-mode",
                "persistent",
                "--data-path",
                "DATA",
            ],
            env: &[],
        },
    ];
    let missing =
        launches.iter().filter(|launch| !launch.program.exists()).map(|launch| launch.name).collect();
    (launches.into_iter().filter(|launch| launch.program.exists()).collect(), missing)
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| paths::root().join("target"), PathBuf::from)
}

impl Launch {
    /// Starts it, with a folder that it may write to, and waits until it takes connections.
    pub(crate) async fn start(&self, folder: &Path) -> Peer {
        let (port, other) = (super::super::rtsp::free_port(), super::super::rtsp::free_port());
        let home = target().join("peers");
        let data = folder.join(self.name.replace([' ', '(', ')', ','], "-"));
        std::fs::create_dir_all(&data).expect("folder");
        let fill = |text: &&str| {
            let text = text.replace("PORT", &port.to_string()).replace("OTHER", &other.to_string());
            let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
            text.replace("DATA", &path(&data)).replace("HOME", &path(&home))
        };
        let mut command = Command::new(&self.program);
        command.args(self.args.iter().map(fill)).current_dir(&data).kill_on_drop(true);
        command.envs(self.env.iter().map(|(name, value)| (name, fill(value))));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        wait::until(self.name, Duration::from_secs(30), || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())
        })
        .await;
        Peer { endpoint: format!("http://127.0.0.1:{port}"), child }
    }
}

impl Peer {
    /// The process, and those that it has started.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let own = self.child.id().expect("running");
        [vec![own], processes::children(own, "")].concat()
    }

    pub(crate) fn peak_mib(&self) -> u64 {
        self.pids().iter().map(|pid| peak_memory_mib(*pid)).sum()
    }
}
