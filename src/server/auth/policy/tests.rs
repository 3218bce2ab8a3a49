//! Whole policies, and what is true of all of them.

use super::*;
use proptest::prelude::*;

const ANNA: Caller<'static> = Caller { arn: "arn:aws:iam::000000000000:user/anna", account: "000000000000" };
const DOOR: &str = "arn:aws:kinesisvideo:us-east-1:000000000000:stream/door/1";
const YARD: &str = "arn:aws:kinesisvideo:us-east-1:000000000000:stream/yard/2";

fn identity(text: &str) -> Policy {
    Policy::parse(text, PolicyKind::Identity, POLICY_BYTES_MAX).unwrap()
}

fn resource(text: &str) -> Policy {
    Policy::parse(text, PolicyKind::Resource, POLICY_BYTES_MAX).unwrap()
}

fn context() -> Context {
    let mut context = Context::default();
    context.set("aws:username", "anna");
    context.set_source("192.0.2.7".parse().unwrap(), true);
    context.set_time(1_769_860_800_000);
    context.set_resource_tags([("owner", "anna")]);
    context
}

fn ask(
    policies: &[&Policy],
    resource: Option<&Policy>,
    rule: ResourceRule,
    action: &str,
    arn: &str,
) -> Verdict {
    let context = context();
    let question = Question { caller: ANNA, action, resource: arn, context: &context };
    decide(policies.iter().map(|policy| ("p", *policy)), resource, rule, &question)
}

fn allowed(policy: &str, action: &str, arn: &str) -> bool {
    ask(&[&identity(policy)], None, ResourceRule::Either, action, arn).allowed
}

fn one(effect: &str, rest: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}",{rest}}}]}}"#)
}

#[test]
fn a_table_of_cases() {
    let put = "kinesisvideo:PutMedia";
    for (rest, action, arn, expected) in [
        (
            r#""Action":"kinesisvideo:PutMedia","Resource":"arn:aws:kinesisvideo:*:*:stream/door/*""#,
            put,
            DOOR,
            true,
        ),
        (
            r#""Action":"kinesisvideo:PutMedia","Resource":"arn:aws:kinesisvideo:*:*:stream/door/*""#,
            put,
            YARD,
            false,
        ),
        (r#""Action":"KinesisVideo:putmedia","Resource":"*""#, put, YARD, true),
        (r#""Action":"kinesisvideo:Get*","Resource":"*""#, put, DOOR, false),
        (r#""Action":["kinesisvideo:Get*","kinesisvideo:Put?edia"],"Resource":"*""#, put, DOOR, true),
        (r#""NotAction":"iam:*","Resource":"*""#, put, DOOR, true),
        (r#""NotAction":"kinesisvideo:*","Resource":"*""#, put, DOOR, false),
        (r#""Action":"*","NotResource":"arn:aws:kinesisvideo:*:*:stream/door/*""#, put, DOOR, false),
        (r#""Action":"*","NotResource":"arn:aws:kinesisvideo:*:*:stream/door/*""#, put, YARD, true),
        (
            r#""Action":"*","NotResource":"arn:aws:kinesisvideo:*:*:stream/${aws:nothing}/*""#,
            put,
            YARD,
            false,
        ),
        (r#""Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":true}}"#, put, YARD, true),
        (
            r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/owner":"${aws:username}"}}"#,
            put,
            YARD,
            true,
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/owner":"anna"}}"#,
            put,
            YARD,
            false,
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#,
            put,
            YARD,
            false,
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"Null":{"aws:MultiFactorAuthAge":"true"}}"#,
            put,
            YARD,
            false,
        ),
        (r#""Action":"kinesisvideo:ListStreams","Resource":"*""#, "kinesisvideo:ListStreams", "*", true),
    ] {
        assert_eq!(allowed(&one("Allow", rest), action, arn), expected, "{rest}");
    }
}

#[test]
fn nothing_is_allowed_by_default_and_denials_win() {
    let all = identity(&one("Allow", r#""Action":"*","Resource":"*""#));
    let no_door = identity(&one(
        "Deny",
        r#""Sid":"NoDoor","Action":"*","Resource":"arn:aws:kinesisvideo:*:*:stream/door/*""#,
    ));
    let unsure = identity(&one(
        "Deny",
        r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"x"}}"#,
    ));
    let put =
        |policies: &[&Policy], arn| ask(policies, None, ResourceRule::Either, "kinesisvideo:PutMedia", arn);
    assert_eq!(put(&[], DOOR), Verdict { allowed: false, because: None });
    assert!(put(&[&all], DOOR).allowed);
    assert!(put(&[&all, &no_door], YARD).allowed);
    let denied = put(&[&all, &no_door], DOOR);
    assert!(!denied.allowed);
    let because = denied.because.unwrap();
    assert_eq!(
        (because.effect, because.sid.as_deref(), because.statement),
        (Effect::Deny, Some("NoDoor"), 0)
    );
    assert!(!put(&[&all, &unsure], DOOR).allowed, "what cannot be determined denies");
}

#[test]
fn a_resource_may_allow_and_deny_by_itself() {
    let put = "kinesis:PutRecord";
    let by = |principal: &str, effect: &str| {
        resource(&one(effect, &format!(r#""Principal":{principal},"Action":"*","Resource":"*""#)))
    };
    let none = identity(&one("Allow", r#""Action":"iam:*","Resource":"*""#));
    let all = identity(&one("Allow", r#""Action":"*","Resource":"*""#));
    let anna = r#"{"AWS":"arn:aws:iam::000000000000:user/anna"}"#;
    let bert = r#"{"AWS":"arn:aws:iam::000000000000:user/bert"}"#;
    let account = r#"{"AWS":"arn:aws:iam::000000000000:root"}"#;
    use ResourceRule::{Either, Required};
    for (policy, user, rule, expected) in [
        (by(anna, "Allow"), &none, Either, true),
        (by(bert, "Allow"), &none, Either, false),
        (by(bert, "Allow"), &all, Either, true),
        (by("\"*\"", "Allow"), &none, Either, true),
        (by(account, "Allow"), &none, Either, false),
        (by(account, "Deny"), &all, Either, false),
        (by(anna, "Deny"), &all, Either, false),
        (by(bert, "Deny"), &all, Either, true),
        (by(account, "Allow"), &all, Required, true),
        (by(account, "Allow"), &none, Required, false),
        (by(bert, "Allow"), &all, Required, false),
        (by(anna, "Allow"), &none, Required, true),
        (by(r#"{"Service":"firehose.amazonaws.com"}"#, "Allow"), &none, Either, false),
    ] {
        let verdict = ask(&[user], Some(&policy), rule, put, DOOR);
        assert_eq!(verdict.allowed, expected, "{policy:?} {user:?} {rule:?}");
    }
    assert!(!ask(&[&all], None, Required, put, DOOR).allowed);
    let others = resource(&one("Deny", &format!(r#""NotPrincipal":{anna},"Action":"*","Resource":"*""#)));
    assert!(ask(&[&all], Some(&others), Either, put, DOOR).allowed);
    let others = resource(&one("Deny", &format!(r#""NotPrincipal":{bert},"Action":"*","Resource":"*""#)));
    assert!(!ask(&[&all], Some(&others), Either, put, DOOR).allowed);
}

#[test]
fn old_policies_have_no_variables() {
    let old = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:username}"}}}}"#;
    assert!(!allowed(old, "a:B", "*"));
    assert!(allowed(&old.replacen('{', r#"{"Version":"2012-10-17","#, 1), "a:B", "*"));
}

/// A statement of a user's policy, of few words so that they meet.
fn statement() -> impl Strategy<Value = String> {
    let action = prop_oneof![Just("*"), Just("k:*"), Just("k:A"), Just("k:?"), Just("j:A")];
    let arn = prop_oneof![Just("*"), Just("arn:aws:k:::a"), Just("arn:aws:k:::*"), Just("arn:aws:k:::b")];
    let condition = prop_oneof![
        Just(""),
        Just(r#","Condition":{"StringEquals":{"aws:username":"anna"}}"#),
        Just(r#","Condition":{"StringEquals":{"aws:username":"bert"}}"#),
        Just(r#","Condition":{"StringNotEquals":{"x:unknown":"y"}}"#),
        Just(r#","Condition":{"Null":{"x:unknown":"true"}}"#),
    ];
    (any::<(bool, bool, bool)>(), action, arn, condition).prop_map(
        |((allow, not_a, not_r), action, arn, condition)| {
            let effect = if allow { "Allow" } else { "Deny" };
            let not = |not| if not { "Not" } else { "" };
            format!(
                r#"{{"Effect":"{effect}","{}Action":"{action}","{}Resource":"{arn}"{condition}}}"#,
                not(not_a),
                not(not_r)
            )
        },
    )
}

fn policy(statements: &[String]) -> Policy {
    identity(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
}

proptest! {
    #[test]
    fn more_denials_never_allow_more(
        statements in prop::collection::vec(statement(), 1..5),
        more in statement(),
        action in prop_oneof![Just("k:A"), Just("k:B"), Just("j:A")],
        arn in prop_oneof![Just("arn:aws:k:::a"), Just("arn:aws:k:::b"), Just("*")],
    ) {
        let before = ask(&[&policy(&statements)], None, ResourceRule::Either, action, arn);
        let deny = more.replace("\"Allow\"", "\"Deny\"");
        let with = |more: String| {
            let mut all = statements.clone();
            all.push(more);
            ask(&[&policy(&all)], None, ResourceRule::Either, action, arn)
        };
        prop_assert!(before.allowed || !with(deny).allowed);
        // The other way round: a permission takes nothing away.
        let allow = more.replace("\"Deny\"", "\"Allow\"");
        prop_assert!(!before.allowed || with(allow).allowed);
        // Order and the borders of policies mean nothing.
        let mut reversed = statements.clone();
        reversed.reverse();
        prop_assert_eq!(ask(&[&policy(&reversed)], None, ResourceRule::Either, action, arn).allowed, before.allowed);
        let apart: Vec<Policy> = statements.iter().map(|one| policy(std::slice::from_ref(one))).collect();
        let apart: Vec<&Policy> = apart.iter().collect();
        prop_assert_eq!(ask(&apart, None, ResourceRule::Either, action, arn).allowed, before.allowed);
    }

    #[test]
    fn what_is_not_determined_never_allows(statements in prop::collection::vec(statement(), 1..5)) {
        let unsure: Vec<String> = statements.iter().filter(|one| one.contains("x:unknown")).cloned().collect();
        prop_assume!(!unsure.is_empty());
        for arn in ["arn:aws:k:::a", "*"] {
            prop_assert!(!ask(&[&policy(&unsure)], None, ResourceRule::Either, "k:A", arn).allowed);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Policy::parse(&text, PolicyKind::Resource, POLICY_BYTES_MAX);
        let inside = serde_json::to_string(&text).unwrap();
        for field in ["Effect", "Action", "Resource", "Principal", "Condition", "Sid"] {
            let whole = format!(r#"{{"Statement":{{"Effect":"Allow","{field}":{inside}}}}}"#);
            let _ = Policy::parse(&whole, PolicyKind::Resource, POLICY_BYTES_MAX);
        }
    }
}
