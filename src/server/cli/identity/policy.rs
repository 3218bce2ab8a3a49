//! `kinetoscope policy`.

use super::{escape, path};
use crate::cli::client::Connection;
use crate::cli::{Failure, block_on, say};
use axum::body::Body;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// No policy is larger; what is, the server refuses with its own words.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What the users of a running server may do
///
/// Policies are written in the JSON of AWS's IAM.
#[derive(Args)]
#[command(after_help = r#"Example: anna's camera may push to one stream, over TLS only
  $ cat door.json
  {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "kinesisvideo:PutMedia", "Resource": "arn:aws:kinesisvideo:*:*:stream/door/*",
    "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}
  $ kinetoscope policy put anna door door.json
  $ kinetoscope policy check anna kinesisvideo:PutMedia arn:aws:kinesisvideo:us-east-1:000000000000:stream/door/0 \
        --context aws:SecureTransport=true
  allowed by statement 0 of the policy door"#)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Gives a user a policy, in place of one of the same name
    Put {
        #[command(flatten)]
        which: Which,
        /// File with the policy; - for standard input
        file: PathBuf,
    },
    /// Prints a policy
    Show(Which),
    /// Takes a policy from a user
    Delete(Which),
    /// Says whether a user would be allowed to do something, and which statement decides; exits 1 if not allowed
    Check {
        /// The user
        user: String,
        /// What would be done, as in kinesisvideo:PutMedia
        action: String,
        /// To what: an ARN; * if to nothing in particular
        #[arg(default_value = "*")]
        resource: String,
        /// A value of the request that conditions ask for, as in aws:SourceIp=192.0.2.7; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
        context: Vec<(String, String)>,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Args)]
struct Which {
    /// The user
    user: String,
    /// The policy's name
    policy: String,
    #[command(flatten)]
    connection: Connection,
}

impl Which {
    async fn ask(&self, method: Method, body: Body) -> Result<Value, Failure> {
        let path = format!("{}/policies/{}", path(&self.user), escape(&self.policy));
        self.connection.request(method, &path, body).await
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(in crate::cli) fn run(arguments: Arguments) -> Result<(), Failure> {
    block_on(async {
        match arguments.command {
            Command::Put { which, file } => {
                which.ask(Method::PUT, Body::from(read(&file)?)).await?;
            }
            Command::Show(which) => {
                let policy = which.ask(Method::GET, Body::empty()).await?;
                say(serde_json::to_string_pretty(&policy).map_err(Failure::failed)?);
            }
            Command::Delete(which) => {
                which.ask(Method::DELETE, Body::empty()).await?;
            }
            Command::Check { user, action, resource, context, connection } => {
                let context: Map<String, Value> =
                    context.into_iter().map(|(key, value)| (key, value.into())).collect();
                let body = json!({"user": user, "action": action, "resource": resource, "context": context});
                let body = Body::from(body.to_string());
                let answer = connection.request(Method::POST, "/v1/policies/check", body).await?;
                let because = because(&answer["because"]);
                if answer["allowed"] != true {
                    return Err(Failure::Failed(format!("not allowed: {because}")));
                }
                say(format_args!("allowed by {because}"));
            }
        }
        Ok(())
    })
}

fn because(because: &Value) -> String {
    if because.is_null() {
        return "no policy allows it".to_owned();
    }
    let sid = because["sid"].as_str().map(|sid| format!(" ({sid})")).unwrap_or_default();
    format!(
        "statement {}{sid} of the policy {}",
        because["statement"],
        because["policy"].as_str().unwrap_or("?")
    )
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(FILE_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
    };
    read.map(|_| text).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}
