//! Looking at, and signalling, the processes that a server has started.

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// The children of a process whose command line contains `part`.
pub fn children(of: u32, part: &str) -> Vec<u32> {
    let listed = std::fs::read_dir("/proc").expect("/proc");
    let pids = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent(*pid) == Some(of) && command_line(*pid).contains(part)).collect()
}

/// Whether a process is there and not only waiting to be reaped.
pub fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}

/// Sends a signal to a process that this test, or a server of its own, has started.
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("pid")).expect("pid");
    // It may be gone already.
    let _ = kill_process(pid, signal);
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// What stands in /proc after the name: state, parent …
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
