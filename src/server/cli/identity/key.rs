//! `kinetoscope key`.

use super::{escape, instant, path};
use crate::auth::Credentials;
use crate::cli::client::Connection;
use crate::cli::{Failure, block_on, say};
use axum::body::Body;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Access keys of the users of a running server
#[derive(Args)]
#[command(after_help = "Example: a key for anna, in a file that AWS clients read
  kinetoscope key create anna --output anna.credentials
  AWS_SHARED_CREDENTIALS_FILE=anna.credentials aws --endpoint-url http://127.0.0.1:8080 kinesis list-streams")]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Creates an access key and shows its secret, this once
    Create {
        /// The user
        user: String,
        /// Writes id and secret to a file (mode 0600, in the format of AWS clients) instead of showing them
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Prints the access keys of a user
    List {
        /// The user
        user: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Makes a disabled access key work again
    Enable(Which),
    /// Makes an access key stop working, at once; it can be enabled again
    Disable(Which),
    /// Deletes an access key; it stops working at once
    Delete(Which),
}

#[derive(Args)]
struct Which {
    /// The user
    user: String,
    /// The access key's id
    key: String,
    #[command(flatten)]
    connection: Connection,
}

impl Which {
    async fn ask(&self, method: Method, body: Body) -> Result<(), Failure> {
        let path = format!("{}/keys/{}", path(&self.user), escape(&self.key));
        self.connection.request(method, &path, body).await.map(|_| ())
    }

    async fn enable(&self, enabled: bool) -> Result<(), Failure> {
        self.ask(Method::PATCH, Body::from(json!({"enabled": enabled}).to_string())).await
    }
}

pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), Failure> {
    block_on(async {
        match arguments.command {
            Command::Create { user, output, connection } => {
                let url = format!("{}/keys", path(&user));
                let made = connection.request(Method::POST, &url, Body::empty()).await?;
                let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
                let credentials = Credentials { key_id: text("key_id"), secret: text("secret") };
                match output {
                    None => {
                        say(format_args!("access key id      {}", credentials.key_id));
                        say(format_args!("secret access key  {}", credentials.secret));
                    }
                    Some(file) => {
                        let failed = |error| Failure::Failed(format!("{}: {error}", file.display()));
                        credentials.write(&file).map_err(failed)?;
                        say(&credentials.key_id);
                    }
                }
                Ok(())
            }
            Command::List { user, connection } => {
                let url = format!("{}/keys", path(&user));
                let answer = connection.request(Method::GET, &url, Body::empty()).await?;
                answer["keys"].as_array().into_iter().flatten().for_each(|key| say(line(key)));
                Ok(())
            }
            Command::Enable(which) => which.enable(true).await,
            Command::Disable(which) => which.enable(false).await,
            Command::Delete(which) => which.ask(Method::DELETE, Body::empty()).await,
        }
    })
}

/// What is known of a key.
pub(super) fn line(key: &Value) -> String {
    let id = key["key_id"].as_str().unwrap_or_default();
    let state = if key["enabled"] == true { "enabled" } else { "disabled" };
    let (created, used) = (instant(&key["created_ms"]), instant(&key["last_used_ms"]));
    format!("{id:<22} {state:<9} created {created}  last used {used}")
}
