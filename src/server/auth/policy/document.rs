//! Reading a policy: bounded, strict, and with errors that say where.

use super::condition::Condition;
use super::json;
use super::pattern::{ArnPattern, Pattern, Syntax};
use super::principal::Principals;
use serde_json::{Map, Value};

/// Most bytes of a policy of a user, or of a stream.
pub const POLICY_BYTES_MAX: usize = 20_480;

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct PolicyError {
    /// Where: `Statement[1].Condition.StringEquals`.
    pub at: String,
    /// What is wrong there.
    pub what: String,
}

/// What a policy belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A user: statements name no principal.
    Identity,
    /// A resource: each statement names its principals.
    Resource,
}

/// What a statement does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Effect {
    /// Allows it, unless another statement denies it.
    Allow,
    /// Denies it, whatever other statements say.
    Deny,
}

/// One of `X` and `NotX`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selection<T> {
    pub(super) patterns: Vec<T>,
    pub(super) not: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    /// Of a resource's policy only.
    pub(super) principals: Option<Principals>,
    pub(super) actions: Selection<Pattern>,
    pub(super) resources: Selection<ArnPattern>,
    pub(super) conditions: Vec<Condition>,
}

/// A policy that can be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(super) statements: Vec<Statement>,
}

type Read<T> = Result<T, PolicyError>;

fn error(at: &str, what: impl Into<String>) -> PolicyError {
    PolicyError { at: at.to_owned(), what: what.into() }
}

impl Policy {
    /// Reads a policy of at most `bytes_max` bytes.
    pub fn parse(text: &str, kind: PolicyKind, bytes_max: usize) -> Read<Self> {
        if text.len() > bytes_max {
            return Err(error(
                "policy",
                format!("it has {} bytes; at most {bytes_max} are allowed", text.len()),
            ));
        }
        let value = json::parse(text).map_err(|cause| error("policy", format!("not JSON: {cause}")))?;
        let Value::Object(mut fields) = value else {
            return Err(error("policy", "must be an object with Version and Statement"));
        };
        let variables = match fields.remove("Version") {
            None => false,
            Some(Value::String(version)) if version == "2008-10-17" => false,
            Some(Value::String(version)) if version == "2012-10-17" => true,
            Some(_) => return Err(error("Version", r#"must be "2012-10-17" or "2008-10-17""#)),
        };
        if fields.remove("Id").is_some_and(|id| !id.is_string()) {
            return Err(error("Id", "must be a string"));
        }
        let statements = match fields.remove("Statement") {
            Some(Value::Array(list)) if !list.is_empty() => list,
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(error("Statement", "must be a statement, or a list of at least one")),
        };
        no_others(&fields, "policy", "Version, Id, Statement")?;
        let mut read: Vec<Statement> = Vec::with_capacity(statements.len());
        for (index, value) in statements.into_iter().enumerate() {
            let at = format!("Statement[{index}]");
            let statement = Statement::read(value, &at, kind, variables)?;
            if statement.sid.is_some() && read.iter().any(|other| other.sid == statement.sid) {
                return Err(error(&format!("{at}.Sid"), "another statement has it too"));
            }
            read.push(statement);
        }
        Ok(Self { statements: read })
    }
}

impl Statement {
    fn read(value: Value, at: &str, kind: PolicyKind, variables: bool) -> Read<Self> {
        let Value::Object(mut fields) = value else { return Err(error(at, "must be an object")) };
        let inside = |name: &str| format!("{at}.{name}");
        let sid = match fields.remove("Sid") {
            None => None,
            Some(Value::String(sid)) if sid.is_empty() => None,
            Some(Value::String(sid)) => Some(sid),
            Some(_) => return Err(error(&inside("Sid"), "must be a string")),
        };
        let effect = match fields.remove("Effect") {
            Some(Value::String(effect)) if effect == "Allow" => Effect::Allow,
            Some(Value::String(effect)) if effect == "Deny" => Effect::Deny,
            _ => return Err(error(&inside("Effect"), r#"must be "Allow" or "Deny""#)),
        };
        let principals = principals(&mut fields, at, kind, effect)?;
        let actions = selection(&mut fields, at, "Action", action)?;
        let resources = selection(&mut fields, at, "Resource", |text| ArnPattern::parse(text, variables))?;
        let conditions = match fields.remove("Condition") {
            None => Vec::new(),
            Some(value) => conditions(&value, &inside("Condition"), variables)?,
        };
        let known =
            "Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition";
        no_others(&fields, at, known)?;
        Ok(Self { sid, effect, principals, actions, resources, conditions })
    }
}

fn principals(
    fields: &mut Map<String, Value>,
    at: &str,
    kind: PolicyKind,
    effect: Effect,
) -> Read<Option<Principals>> {
    let (name, value) = match (fields.remove("Principal"), fields.remove("NotPrincipal")) {
        (None, None) if kind == PolicyKind::Identity => return Ok(None),
        (Some(value), None) => ("Principal", value),
        (None, Some(value)) => ("NotPrincipal", value),
        (None, None) => return Err(error(at, "has no Principal")),
        (Some(_), Some(_)) => return Err(error(at, "has both Principal and NotPrincipal")),
    };
    let here = format!("{at}.{name}");
    let not = name == "NotPrincipal";
    if kind == PolicyKind::Identity {
        return Err(error(
            &here,
            "a user's policy is about that user alone; only a resource's policy names principals",
        ));
    }
    if not && effect == Effect::Allow {
        return Err(error(&here, "would allow everybody else: name who is allowed in Principal"));
    }
    Principals::parse(&value, not).map(Some).map_err(|what| error(&here, what))
}

/// Reads `name` or `Notname`.
fn selection<T>(
    fields: &mut Map<String, Value>,
    at: &str,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Read<Selection<T>> {
    let not_name = format!("Not{name}");
    let (name, value, not) = match (fields.remove(name), fields.remove(&not_name)) {
        (Some(value), None) => (name, value, false),
        (None, Some(value)) => (not_name.as_str(), value, true),
        (None, None) => return Err(error(at, format!("has neither {name} nor {not_name}"))),
        (Some(_), Some(_)) => return Err(error(at, format!("has both {name} and {not_name}"))),
    };
    let here = format!("{at}.{name}");
    let texts = texts(&value).map_err(|what| error(&here, what))?;
    if texts.is_empty() {
        return Err(error(&here, "is empty"));
    }
    let patterns = texts.iter().map(|text| parse(text).map_err(|what| error(&here, what)));
    Ok(Selection { patterns: patterns.collect::<Read<_>>()?, not })
}

fn action(text: &str) -> Result<Pattern, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_".contains(&byte);
    let formed = match text.split_once(':') {
        None => text == "*",
        Some((service, name)) => {
            !service.is_empty() && !name.is_empty() && service.bytes().chain(name.bytes()).all(allowed)
        }
    };
    if !formed {
        return Err(format!("{text:?} is neither * nor service:Action, as in kinesisvideo:PutMedia"));
    }
    Pattern::parse(text, Syntax { wildcards: true, variables: false })
}

fn conditions(value: &Value, at: &str, variables: bool) -> Read<Vec<Condition>> {
    let Value::Object(operators) = value else { return Err(error(at, "must be an object of operators")) };
    let mut list = Vec::new();
    for (operator, keys) in operators {
        let here = format!("{at}.{operator}");
        let Value::Object(keys) = keys else {
            return Err(error(&here, "must be an object of condition keys"));
        };
        for (key, values) in keys {
            let read = texts(values).and_then(|values| Condition::parse(operator, key, &values, variables));
            list.push(read.map_err(|what| error(&here, what))?);
        }
        if keys.is_empty() {
            return Err(error(&here, "has no condition key"));
        }
    }
    Ok(list)
}

/// One text or several; numbers and booleans may stand without quotes.
pub(super) fn texts(value: &Value) -> Result<Vec<String>, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err("must be a string or a list of strings".to_owned()),
    };
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn no_others(fields: &Map<String, Value>, at: &str, known: &str) -> Read<()> {
    match fields.keys().next() {
        None => Ok(()),
        Some(other) => Err(error(at, format!("{other:?} is none of {known}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, kind: PolicyKind) -> String {
        Policy::parse(text, kind, POLICY_BYTES_MAX).unwrap_err().to_string()
    }

    #[test]
    fn errors_say_where_and_what() {
        let statement = |fields: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{{fields}}}]}}"#);
        let good = r#""Effect":"Allow","Action":"*","Resource":"*""#;
        assert!(Policy::parse(&statement(good), PolicyKind::Identity, 1000).is_ok());
        for (fields, said) in [
            (r#""Effect":"Maybe","Action":"*","Resource":"*""#, "Statement[0].Effect: must be"),
            (r#""Effect":"Allow","Resource":"*""#, "Statement[0]: has neither Action nor NotAction"),
            (r#""Effect":"Allow","Action":"*""#, "Statement[0]: has neither Resource nor NotResource"),
            (
                r#""Effect":"Allow","Action":"*","NotAction":"*","Resource":"*""#,
                "Statement[0]: has both Action",
            ),
            (r#""Effect":"Allow","Action":[],"Resource":"*""#, "Statement[0].Action: is empty"),
            (
                r#""Effect":"Allow","Action":"PutMedia","Resource":"*""#,
                "Statement[0].Action: \"PutMedia\" is neither",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"door""#,
                "Statement[0].Resource: \"door\" is neither",
            ),
            (
                r#""Effect":"Allow","Action":"*","NotResource":[{}]"#,
                "Statement[0].NotResource: must be a string",
            ),
            (
                r#""Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*""#,
                "policy: not JSON: \"Effect\" is there twice",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"*","Principal":"*""#,
                "Statement[0].Principal: a user's policy",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"*","Sidd":"x""#,
                "Statement[0]: \"Sidd\" is none of",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"aws:username":"x"}}"#,
                "Statement[0].Condition.StringIs: \"StringIs\" is not a condition operator",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{}}"#,
                "Statement[0].Condition.Bool: has no",
            ),
        ] {
            let refusal = refusal(&statement(fields), PolicyKind::Identity);
            assert!(refusal.starts_with(said), "{fields}: {refusal}");
        }
        for (text, said) in [
            ("[]", "policy: must be an object"),
            ("{", "policy: not JSON"),
            ("{}", "Statement: must be"),
            (r#"{"Version":"2020-01-01"}"#, "Version: must be"),
            (r#"{"Statement":[]}"#, "Statement: must be"),
        ] {
            let refusal = refusal(text, PolicyKind::Identity);
            assert!(refusal.starts_with(said), "{text}: {refusal}");
        }
        let long = format!("{}{}", " ".repeat(POLICY_BYTES_MAX), statement(good));
        assert!(refusal(&long, PolicyKind::Identity).contains("at most 20480"));
        let deep = "[".repeat(10_000);
        assert!(refusal(&deep, PolicyKind::Identity).contains("recursion"));
        let twice = r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        assert!(refusal(twice, PolicyKind::Identity).starts_with("Statement[1].Sid: another"));
    }

    #[test]
    fn a_resource_names_its_principals() {
        let policy = |effect: &str, principal: &str| {
            format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"*","Resource":"*"{principal}}}}}"#)
        };
        for principal in [
            r#","Principal":"*""#,
            r#","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:root"]}"#,
            r#","Principal":{"AWS":"arn:aws:iam::111122223333:user/anna"}"#,
            r#","Principal":{"Service":"firehose.amazonaws.com"}"#,
        ] {
            Policy::parse(&policy("Allow", principal), PolicyKind::Resource, 1000).unwrap();
        }
        for principal in [
            "",
            r#","Principal":"anna""#,
            r#","Principal":{}"#,
            r#","Principal":{"GCP":"x"}"#,
            r#","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
            r#","NotPrincipal":{"AWS":"111122223333"}"#,
        ] {
            assert!(
                Policy::parse(&policy("Allow", principal), PolicyKind::Resource, 1000).is_err(),
                "{principal}"
            );
        }
        let not = r#","NotPrincipal":{"AWS":"111122223333"}"#;
        assert!(Policy::parse(&policy("Deny", not), PolicyKind::Resource, 1000).is_ok());
    }
}
