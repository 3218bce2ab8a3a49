//! The `kinetoscope` binary.

use mimalloc::MiMalloc;

/// Small records mean many small pieces of memory, made by one thread and given back by another, which this one is good at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    server::logging::init();
    server::cli::run(std::env::args_os())
}
