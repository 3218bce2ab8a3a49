//! Programs of `tests/clients` that talk to a server under test, in whatever language their libraries are for.

use super::paths;
use super::server::{KEY_ID, SECRET, Server, Settings};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// The slowest of them starts three Java machines on two processors.
const TIMEOUT: Duration = Duration::from_secs(400);

/// A script in Python.
pub fn python(name: &str, server: &Server, arguments: &[&str]) -> Command {
    talking_to(server, python_alone(name, arguments))
}

/// A script in Python that talks to no server, or brings its own.
pub fn python_alone(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(paths::python());
    command.arg(paths::root().join("tests/clients").join(name)).args(arguments);
    on_this_machine(command)
}

/// A script in JavaScript, of `tests/clients/node`.
pub fn node(name: &str, server: &Server) -> Command {
    let mut command = Command::new("node");
    command.arg(paths::root().join("tests/clients/node").join(name));
    talking_to(server, on_this_machine(command))
}

fn talking_to(server: &Server, mut command: Command) -> Command {
    command.env("ENDPOINT", server.url()).env("KEY_ID", KEY_ID).env("SECRET", SECRET);
    command
}

fn on_this_machine(mut command: Command) -> Command {
    // Nothing of the machine's own: no proxy, no profile, no metadata service.
    command
        .env("NO_PROXY", "127.0.0.1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null");
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs one to its end, which must be good; shows what it says.
pub async fn run(mut command: Command, server: &Server) {
    let ended = tokio::time::timeout(TIMEOUT, command.output()).await;
    let output = ended.unwrap_or_else(|_| panic!("{command:?} does not end: {}", server.log_tail()));
    must_succeed(&output.unwrap_or_else(|error| panic!("{command:?}: {error}")), server);
}

/// What a script said must have been good.
pub fn must_succeed(output: &Output, server: &Server) {
    let text = String::from_utf8_lossy;
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{said}\n{}", server.log_tail());
    println!("{out}");
}

/// Shards that take and give as much as they can.
pub fn no_limits() -> Settings {
    Settings { args: vec!["--shard-limits=false".to_owned()], ..Settings::default() }
}
