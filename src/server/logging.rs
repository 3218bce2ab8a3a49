//! Logs go to standard error: for people on a terminal, JSON otherwise. `RUST_LOG` chooses what; the default is `info`.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Sets logging up for the whole process. Later calls do nothing.
pub fn init() {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // It would show whole headers, with passwords and tokens, whatever `RUST_LOG` says.
    if let Ok(quiet) = "h2=warn".parse() {
        filter = filter.add_directive(quiet);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // What cannot be written (the log may lie on the disk that is full, or fails) is lost. By default it is complained about,
    // on standard error too, with a macro that panics: in the middle of whatever had something to say.
    let builder = builder.log_internal_errors(false);
    // Fails only when logging is already set up.
    let _ = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
