//! Whom a statement of a resource's policy is about.

use super::truth::Truth;
use serde_json::Value;

/// Who makes a request.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// `arn:aws:iam::ACCOUNT:user/NAME`.
    pub arn: &'a str,
    /// The account's twelve digits.
    pub account: &'a str,
}

/// How a statement means a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meant {
    /// Not at all.
    No,
    /// As one of the account, which by itself leaves the say to the policies of the account's users.
    AsAccount,
    /// By name, or as everybody.
    Directly,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principal {
    Everybody,
    Account(String),
    Arn(String),
    /// A service or an identity of another provider: nobody here.
    Foreign,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals {
    list: Vec<Principal>,
    not: bool,
}

impl Principals {
    pub(super) fn parse(value: &Value, not: bool) -> Result<Self, String> {
        let list = match value {
            Value::String(text) if text == "*" => vec![Principal::Everybody],
            Value::Object(kinds) if !kinds.is_empty() => {
                let mut list = Vec::new();
                for (kind, names) in kinds {
                    for name in super::document::texts(names)? {
                        list.push(Principal::parse(kind, &name)?);
                    }
                }
                list
            }
            _ => return Err(r#"must be "*" or like {"AWS": "arn:aws:iam::ACCOUNT:user/NAME"}"#.to_owned()),
        };
        Ok(Self { list, not })
    }

    /// How a statement with this effect means `caller`.
    pub(super) fn mean(&self, caller: Caller<'_>) -> Meant {
        let meant = self.list.iter().map(|principal| principal.means(caller)).max().unwrap_or(Meant::No);
        match (self.not, meant) {
            (false, meant) => meant,
            (true, Meant::No) => Meant::Directly,
            (true, _) => Meant::No,
        }
    }
}

impl Principal {
    fn parse(kind: &str, name: &str) -> Result<Self, String> {
        let account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        match kind {
            "AWS" => {}
            "Service" | "Federated" | "CanonicalUser" => return Ok(Self::Foreign),
            _ => return Err(format!("{kind:?} is none of AWS, Service, Federated, CanonicalUser")),
        }
        if name == "*" {
            return Ok(Self::Everybody);
        }
        if account(name) {
            return Ok(Self::Account(name.to_owned()));
        }
        let parts: Vec<&str> = name.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam", "", of, "root"] if account(of) => Ok(Self::Account((*of).to_owned())),
            ["arn", _, "iam" | "sts", "", of, rest]
                if account(of) && !rest.is_empty() && !rest.contains(['*', '?']) =>
            {
                Ok(Self::Arn(name.to_owned()))
            }
            _ => Err(format!("{name:?} is neither *, nor an account, nor arn:aws:iam::ACCOUNT:user/NAME")),
        }
    }

    fn means(&self, caller: Caller<'_>) -> Meant {
        match self {
            Self::Everybody => Meant::Directly,
            Self::Account(account) if account == caller.account => Meant::AsAccount,
            Self::Arn(arn) if arn == caller.arn => Meant::Directly,
            Self::Account(_) | Self::Arn(_) | Self::Foreign => Meant::No,
        }
    }
}

impl From<Meant> for Truth {
    fn from(meant: Meant) -> Self {
        (meant != Meant::No).into()
    }
}
