//! Programs that the benchmark of data streams runs beside ours: installed into `target/peers`, linked with nothing.

use crate::process::{Failure, Outcome, cargo, command, run, target_dir};
use std::path::Path;

const KINESALITE: &str = "kinesalite@3.3.3";
const KINESIS_LOCAL: &str = "kinesis-local@0.6.2";
const MOTO: &str = "moto[server]==5.2.5";
const FAKECLOUD: [&str; 3] = ["fakecloud", "--version", "0.51.0"];

/// Installs those that are not there. One that cannot be had is left out, and the benchmark says so.
pub(crate) fn install() -> Outcome {
    let home = target_dir().join("peers");
    std::fs::create_dir_all(&home)?;
    for (there, what, install) in [
        ("node_modules/.bin/kinesalite", KINESALITE, (|home| npm(home, KINESALITE)) as fn(&Path) -> Outcome),
        ("node_modules/.bin/kinesis-local", KINESIS_LOCAL, |home| npm(home, KINESIS_LOCAL)),
        ("python/bin/moto_server", MOTO, moto),
        (
            "bin/fakecloud",
            "fakecloud (built from source, with 790 crates: an hour on two processors, once)",
            fakecloud,
        ),
    ] {
        if home.join(there).exists() {
            continue;
        }
        println!("installing {what} into {}", home.display());
        if let Err(Failure(why)) = install(&home) {
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
