//! What the process does to itself before it reads the first hostile byte.

use crate::args::{Args, Mode};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::{io, stdio};
use std::fs::File;

/// Takes stdout for the answers alone: what a library prints goes to stderr from now on.
pub(crate) fn take_stdout() -> io::Result<File> {
    let answers = io::fcntl_dupfd_cloexec(stdio::stdout(), 3)?;
    stdio::dup2_stdout(stdio::stderr())?;
    Ok(File::from(answers))
}

/// Limits memory, processor time and files; forbids core dumps (they would hold footage) and gaining privileges.
pub(crate) fn apply(args: &Args) -> io::Result<()> {
    let cpu_max_s = (args.mode == Mode::Frames).then_some(args.cpu_max_s);
    let limits = [
        (Resource::As, Some(args.memory_max_bytes)),
        (Resource::Cpu, cpu_max_s),
        (Resource::Nofile, Some(args.files_max)),
        (Resource::Core, Some(0)),
    ];
    for (resource, limit) in limits {
        if limit.is_some() {
            setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
        }
    }
    rustix::thread::set_no_new_privs(true)
}
