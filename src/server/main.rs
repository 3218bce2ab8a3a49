//! The `kinetoscope` binary.

fn main() -> std::process::ExitCode {
    server::logging::init();
    server::cli::run(std::env::args_os())
}
