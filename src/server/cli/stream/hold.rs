//! `kinetoscope stream hold`: footage that stays, whatever retention says.

use super::path;
use crate::cli::client::Connection;
use crate::cli::{Failure, say};
use axum::body::Body;
use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value, json};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Places a hold on a stream, or changes one; without --from and --to it covers everything
    Add {
        /// The stream
        stream: String,
        /// The hold's name
        name: String,
        /// First instant: RFC 3339, or seconds since the epoch
        #[arg(long, value_name = "INSTANT", requires = "to")]
        from: Option<String>,
        /// The instant after the last
        #[arg(long, value_name = "INSTANT", requires = "from")]
        to: Option<String>,
        /// By whose clock: producer (the camera's) or server (arrival) [default: producer]
        #[arg(long, value_name = "CLOCK")]
        clock: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Prints the holds of a stream, and what they keep
    List {
        /// The stream
        stream: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Releases a hold; retention goes on where it was held up
    Release {
        /// The stream
        stream: String,
        /// The hold's name
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { stream, name, from, to, clock, reason, connection } => {
            let mut hold = Map::from_iter([("reason".to_owned(), Value::from(reason))]);
            let given = [("from", from), ("to", to), ("clock", clock)];
            hold.extend(given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))));
            let body = Body::from(json!(hold).to_string());
            connection.request(Method::PUT, &hold_path(&stream, &name)?, body).await?;
        }
        Command::List { stream, connection } => {
            let path = format!("{}/holds", path(&stream)?);
            print(&connection.request(Method::GET, &path, Body::empty()).await?);
        }
        Command::Release { stream, name, connection } => {
            connection.request(Method::DELETE, &hold_path(&stream, &name)?, Body::empty()).await?;
        }
    }
    Ok(())
}

/// The names of holds are made like those of streams.
fn hold_path(stream: &str, name: &str) -> Result<String, Failure> {
    crate::auth::check_stream_name(name)
        .map_err(|_| Failure::usage("the name of a hold has 1 to 64 characters of a-z A-Z 0-9 _ . -"))?;
    Ok(format!("{}/holds/{name}", path(stream)?))
}

fn print(answer: &Value) {
    say(format_args!("{:<24} {:<22} {:<22} reason", "hold", "from (ms)", "to (ms)"));
    for hold in answer["holds"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let bound = |key: &str| match &hold["range"][key] {
            Value::Null => "everything".to_owned(),
            ms => format!("{ms} {}", text(&hold["range"]["clock"])),
        };
        let (name, reason) = (text(&hold["name"]), text(&hold["reason"]));
        say(format_args!("{name:<24} {:<22} {:<22} {reason}", bound("from_ms"), bound("to_ms")));
    }
    if let Some(oldest) = answer["oldest_hold"].as_str() {
        say(format_args!("{oldest} is the oldest; {} bytes stay until it is released", answer["held_bytes"]));
    }
}
