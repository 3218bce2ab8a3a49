//! Programs that the benchmark of data streams runs beside ours: installed into `target/peers`, linked with nothing.

use crate::process::{Failure, Outcome, cargo, command, run, target_dir};
use std::path::Path;

const KINESALITE: &str = "kinesalite@3.3.3";
const KINESIS_LOCAL: &str = "kinesis-local@0.6.2";
const MOTO: &str = "moto[server]==5.2.5";
const FAKECLOUD: [&str; 3] = ["fakecloud", "--version", "0.51.0"];

/// One of them.
struct Peer {
    /// How its name begins in the benchmark.
    name: &'static str,
    /// Where it is once it is installed.
    program: &'static str,
    what: &'static str,
    install: fn(&Path) -> Outcome,
    /// Too much to install for somebody who has not asked for it.
    only_if_named: bool,
}

const PEERS: [Peer; 4] = [
    Peer {
        name: "kinesalite",
        program: "node_modules/.bin/kinesalite",
        what: KINESALITE,
        install: |home| npm(home, KINESALITE),
        only_if_named: false,
    },
    Peer {
        name: "kinesis-local",
        program: "node_modules/.bin/kinesis-local",
        what: KINESIS_LOCAL,
        install: |home| npm(home, KINESIS_LOCAL),
        only_if_named: false,
    },
    Peer { name: "moto", program: "python/bin/moto_server", what: MOTO, install: moto, only_if_named: false },
    Peer {
        name: "fakecloud",
        program: "bin/fakecloud",
        what: "fakecloud (built from source, with 790 crates: an hour on two processors, once)",
        install: fakecloud,
        only_if_named: true,
    },
];

/// Installs those that are not there: of all, or those whose name begins as is wanted. One that cannot be had is left out, and
/// the benchmark says so.
pub(crate) fn install(wanted: Option<&str>) -> Outcome {
    let home = target_dir().join("peers");
    std::fs::create_dir_all(&home)?;
    for peer in PEERS {
        let asked_for = match wanted {
            Some(wanted) => peer.name.starts_with(wanted),
            None => !peer.only_if_named,
        };
        if !asked_for || home.join(peer.program).exists() {
            continue;
        }
        println!("installing {} into {}", peer.what, home.display());
        if let Err(Failure(why)) = (peer.install)(&home) {
            println!("{why}; measured without it");
        }
    }
    Ok(())
}

fn npm(home: &Path, package: &str) -> Outcome {
    run(command("npm", &["install", "--no-audit", "--no-fund", "--prefix"]).arg(home).arg(package))
}

fn moto(home: &Path) -> Outcome {
    let python = home.join("python");
    run(command("python3", &["-m", "venv"]).arg(&python))?;
    run(command(python.join("bin/python"), &["-m", "pip", "install", "-q"]).arg(MOTO))
}

fn fakecloud(home: &Path) -> Outcome {
    let mut install = cargo(&[&["install", "--quiet", "--locked"], &FAKECLOUD[..]].concat());
    run(install.arg("--root").arg(home).env("CARGO_TARGET_DIR", home.join("build")))
}
