//! Laying the sources of settings over each other, remembering where each value came from.

use super::{Config, Layer};
use clap::Parser;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Most bytes of a config file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why there is no configuration to start with. All of them are the user's to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not TOML, has an unknown key or a value of the wrong type.
    #[error("config file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Place and cause.
        source: Box<toml::de::Error>,
    },
    /// A variable holds what its key cannot take.
    #[error("{variable}: {reason}")]
    Variable {
        /// The environment variable.
        variable: String,
        /// What is wrong.
        reason: String,
    },
    /// A value that cannot be written down (a path that is not UTF-8).
    #[error("settings: {0}")]
    Value(#[from] serde_json::Error),
    /// A number outside its range.
    #[error("{key} = {value} is out of range ({min} to {max})")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What was given.
        value: u64,
        /// Smallest allowed.
        min: u64,
        /// Largest allowed.
        max: u64,
    },
    /// Not an account's number.
    #[error("account_id = {0:?} must be twelve digits")]
    Account(String),
    /// Not a region's name.
    #[error("region = {0:?} must be 1 to 32 characters of a-z 0-9 -, as in us-east-1")]
    Region(String),
    /// A certificate without key or a key without certificate.
    #[error("tls_cert and tls_key must be given together")]
    HalfTls,
    /// Plain HTTP or RTSP on an address that others can reach.
    #[error(
        "refusing to serve plain {0} on {1}, which is not a loopback address: \
         give --tls-cert and --tls-key, or --insecure-http if a proxy in front does TLS"
    )]
    OpenWithoutTls(&'static str, SocketAddr),
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave it.
    Default,
    /// The config file.
    File(PathBuf),
    /// The variable of this name.
    Environment(String),
    /// The command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// The settings in force and where each came from.
#[derive(Debug)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    values: Map<String, Value>,
    sources: BTreeMap<String, Source>,
}

impl fmt::Display for Effective {
    /// A config file that says the same, each line with its value's source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, source) in &self.sources {
            match self.values.get(key) {
                Some(value) => writeln!(f, "{:<42} # {source}", format!("{key} = {value}"))?,
                None => writeln!(f, "{:<42} # not set", format!("# {key} ="))?,
            }
        }
        Ok(())
    }
}

/// Lays `flags` over the environment over `file` over the defaults.
pub fn load(
    file: Option<&Path>,
    environment: impl Fn(&str) -> Option<OsString>,
    flags: &Layer,
) -> Result<Effective, ConfigError> {
    let mut values = Map::new();
    // Sorted, and every key is there, also those without a value.
    let mut sources = keys()?.into_iter().map(|key| (key, Source::Default)).collect::<BTreeMap<_, _>>();
    let keys = sources.keys().cloned().collect::<Vec<_>>();
    let mut lay = |layer: &Layer, source: &dyn Fn(&str) -> Source| -> Result<(), ConfigError> {
        for (key, value) in fields(layer)? {
            if !value.is_null() {
                sources.insert(key.clone(), source(&key));
                values.insert(key, value);
            }
        }
        Ok(())
    };
    lay(&Layer::defaults(), &|_| Source::Default)?;
    if let Some(path) = file {
        lay(&read_file(path)?, &|_| Source::File(path.to_owned()))?;
    }
    for key in &keys {
        let variable = variable(key);
        if let Some(value) = environment(&variable) {
            lay(&parse_variable(key, &variable, value)?, &|_| Source::Environment(variable.clone()))?;
        }
    }
    lay(flags, &|key| Source::Flag(flag(key)))?;
    let mut config: Config = serde_json::from_value(Value::Object(values.clone()))?;
    config.rtsp_listen_given = sources.get("rtsp_listen").is_some_and(|source| *source != Source::Default);
    config.check()?;
    Ok(Effective { config, values, sources })
}

/// Names of the variables that hold settings. Others that begin with `KINETOSCOPE_` are secrets or belong to other commands;
/// unknown ones are no error, because container platforms make up variables out of a service's name.
fn variable(key: &str) -> String {
    format!("KINETOSCOPE_{}", key.to_ascii_uppercase())
}

fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

fn fields(layer: &Layer) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(layer)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

fn keys() -> Result<Vec<String>, serde_json::Error> {
    Ok(fields(&Layer::default())?.into_iter().map(|(key, _)| key).collect())
}

fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if len > FILE_BYTES_MAX {
        return Err(failed(std::io::Error::other(format!("{len} bytes is too large for a config file"))));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })
}

/// Reads a variable as if it had been given as a flag: one set of rules for both.
fn parse_variable(key: &str, variable: &str, value: OsString) -> Result<Layer, ConfigError> {
    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Flags {
        #[command(flatten)]
        layer: Layer,
    }
    let mut argument = OsString::from(flag(key));
    argument.push("=");
    argument.push(value);
    let parsed = Flags::try_parse_from([argument]);
    parsed.map(|flags| flags.layer).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        ConfigError::Variable { variable: variable.to_owned(), reason }
    })
}

#[cfg(test)]
mod tests {
    use super::super::RtspListen;
    use super::*;

    fn no_environment(_: &str) -> Option<OsString> {
        None
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kinetoscope.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn defaults_hold_when_nothing_is_said() {
        let effective = load(None, no_environment, &Layer::default()).unwrap();
        assert_eq!(effective.config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(effective.config.ingest_idle_timeout_s, 30);
        assert!(effective.to_string().contains("# default"));
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let (_dir, path) = file("workers = 3\nworker_timeout_s = 4\nheader_timeout_s = 5\n");
        let environment = |name: &str| match name {
            "KINETOSCOPE_WORKERS" => Some("6".into()),
            "KINETOSCOPE_WORKER_TIMEOUT_S" => Some("7".into()),
            _ => None,
        };
        let flags = Layer { workers: Some(8), ..Layer::default() };
        let effective = load(Some(&path), environment, &flags).unwrap();
        let config = &effective.config;
        assert_eq!((config.workers, config.worker_timeout_s, config.header_timeout_s), (8, 7, 5));
        assert_eq!(effective.sources["workers"], Source::Flag("--workers".into()));
        assert_eq!(
            effective.sources["worker_timeout_s"],
            Source::Environment("KINETOSCOPE_WORKER_TIMEOUT_S".into())
        );
        assert_eq!(effective.sources["header_timeout_s"], Source::File(path));
        assert_eq!(effective.sources["connections_max"], Source::Default);
    }

    #[test]
    fn what_is_printed_is_a_config_file_that_says_the_same() {
        let flags = Layer { insecure_http: Some(true), data: Some("/srv/\"x".into()), ..Layer::default() };
        let printed = load(None, no_environment, &flags).unwrap().to_string();
        let (_dir, path) = file(&printed);
        let again = load(Some(&path), no_environment, &Layer::default()).unwrap();
        assert_eq!(again.config.data, PathBuf::from("/srv/\"x"));
        assert!(again.config.insecure_http);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let (_dir, path) = file("lisen = '127.0.0.1:1'\n");
        let error = load(Some(&path), no_environment, &Layer::default()).unwrap_err();
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn a_bad_variable_is_named() {
        let environment = |name: &str| (name == "KINETOSCOPE_WORKERS").then(|| "many".into());
        let error = load(None, environment, &Layer::default()).unwrap_err();
        assert!(error.to_string().starts_with("KINETOSCOPE_WORKERS: "), "{error}");
    }

    #[test]
    fn numbers_have_ranges() {
        let flags = Layer { workers: Some(0), ..Layer::default() };
        let error = load(None, no_environment, &flags).unwrap_err();
        assert!(matches!(error, ConfigError::OutOfRange { key: "workers", .. }));
    }

    #[test]
    fn names_of_resources_need_an_account_and_a_region() {
        let account = |digits: &str| Layer { account_id: Some(digits.into()), ..Layer::default() };
        assert!(load(None, no_environment, &account("123456789012")).is_ok());
        assert!(matches!(load(None, no_environment, &account("12345")), Err(ConfigError::Account(_))));
        let region = Layer { region: Some("Mars:1".into()), ..Layer::default() };
        assert!(matches!(load(None, no_environment, &region), Err(ConfigError::Region(_))));
    }

    #[test]
    fn other_addresses_than_loopback_need_tls_or_an_explicit_word() {
        let open = Layer { listen: Some("0.0.0.0:0".parse().unwrap()), ..Layer::default() };
        assert!(matches!(load(None, no_environment, &open), Err(ConfigError::OpenWithoutTls("HTTP", _))));
        let half = Layer { tls_cert: Some("c.pem".into()), ..open.clone() };
        assert!(matches!(load(None, no_environment, &half), Err(ConfigError::HalfTls)));
        let tls = Layer { tls_key: Some("k.pem".into()), ..half };
        assert!(load(None, no_environment, &tls).is_ok());
        let said = Layer { insecure_http: Some(true), ..open };
        assert!(load(None, no_environment, &said).is_ok());
        let v6 = Layer { listen: Some("[::1]:0".parse().unwrap()), ..Layer::default() };
        assert!(load(None, no_environment, &v6).is_ok());
        let rtsp = Layer { rtsp_listen: Some("0.0.0.0:0".parse().unwrap()), ..Layer::default() };
        assert!(matches!(load(None, no_environment, &rtsp), Err(ConfigError::OpenWithoutTls("RTSP", _))));
        let off = Layer { rtsp_listen: Some(RtspListen::Off), ..Layer::default() };
        assert!(load(None, no_environment, &off).unwrap().config.rtsp_listen_given);
        assert!(!load(None, no_environment, &Layer::default()).unwrap().config.rtsp_listen_given);
    }
}
