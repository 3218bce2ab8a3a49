//! `media-worker`: takes frames out of footage, on behalf of a server that started it.
//!
//! Requests come on stdin, answers go to stdout (see [`media::worker_protocol`]), logs to stderr. The process opens no
//! other file or socket of its own, holds no key, and ends when stdin does. It reads hostile bytes with decoders written
//! in C: that is why it is a process, and why it limits itself before it reads the first of them.

mod args;
mod cameras;
mod deadline;
mod decoder;
mod edges;
mod elements;
mod encoder;
mod failure;
mod footage;
mod h264;
mod limits;
mod pipeline;
mod plan;
mod serve;
mod shape;

use args::{Args, Mode};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("media-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = Args::parse(std::env::args().skip(1))?;
    let answers = limits::take_stdout()?;
    // Before the limits: the first start ever on a machine scans the plugins, which takes memory and files.
    gstreamer::init()?;
    limits::apply(&args)?;
    match args.mode {
        Mode::Frames => serve::run(answers)?,
        Mode::Cameras => cameras::run()?,
    }
    Ok(())
}
