//! Coverage-guided fuzzing of the parsers of outside bytes.

use crate::process::{self, Failure, Outcome, cargo, command, has};

/// Runs one target until it finds something or is stopped; what follows `--` goes to libFuzzer.
pub(crate) fn run(target: &str, rest: &[&str]) -> Outcome {
    if !has("cargo-fuzz") {
        println!("installing cargo-fuzz with cargo");
        process::run(&mut cargo(&["install", "--locked", "cargo-fuzz"]))?;
    }
    let nightly = command("rustup", &["run", "nightly", "rustc", "--version"]).output();
    if !nightly.is_ok_and(|answer| answer.status.success()) {
        return Err(Failure(
            "fuzzing needs the nightly toolchain: `rustup toolchain install nightly`".into(),
        ));
    }
    let features: &[&str] = if target.starts_with("server_") { &["--features", "server"] } else { &[] };
    let words = [&["run", "nightly", "cargo", "fuzz", "run"], features, &[target], rest].concat();
    process::run(&mut command("rustup", &words))
}
