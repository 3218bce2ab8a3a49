//! A KMS of the test's own, in a process of its own, that holds the root keys of servers.

use super::scripts;
use super::server::Settings;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// A running KMS, killed when dropped.
pub struct RootKms {
    _child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// ARNs of its two keys.
    pub keys: [String; 2],
    /// The access key that servers sign with.
    access: (String, String),
}

impl RootKms {
    /// Moto's, which takes any access key.
    pub async fn moto() -> Self {
        Self::start(&["moto"], "any", "thing").await
    }

    /// The one at `url`, whose root has the first access key and a user the second.
    pub async fn at(url: &str, root: (&str, &str), user: (&str, &str)) -> Self {
        Self::start(&[url, root.0, root.1], user.0, user.1).await
    }

    async fn start(arguments: &[&str], key_id: &str, secret: &str) -> Self {
        let mut command = scripts::python_alone("root_kms.py", arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python");
        let commands = child.stdin.take().expect("stdin");
        let mut answers = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let ready = said(&mut answers, "READY").await;
        let [url, first, second] = ready.as_slice() else { panic!("{ready:?}") };
        let (url, keys) = (url.clone(), [first.clone(), second.clone()]);
        let access = (key_id.to_owned(), secret.to_owned());
        Self { _child: child, commands, answers, url, keys, access }
    }

    /// Has something done; what it says.
    pub async fn tell(&mut self, command: &str) -> String {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.expect("the script listens");
        said(&mut self.answers, "DONE").await.join(" ")
    }

    /// Settings of a server whose root key a key of it holds, and who asks every second.
    pub fn settings(&self, key: &str) -> Settings {
        let pairs = [("KINETOSCOPE_ROOT_KMS_KEY", key), ("KINETOSCOPE_ROOT_KMS_CHECK_S", "1")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings { env: pairs.into_iter().chain(self.environment()).collect(), ..Settings::default() }
    }

    /// The environment in which commands find it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("KINETOSCOPE_ROOT_KMS_ENDPOINT", self.url.as_str()),
            ("KINETOSCOPE_ROOT_KMS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &self.access.0),
            ("AWS_SECRET_ACCESS_KEY", &self.access.1),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

/// What stands behind a word at the beginning of the next line that has it there.
async fn said(lines: &mut Lines<BufReader<ChildStdout>>, word: &str) -> Vec<String> {
    let found = async {
        while let Some(line) = lines.next_line().await.expect("text") {
            let mut words = line.split_whitespace().map(str::to_owned);
            if words.next().as_deref() == Some(word) {
                return words.collect();
            }
        }
        panic!("the script ended without {word}");
    };
    tokio::time::timeout(Duration::from_secs(120), found).await.expect("an answer of the script")
}
