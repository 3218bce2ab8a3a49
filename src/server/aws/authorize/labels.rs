//! What is said of a resource: its tags and its policy.

use crate::app::App;
use crate::auth::policy::{Policy, PolicyError, PolicyKind, ResourceRule};
use crate::aws::arn::Arn;
use crate::aws::kms;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use streams::DataSettings;
use vault::{Attributes, KEY_POLICY_BYTES_MAX};

/// Most resources whose policies are kept parsed. When there are as many, all are forgotten: parsing one takes microseconds.
const KEPT_MAX: usize = 1024;

/// Tags and policy of a resource that there is.
pub(super) enum Labels {
    Key(Arc<Attributes>),
    Stream(Arc<DataSettings>),
    Consumer(Arc<DataSettings>, String),
}

impl Labels {
    /// `None`: there is no such resource, or not yet.
    pub(super) fn of(app: &App, resource: &str) -> Option<Self> {
        let arn = Arn::parse(resource)?;
        if let Some(id) = arn.resource.strip_prefix("key/") {
            return Some(Self::Key(app.vault.key(&id.parse().ok()?)?.attributes));
        }
        let path = arn.resource.strip_prefix("stream/")?;
        let (stream, consumer) = match path.split_once("/consumer/") {
            Some((stream, consumer)) => (stream, Some(consumer.split(':').next().unwrap_or_default())),
            None => (path, None),
        };
        let data = app.streams.look(stream).ok()?.data.clone()?;
        match consumer {
            None => Some(Self::Stream(data)),
            Some(name) => {
                data.consumer(name).is_some().then(|| Self::Consumer(data.clone(), name.to_owned()))
            }
        }
    }

    /// Its tags.
    pub(super) fn tags(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Key(attributes) => Some(&attributes.tags),
            Self::Stream(data) => Some(&data.tags),
            Self::Consumer(data, name) => data.consumer(name).map(|consumer| &consumer.tags),
        }
    }

    /// How far its policy is needed.
    pub(super) fn rule(&self) -> ResourceRule {
        match self {
            Self::Key(_) => ResourceRule::Required,
            Self::Stream(_) | Self::Consumer(..) => ResourceRule::Either,
        }
    }

    /// Its policy, if it has one.
    pub(super) fn policy(&self, app: &App, resource: &str) -> Result<Option<Arc<Policy>>, NotUnderstood> {
        let text = match self {
            Self::Key(attributes) => Some(&attributes.policy),
            Self::Stream(data) => data.policy.as_ref(),
            Self::Consumer(data, name) => data.consumer(name).and_then(|consumer| consumer.policy.as_ref()),
        };
        let Some(text) = text else { return Ok(None) };
        let parse = || match (self, text.as_str()) {
            (Self::Key(_), "") => parse(&kms::default_policy(&app.config)),
            (_, text) => parse(text),
        };
        app.aws.policies.get(resource, text, parse).map(Some)
    }
}

fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, PolicyKind::Resource, KEY_POLICY_BYTES_MAX)
}

/// A policy that is not understood, which denies everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUnderstood;

/// Policies of resources, parsed once for each change. Bounded.
#[derive(Default)]
pub(crate) struct ResourcePolicies(Mutex<HashMap<String, Parsed>>);

struct Parsed {
    /// What it was parsed from: a resource may get another policy at any time.
    text: String,
    policy: Result<Arc<Policy>, NotUnderstood>,
}

impl ResourcePolicies {
    /// The policy of a resource that says `text`.
    fn get(
        &self,
        resource: &str,
        text: &str,
        parse: impl FnOnce() -> Result<Policy, PolicyError>,
    ) -> Result<Arc<Policy>, NotUnderstood> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = kept.get(resource).filter(|parsed| parsed.text == text) {
            return parsed.policy.clone();
        }
        let policy = parse().map(Arc::new).map_err(|error| {
            tracing::error!(resource, %error, "a policy is not understood: everything is denied to users");
            NotUnderstood
        });
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(resource.to_owned(), Parsed { text: text.to_owned(), policy: policy.clone() });
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

    #[test]
    fn a_policy_is_parsed_once_for_each_change() {
        let policies = ResourcePolicies::default();
        let get = |resource: &str, text: &str| {
            let mut parsed = false;
            let policy = policies.get(resource, text, || {
                parsed = true;
                parse(text)
            });
            (policy.is_ok(), parsed)
        };
        assert_eq!(get("a", POLICY), (true, true));
        assert_eq!(get("a", POLICY), (true, false));
        assert_eq!(get("b", POLICY), (true, true), "another resource");
        let other = POLICY.replace("Allow", "Deny");
        assert_eq!(get("a", &other), (true, true), "another policy");
        assert_eq!(get("a", "{"), (false, true));
        assert_eq!(get("a", "{"), (false, false), "what is not understood is not tried again");
        assert_eq!(get("a", POLICY), (true, true), "and back");
        for number in 0..2 * KEPT_MAX {
            get(&number.to_string(), POLICY);
            assert!(policies.0.lock().unwrap().len() <= KEPT_MAX);
        }
    }
}
