//! The command line. Exit codes: 0 done, 1 failed, 2 not understood.

mod check;
mod client;
mod identity;
mod push;
mod rewrap;
mod root_arguments;
mod serve;
mod stream;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Records cameras durably and encrypted, plays them back, and gives out frames.
#[derive(Parser)]
#[command(name = "kinetoscope", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serve::Arguments>),
    Check(check::Arguments),
    Rewrap(rewrap::Arguments),
    Stream(stream::Arguments),
    Push(push::Arguments),
    User(identity::user::Arguments),
    Key(identity::key::Arguments),
    Policy(identity::policy::Arguments),
}

/// How a command ended, if not well.
#[derive(Debug)]
pub enum Failure {
    /// It could not be done (exit code 1).
    Failed(String),
    /// What was asked makes no sense (exit code 2).
    Usage(String),
}

impl Failure {
    /// Exit code 1 with a cause.
    fn failed(cause: impl Display) -> Self {
        Self::Failed(cause.to_string())
    }

    /// Exit code 2 with a cause.
    fn usage(cause: impl Display) -> Self {
        Self::Usage(cause.to_string())
    }
}

/// Runs the command line `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Help and version come this way too, with exit code 0.
        Err(message) => {
            let _ = message.print();
            return ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Rewrap(arguments) => rewrap::run(arguments),
        Command::Stream(arguments) => stream::run(arguments),
        Command::Push(arguments) => push::run(arguments),
        Command::User(arguments) => identity::user::run(arguments),
        Command::Key(arguments) => identity::key::run(arguments),
        Command::Policy(arguments) => identity::policy::run(arguments),
    };
    let (code, message) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => (1, message),
        Err(Failure::Usage(message)) => (2, message),
    };
    // Nothing can be done about a closed standard error.
    let _ = writeln!(std::io::stderr(), "kinetoscope: {message}");
    ExitCode::from(code)
}

/// Prints for the user. A reader that went away is not an error of ours.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs a client's work.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let outcome = runtime.block_on(work);
    // A read from the terminal cannot be called off.
    runtime.shutdown_background();
    outcome
}
