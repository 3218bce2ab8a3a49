//! The console (web/), the driver of the browser tests (tests/browser/) and the clients in JavaScript (tests/clients/node/): all
//! installed by npm from their lock files.

use crate::process::{Outcome, command, root, run};
use crate::setup::Stamp;
use std::path::PathBuf;

/// Folders of tests that have npm packages.
const TESTS: [&str; 2] = ["tests/browser", "tests/clients/node"];

/// Builds the console into web/dist.
pub(crate) fn build() -> Outcome {
    install()?;
    npm("web", &["run", "build"])
}

/// Types and unit tests of the console.
pub(crate) fn check() -> Outcome {
    install()?;
    npm("web", &["run", "check"])
}

/// Fetches the console's npm packages if the lock file has changed since the last time.
pub(crate) fn install() -> Outcome {
    install_in("web")
}

/// Fetches the npm packages of the tests.
pub(crate) fn install_clients() -> Outcome {
    TESTS.iter().try_for_each(|folder| install_in(folder))
}

/// What of the above is not there.
pub(crate) fn missing() -> Vec<String> {
    let folders = ["web"].into_iter().chain(TESTS);
    let missing = folders.filter(|folder| !stamp(folder).is_current().unwrap_or(false));
    missing.map(|folder| format!("npm packages of {folder}/package-lock.json")).collect()
}

fn install_in(folder: &str) -> Outcome {
    if stamp(folder).is_current()? {
        return Ok(());
    }
    println!("installing npm packages of {folder}");
    npm(folder, &["ci", "--no-audit", "--no-fund"])?;
    stamp(folder).write()
}

fn stamp(folder: &str) -> Stamp {
    let folder: PathBuf = root().join(folder);
    Stamp::new(&folder.join("package-lock.json"), &folder.join("node_modules"))
}

fn npm(folder: &str, args: &[&str]) -> Outcome {
    run(command("npm", args).current_dir(root().join(folder)))
}
