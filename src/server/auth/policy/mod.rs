//! Policies in the JSON of AWS's IAM: who may do what to what, under which conditions.
//!
//! By default nothing is allowed. A statement that allows is needed, in a policy of the user or of the resource; a statement
//! that denies, in either, wins over all that allow.
//!
//! What this server cannot determine (a condition key it has no value for, a variable without value, several values where one is
//! expected) makes a condition neither true nor false. Such a statement never allows, and always denies: not knowing
//! must not open anything. What is not understood at all (an unknown operator or field) is refused when the policy is put.
//!
//! | where we are stricter than AWS | why |
//! |---|---|
//! | a condition on a key that is not determined here neither allows nor stops a denial | the key's values would be guesses |
//! | a statement that denies counts if a variable in it has no value | the same |
//! | `NotPrincipal` with `Allow` and wildcards in principals are refused | AWS warns of one and refuses the other |
//! | a key that is in an object twice is refused | readers differ in which one counts |
//!
//! Reference: AWS IAM User Guide, "IAM JSON policy element reference" and "Policy evaluation logic".

mod condition;
mod context;
mod document;
mod json;
mod operand;
mod pattern;
mod principal;
#[cfg(test)]
mod tests;
mod truth;

pub use context::Context;
pub use document::{Effect, POLICY_BYTES_MAX, Policy, PolicyError, PolicyKind};
pub use principal::Caller;

use document::Statement;
use principal::Meant;
use truth::Truth;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who.
    pub caller: Caller<'a>,
    /// What: `service:Action`.
    pub action: &'a str,
    /// To what: an ARN; `*` if it is about no resource in particular.
    pub resource: &'a str,
    /// Everything else.
    pub context: &'a Context,
}

/// What belongs to a policy that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The user.
    Identity,
    /// The resource.
    Resource,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Because {
    /// Where its policy belongs.
    pub origin: Origin,
    /// Name of the policy; a resource's has none.
    pub policy: Option<String>,
    /// Which statement, from 0.
    pub statement: usize,
    /// What it calls itself.
    pub sid: Option<String>,
    /// What it does.
    pub effect: Effect,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is allowed.
    pub allowed: bool,
    /// By which statement; `None`: no statement allows it.
    pub because: Option<Because>,
}

/// How far a resource's policy is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceRule {
    /// Either kind of policy may allow. As for streams.
    Either,
    /// The resource's policy must allow, by name or by leaving the say to the account. As for keys.
    Required,
}

/// Decides. `identity`: the user's policies with their names; `resource`: the policy of what the question is about, if any.
pub fn decide<'a>(
    identity: impl IntoIterator<Item = (&'a str, &'a Policy)>,
    resource: Option<&Policy>,
    rule: ResourceRule,
    question: &Question<'_>,
) -> Verdict {
    let of_resource = resource.map_or_else(Found::default, |policy| {
        let mut found = Found::default();
        found.look(Origin::Resource, None, policy, question);
        found
    });
    let mut of_identity = Found::default();
    for (name, policy) in identity {
        of_identity.look(Origin::Identity, Some(name), policy, question);
    }
    if let Some(denial) = of_identity.denial.or(of_resource.denial) {
        return Verdict { allowed: false, because: Some(denial) };
    }
    let by_identity = match rule {
        ResourceRule::Either => of_identity.permission,
        ResourceRule::Required => of_identity.permission.filter(|_| of_resource.account_permission.is_some()),
    };
    let because = of_resource.permission.or(by_identity);
    Verdict { allowed: because.is_some(), because }
}

/// The statements that match, of a side.
#[derive(Default)]
struct Found {
    denial: Option<Because>,
    permission: Option<Because>,
    /// One that leaves the say to the account.
    account_permission: Option<Because>,
}

impl Found {
    fn look(&mut self, origin: Origin, name: Option<&str>, policy: &Policy, question: &Question<'_>) {
        for (index, statement) in policy.statements.iter().enumerate() {
            let (meant, truth) = statement.matches(question);
            let place = match (statement.effect, truth) {
                (Effect::Deny, Truth::True | Truth::Unknown) => &mut self.denial,
                (Effect::Allow, Truth::True) if meant == Meant::AsAccount => &mut self.account_permission,
                (Effect::Allow, Truth::True) => &mut self.permission,
                _ => continue,
            };
            place.get_or_insert_with(|| Because {
                origin,
                policy: name.map(str::to_owned),
                statement: index,
                sid: statement.sid.clone(),
                effect: statement.effect,
            });
        }
    }
}

impl Statement {
    /// How it means the caller, and whether everything in it matches.
    fn matches(&self, question: &Question<'_>) -> (Meant, Truth) {
        let Question { caller, action, resource, context } = *question;
        let meant = self.principals.as_ref().map_or(Meant::Directly, |principals| principals.mean(caller));
        let select = |not: bool, any: Truth| if not { any.not() } else { any };
        let actions = self.actions.patterns.iter().map(|pattern| pattern.matches(action, context, true));
        let action = select(self.actions.not, Truth::any(actions));
        if meant == Meant::No || action == Truth::False {
            return (meant, Truth::False); // most statements, at little cost
        }
        let resources = self.resources.patterns.iter().map(|pattern| pattern.matches(resource, context));
        let resource = select(self.resources.not, Truth::any(resources));
        let conditions = self.conditions.iter().map(|condition| condition.holds(context));
        (meant, Truth::all([action, resource].into_iter().chain(conditions)))
    }
}
