//! Format and lints of everything.

use crate::process::{self, Outcome, cargo, has};

/// Fails on the first thing that is not in order.
pub(crate) fn run() -> Outcome {
    format()?;
    clippy()?;
    licences()
}

/// rustfmt over the workspace.
pub(crate) fn format() -> Outcome {
    run_cargo(&["fmt", "--all", "--check"])
}

/// Clippy, warnings denied. The codec side apart, so that its feature does not leak into the server's build.
pub(crate) fn clippy() -> Outcome {
    run_cargo(&["clippy", "--workspace", "--exclude", "media", "--all-targets", "--", "-D", "warnings"])?;
    run_cargo(&["clippy", "--package", "media", "--features", "gst", "--all-targets", "--", "-D", "warnings"])
}

/// Licences and banned crates, where cargo-deny is installed.
fn licences() -> Outcome {
    if has("cargo-deny") {
        return run_cargo(&["deny", "check"]);
    }
    println!(
        "\ncargo-deny is not installed: licences and sources were not checked (`cargo install cargo-deny`)"
    );
    Ok(())
}

fn run_cargo(args: &[&str]) -> Outcome {
    process::run(&mut cargo(args))
}
