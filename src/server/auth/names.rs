//! Names of resources (ARNs), as policies and AWS clients write them.

/// What all names of a deployment have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Twelve digits.
    pub account: String,
    /// As clients sign for it.
    pub region: String,
}

impl Names {
    /// A stream of video. `created_ms` is part of its name; zero for one that is not there yet.
    pub fn video_stream(&self, name: &str, created_ms: u64) -> String {
        let Self { account, region } = self;
        format!("arn:aws:kinesisvideo:{region}:{account}:stream/{name}/{created_ms}")
    }

    /// A stream of data records.
    pub fn data_stream(&self, name: &str) -> String {
        let Self { account, region } = self;
        format!("arn:aws:kinesis:{region}:{account}:stream/{name}")
    }

    /// A user.
    pub fn user(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:user/{name}", self.account)
    }

    /// Who holds the root key.
    pub fn root(&self) -> String {
        format!("arn:aws:iam::{}:root", self.account)
    }
}
