//! Installs what is missing on a fresh Debian 12 machine: system packages, the console's build, Python for the tests.
//! Says each thing before it is installed; uses `sudo` only when not root; touches nothing but the project's own folders
//! and the package manager.

use crate::process::{Failure, Outcome, command, has, root, run, target_dir};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the machine is being prepared for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building and running the product, and ffmpeg for the demo's cameras.
    Demo,
    /// That and all clients of the test suite.
    Test,
    /// That and the recorders that benchmarks compare with.
    Bench,
}

const BUILD: &[&str] =
    &["build-essential", "pkg-config", "libgstreamer1.0-dev", "libgstreamer-plugins-base1.0-dev"];
const CODECS: &[&str] = &[
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-libav",
];
const DEMO: &[&str] = &["ffmpeg", "fonts-dejavu-core"];
const CLIENTS: &[&str] = &[
    "chromium",
    "gir1.2-gst-rtsp-server-1.0",
    "gstreamer1.0-plugins-ugly",
    "gstreamer1.0-rtsp",
    "gstreamer1.0-tools",
    "openssl",
    "curl",
    // File systems whose power is cut.
    "e2fsprogs",
    "mount",
    "procps",
    "python3",
    "python3-gi",
    "python3-venv",
    "python3-pip",
    "xfsprogs",
];

/// Recorders that benchmarks measure beside ours.
const PEERS: &[&str] = &["libnginx-mod-rtmp", "nginx-light"];

/// Installs everything `purpose` needs.
pub(crate) fn install(purpose: Purpose) -> Outcome {
    install_packages(&missing_packages(purpose)?)?;
    crate::web::install()?;
    if purpose == Purpose::Test {
        install_python()?;
        crate::web::install_clients()?;
    }
    Ok(())
}

/// Says what is missing and fails if anything is.
pub(crate) fn check(purpose: Purpose) -> Outcome {
    let mut missing: Vec<String> =
        missing_packages(purpose)?.iter().map(|name| format!("Debian package {name}")).collect();
    missing.extend(crate::web::missing());
    if !python_stamp().is_current()? {
        missing.push("Python packages of tests/requirements.txt (in target/python)".into());
    }
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(());
    }
    for item in &missing {
        println!("missing: {item}");
    }
    Err(Failure(format!("{} missing; `cargo xtask setup` installs them", missing.len())))
}

/// The Python of the tests' own virtual environment.
pub(crate) fn python() -> PathBuf {
    target_dir().join("python/bin/python")
}

fn missing_packages(purpose: Purpose) -> Result<Vec<&'static str>, Failure> {
    let mut wanted: Vec<&str> = [BUILD, CODECS, DEMO].concat();
    if purpose != Purpose::Demo {
        wanted.extend(CLIENTS);
    }
    if purpose == Purpose::Bench {
        wanted.extend(PEERS);
    }
    if purpose != Purpose::Demo && !has("javac") {
        wanted.push("openjdk-17-jdk-headless");
    }
    if !(has("node") && has("npm")) {
        wanted.extend(["nodejs", "npm"]);
    }
    if !has("dpkg-query") {
        return Err(Failure(format!(
            "this is not a Debian system; install what gives these Debian packages yourself: {}",
            wanted.join(" ")
        )));
    }
    wanted.retain(|name| !is_installed(name));
    Ok(wanted)
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f=${db:Status-Status}", package]).stderr(Stdio::null());
    query.output().is_ok_and(|answer| answer.stdout == b"installed")
}

fn install_packages(names: &[&str]) -> Outcome {
    if names.is_empty() {
        return Ok(());
    }
    println!("installing Debian packages: {}", names.join(" "));
    // A stale mirror list must not stop us when the packages can be had all the same.
    if let Err(Failure(why)) = run(&mut as_root(&["apt-get", "update", "-q"])) {
        println!("{why}; trying to install anyway");
    }
    let mut words = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
    ];
    words.extend(names);
    run(&mut as_root(&words))
}

fn as_root(words: &[&str]) -> Command {
    let id = Command::new("id").arg("-u").output();
    if id.is_ok_and(|answer| answer.stdout.trim_ascii() == b"0") {
        command(words[0], &words[1..])
    } else {
        command("sudo", words)
    }
}

fn python_stamp() -> Stamp {
    Stamp::new(&root().join("tests/requirements.txt"), &target_dir().join("python"))
}

fn install_python() -> Outcome {
    let stamp = python_stamp();
    if stamp.is_current()? {
        return Ok(());
    }
    let home = target_dir().join("python");
    println!("installing the tests' Python packages into {}", home.display());
    run(command("python3", &["-m", "venv"]).arg(&home))?;
    let requirements = root().join("tests/requirements.txt");
    run(command(python(), &["-m", "pip", "install", "-q", "-r"]).arg(&requirements))?;
    stamp.write()
}

/// Remembers beside an installed folder for which list of requirements it was made.
pub(crate) struct Stamp {
    list: PathBuf,
    stamp: PathBuf,
}

impl Stamp {
    pub(crate) fn new(list: &Path, installed: &Path) -> Self {
        Self { list: list.to_path_buf(), stamp: installed.join(".installed-for") }
    }

    pub(crate) fn is_current(&self) -> Result<bool, Failure> {
        let list = std::fs::read(&self.list)
            .map_err(|error| Failure(format!("cannot read {}: {error}", self.list.display())))?;
        Ok(std::fs::read(&self.stamp).is_ok_and(|stamp| stamp == list))
    }

    pub(crate) fn write(&self) -> Outcome {
        Ok(std::fs::copy(&self.list, &self.stamp).map(|_| ())?)
    }
}
