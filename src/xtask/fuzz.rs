//! Coverage-guided fuzzing of the parsers of outside bytes.

use crate::process::{self, Outcome, cargo, has};

/// Runs one target until it finds something or is stopped; what follows `--` goes to libFuzzer.
pub(crate) fn run(target: &str, rest: &[&str]) -> Outcome {
    if !has("cargo-fuzz") {
        println!("installing cargo-fuzz with cargo");
        process::run(&mut cargo(&["install", "--locked", "cargo-fuzz"]))?;
    }
    // All of the server takes long to build, and longer with a sanitizer, which would find little in code without `unsafe`.
    let how: &[&str] =
        if target.starts_with("server_") { &["--features", "server", "--sanitizer", "none"] } else { &[] };
    let words = [&["fuzz", "run"], how, &[target], rest].concat();
    // The sanitizer's flag is one of the nightly compiler, but the stable one has it as well.
    process::run(cargo(&words).env("RUSTC_BOOTSTRAP", "1"))
}
