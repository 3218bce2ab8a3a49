//! `kinetoscope stream`: the streams of a running server.

mod hold;
mod source;

use super::client::Connection;
use super::{Failure, block_on, say};
use crate::auth::check_stream_name;
use axum::body::Body;
use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value, json};

/// Lists, creates and deletes the streams of a running server, and has it call for cameras
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints all streams
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Creates a stream
    Create {
        /// Its name
        stream: String,
        /// Hours of footage to keep
        #[arg(long, value_name = "HOURS")]
        retention_hours: Option<u32>,
        /// Bytes of footage to keep at most
        #[arg(long, value_name = "BYTES")]
        retention_bytes: Option<u64>,
        /// What to do when the disk is full: refuse new footage, or drop_oldest [default: refuse]
        #[arg(long, value_name = "WHAT")]
        when_full: Option<String>,
        /// Something to keep with it; may be repeated
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
        attributes: Vec<(String, String)>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Deletes a stream with all its footage, for good
    Delete {
        /// Its name
        stream: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Footage that must not be trimmed
    Hold {
        #[command(subcommand)]
        command: hold::Command,
    },
    /// The camera that the server calls for and records
    Source {
        #[command(subcommand)]
        command: source::Command,
    },
    /// Calls a camera and prints what it sends, without recording it
    Probe(source::Probe),
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The path of a stream.
pub(super) fn path(stream: &str) -> Result<String, Failure> {
    check_stream_name(stream).map_err(|error| Failure::usage(error.message()))?;
    Ok(format!("/v1/video/{stream}"))
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    block_on(async {
        match arguments.command {
            Command::List { connection } => list(&connection).await,
            Command::Create {
                stream,
                retention_hours,
                retention_bytes,
                when_full,
                attributes,
                connection,
            } => {
                let mut settings = Map::new();
                if let Some(hours) = retention_hours {
                    settings.insert("retention_hours".to_owned(), hours.into());
                }
                if let Some(bytes) = retention_bytes {
                    settings.insert("retention_bytes".to_owned(), bytes.into());
                }
                if let Some(when_full) = when_full {
                    settings.insert("when_full".to_owned(), when_full.into());
                }
                if !attributes.is_empty() {
                    let attributes = attributes.into_iter().map(|(name, value)| (name, Value::from(value)));
                    settings.insert("attributes".to_owned(), Value::Object(attributes.collect()));
                }
                let body = Body::from(json!(settings).to_string());
                connection.request(Method::PUT, &path(&stream)?, body).await?;
                Ok(())
            }
            Command::Hold { command } => hold::run(command).await,
            Command::Source { command } => source::run(command).await,
            Command::Probe(probe) => source::probe(probe).await,
            Command::Delete { stream, connection } => {
                connection.request(Method::DELETE, &path(&stream)?, Body::empty()).await?;
                Ok(())
            }
        }
    })
}

async fn list(connection: &Connection) -> Result<(), Failure> {
    say(format_args!(
        "{:<32} {:<6} {:>9} {:>9} {:>12}  codecs",
        "stream", "state", "retention", "fragments", "bytes"
    ));
    let mut after = String::new();
    loop {
        let page =
            connection.request(Method::GET, &format!("/v1/video?limit=1000{after}"), Body::empty()).await?;
        for stream in page["streams"].as_array().into_iter().flatten() {
            let text = |key: &str| match &stream[key] {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            let retention = format!("{} h", text("retention_hours"));
            let (name, state, codecs) = (text("name"), text("state"), text("codecs"));
            let (fragments, bytes) = (text("fragments"), text("stored_bytes"));
            say(format_args!("{name:<32} {state:<6} {retention:>9} {fragments:>9} {bytes:>12}  {codecs}"));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(()),
        }
    }
}
