//! `cargo xtask …`: everything a developer or a newcomer types. It needs nothing but Rust to start, and installs the rest.
#![allow(clippy::print_stdout)] // a command-line program speaks on stdout

mod bench;
mod demo;
mod fuzz;
mod lint;
mod peers;
mod process;
mod setup;
mod sim;
mod test;
mod web;

use process::Failure;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo               build, start a server on ./kinetoscope-demo with a demo camera, print where to look
  test [FILTER]      install what the tests need, then run every check there is (FILTER: only tests whose name has it)
  lint               format and lints
  setup [--check]    install what is missing (--check: only say what, and exit 1)
  web                build the console into web/dist
  bench [NAME]       measure; without a name, list the benchmarks
  sim [N [FIRST]]    live N (1000) simulated lives of the record log, with crashes and faults; `sim --seed N` replays one
  fuzz TARGET [-- ARGS]  fuzz a parser with cargo-fuzz
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test"] => test::run(None),
        ["test", filter] if !filter.starts_with('-') => test::run(Some(filter)),
        ["lint"] => lint::run(),
        ["setup"] => setup::install(setup::Purpose::Test),
        ["setup", "--check"] => setup::check(setup::Purpose::Test),
        ["web"] => web::build(),
        ["bench", rest @ ..] => bench::run(rest),
        ["sim", rest @ ..] => sim::run(rest),
        ["fuzz", target, rest @ ..] => fuzz::run(target, rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(why)) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
