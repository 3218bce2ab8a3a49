//! `kinetoscope rewrap DATA`: gives the keystore another root key.
//!
//! Nothing but the keystore file is written, and that at once: whatever happens, it opens with the one root key or the other. The
//! catalogue's copy of it follows at the next start; until then it opens with the old one.

use super::root_arguments::RootArguments;
use super::{Failure, say};
use crate::data_dir::DataDir;
use crate::error::Causes;
use crate::root::{Given, Root};
use crate::service::EnvEntropy;
use shardlog::env::Env;
use std::path::PathBuf;
use url::Url;

/// Seals the keystore under another root key: moves it from a file to a KMS, to another KMS key, or back to a file
///
/// No server may be using the directory. The root key that it has now is named as for `serve`. Keep it until the server has been
/// started with the new one, and for as long as you keep older copies of the data directory.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The data directory
    data: PathBuf,
    #[command(flatten)]
    root: RootArguments,
    /// File for the new root key; made if it is not there
    #[arg(long, value_name = "FILE", required_unless_present = "to_kms_key", conflicts_with = "to_kms_key")]
    to_key_file: Option<PathBuf>,
    /// The key of a KMS that is to hold the new root key: its id, ARN or alias
    #[arg(long, value_name = "KEY")]
    to_kms_key: Option<String>,
    /// Where that KMS is [default: that of AWS in the region]
    #[arg(long, value_name = "URL", requires = "to_kms_key")]
    to_kms_endpoint: Option<Url>,
    /// The region to sign for there [default: the one in the key's ARN]
    #[arg(long, value_name = "NAME", requires = "to_kms_key")]
    to_kms_region: Option<String>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { data, root, to_key_file, to_kms_key, to_kms_endpoint, to_kms_region } = arguments;
    let from = root.root(&data)?;
    let given = Given {
        key_file: to_key_file,
        kms_key: to_kms_key,
        kms_endpoint: to_kms_endpoint,
        kms_region: to_kms_region,
    };
    // The passphrase and the secret of the environment are of the root key that there is now.
    let environment = |name: &str| std::env::var(name).ok().filter(|_| !name.starts_with("KINETOSCOPE_"));
    let to = Root::new(given, &data, true, environment).map_err(Failure::usage)?;
    let data = DataDir::open(&data, false).map_err(Failure::failed)?;
    super::block_on(async move {
        let (env, keys) = (Env::real(), data.keys());
        let failed = |error: &(dyn std::error::Error + 'static)| Failure::Failed(Causes(error).to_string());
        let from = from.unlock(&keys, &env).await.map_err(|error| failed(&error))?;
        let to = to.fresh(&env).await.map_err(|error| failed(&error))?;
        let (entropy, kind) = (EnvEntropy(env.clone()), to.kind());
        let changed = env.blocking(move || vault::change_root(&keys, &from, &to, &entropy)).await;
        changed.ok_or_else(|| Failure::failed("interrupted"))?.map_err(|error| failed(&error))?;
        say(format_args!("the keystore of {} has {kind} as its root now", data.path().display()));
        Ok(())
    })
}
