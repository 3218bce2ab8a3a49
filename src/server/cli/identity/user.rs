//! `kinetoscope user`.

use super::{instant, path};
use crate::cli::client::Connection;
use crate::cli::{Failure, block_on, say};
use axum::body::Body;
use clap::Subcommand;
use http::Method;

/// Lists, creates and deletes users of a running server
///
/// A new user may do nothing: give it an access key (kinetoscope key create) and a policy (kinetoscope policy put).
#[derive(clap::Args)]
#[command(after_help = "Example:
  kinetoscope user create anna
  kinetoscope policy put anna door door.json
  kinetoscope key create anna")]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Creates a user
    Create {
        /// Its name: 1 to 64 characters of a-z A-Z 0-9 + = , . @ _ -
        user: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Prints all users
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Prints a user's access keys and the names of its policies
    Show {
        /// Its name
        user: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Deletes a user with its access keys and policies; they stop working at once
    Delete {
        /// Its name
        user: String,
        #[command(flatten)]
        connection: Connection,
    },
}

pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), Failure> {
    block_on(async {
        match arguments.command {
            Command::Create { user, connection } => {
                let made = connection.request(Method::PUT, &path(&user), Body::empty()).await?;
                say(made["arn"].as_str().unwrap_or_default());
            }
            Command::List { connection } => list(&connection).await?,
            Command::Show { user, connection } => {
                let user = connection.request(Method::GET, &path(&user), Body::empty()).await?;
                for (name, value) in [("name", &user["name"]), ("arn", &user["arn"]), ("id", &user["id"])] {
                    say(format_args!("{name:<8} {}", value.as_str().unwrap_or_default()));
                }
                say(format_args!("{:<8} {}", "created", instant(&user["created_ms"])));
                for policy in user["policies"].as_array().into_iter().flatten() {
                    say(format_args!("{:<8} {}", "policy", policy.as_str().unwrap_or_default()));
                }
                for key in user["keys"].as_array().into_iter().flatten() {
                    say(format_args!("{:<8} {}", "key", super::key::line(key)));
                }
            }
            Command::Delete { user, connection } => {
                connection.request(Method::DELETE, &path(&user), Body::empty()).await?;
            }
        }
        Ok(())
    })
}

async fn list(connection: &Connection) -> Result<(), Failure> {
    say(format_args!("{:<32} {:>4}  {:<22} policies", "user", "keys", "created"));
    let mut after = String::new();
    loop {
        let url = format!("/v1/users?limit=1000{after}");
        let page = connection.request(Method::GET, &url, Body::empty()).await?;
        for user in page["users"].as_array().into_iter().flatten() {
            let name = user["name"].as_str().unwrap_or_default();
            let keys = user["keys"].as_array().map_or(0, Vec::len);
            let policies: Vec<&str> =
                user["policies"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
            let created = instant(&user["created_ms"]);
            say(format_args!("{name:<32} {keys:>4}  {created:<22} {}", policies.join(" ")));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", super::escape(next).replace('+', "%2B")),
            None => return Ok(()),
        }
    }
}
