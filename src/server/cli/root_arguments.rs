//! Where the root key is, for commands that open a data directory themselves.

use super::Failure;
use crate::root::{Given, Root};
use std::path::{Path, PathBuf};
use url::Url;

/// The same as for `serve`.
#[derive(clap::Args)]
pub(super) struct RootArguments {
    /// File with the root key [default: DATA/root.key]
    #[arg(long, value_name = "FILE", env = "KINETOSCOPE_ROOT_KEY_FILE")]
    root_key_file: Option<PathBuf>,
    /// The key of a KMS that holds the root key
    #[arg(long, value_name = "KEY", env = "KINETOSCOPE_ROOT_KMS_KEY")]
    root_kms_key: Option<String>,
    /// Where that KMS is
    #[arg(long, value_name = "URL", env = "KINETOSCOPE_ROOT_KMS_ENDPOINT")]
    root_kms_endpoint: Option<Url>,
    /// The region to sign for there
    #[arg(long, value_name = "NAME", env = "KINETOSCOPE_ROOT_KMS_REGION")]
    root_kms_region: Option<String>,
}

impl RootArguments {
    /// The root key of a data directory that is there.
    pub(super) fn root(&self, data: &Path) -> Result<Root, Failure> {
        let given = Given {
            key_file: self.root_key_file.clone(),
            kms_key: self.root_kms_key.clone(),
            kms_endpoint: self.root_kms_endpoint.clone(),
            kms_region: self.root_kms_region.clone(),
        };
        Root::new(given, data, false, |name| std::env::var(name).ok()).map_err(Failure::usage)
    }
}
