//! Amazon Resource Names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

use crate::config::Config;

/// The parts that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// Everything after the account.
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let arn = Self {
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (scheme == "arn" && partition.starts_with("aws")).then_some(arn)
    }

    /// Whether it names something of this service here: our account and region.
    pub(crate) fn is_here(&self, config: &Config, service: &str) -> bool {
        self.service == service && self.region == config.region && self.account == config.account_id
    }
}

/// The ARN of something here.
pub(crate) fn arn(config: &Config, service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{}:{resource}", config.region, config.account_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let arn = Arn::parse("arn:aws-cn:kinesis:us-east-1:000000000000:stream/a/consumer/b:1").unwrap();
        let parts = (arn.service, arn.region, arn.account, arn.resource);
        assert_eq!(parts, ("kinesis", "us-east-1", "000000000000", "stream/a/consumer/b:1"));
        for bad in ["", "arn:aws:kinesis:us-east-1:000000000000", "urn:aws:a:b:c:d", "arn:gcp:a:b:c:d"] {
            assert_eq!(Arn::parse(bad), None, "{bad}");
        }
    }
}
