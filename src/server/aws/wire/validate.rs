//! Constraints: lengths, numbers, patterns, words. All that are not kept are told at once, up to ten.

use super::conform::shown;
use super::{Member, Shape, Text, Value};
use crate::aws::error::AwsError;
use std::fmt::{Display, Write};

/// Most errors in one answer.
const ERRORS_MAX: usize = 10;

/// Checks an operation's input, which has been conformed.
pub(crate) fn validate(input: &Value<'_>, members: &[Member]) -> Result<(), AwsError> {
    let mut errors = Errors::default();
    errors.structure(input, members, "");
    match errors.0.len() {
        0 => Ok(()),
        count => {
            let plural = if count == 1 { "" } else { "s" };
            let list = errors.0.join("; ");
            Err(AwsError::validation(format!("{count} validation error{plural} detected: {list}")))
        }
    }
}

#[derive(Default)]
struct Errors(Vec<String>);

impl Errors {
    fn add(&mut self, value: &dyn Display, path: &str, rule: &dyn Display) {
        if self.0.len() < ERRORS_MAX {
            self.0.push(format!("Value {value} at '{path}' failed to satisfy constraint: {rule}"));
        }
    }

    fn structure(&mut self, input: &Value<'_>, members: &[Member], parent: &str) {
        for member in members {
            match input.get(member.name) {
                // Where the member is: the path is put together for errors only.
                Some(value) if fits(value, &member.shape) => {}
                Some(value) => self.value(value, &member.shape, &path(parent, member.name)),
                None if member.required => {
                    self.add(&"null", &path(parent, member.name), &"Member must not be null");
                }
                None => {}
            }
        }
    }

    fn value(&mut self, value: &Value<'_>, shape: &Shape, path: &str) {
        match (shape, value) {
            (Shape::Text(rules), Value::Text(text)) => {
                broken(text, rules, |rule| self.add(&format_args!("'{}'", shown(text)), path, rule));
            }
            (Shape::Integer { min, max }, Value::Integer(number)) => {
                let number_shown = format!("'{number}'");
                if number < min {
                    let rule = format!("Member must have value greater than or equal to {min}");
                    self.add(&number_shown, path, &rule);
                }
                if number > max {
                    let rule = format!("Member must have value less than or equal to {max}");
                    self.add(&number_shown, path, &rule);
                }
            }
            (Shape::Blob { max }, Value::Blob(bytes)) => {
                let len = bytes.len();
                let shown = format!("'java.nio.HeapByteBuffer[pos=0 lim={len} cap={len}]'");
                self.length(len, 0, *max, &shown, path);
            }
            (Shape::List { of, min, max, called }, Value::List(values)) => {
                self.list(values, of, (*min, *max, *called), path);
            }
            (Shape::Map { names, values, min, max }, Value::Map(members)) => {
                self.map(members, (names, values), (*min, *max), path);
            }
            (Shape::Structure(members), value) => self.structure(value, members, path),
            _ => {}
        }
    }

    fn length(&mut self, len: usize, min: usize, max: usize, shown: &dyn Display, path: &str) {
        if len < min {
            self.add(shown, path, &format_args!("Member must have length greater than or equal to {min}"));
        }
        if len > max {
            self.add(shown, path, &format_args!("Member must have length less than or equal to {max}"));
        }
    }

    fn list(
        &mut self,
        values: &[Value<'_>],
        of: &Shape,
        (min, max, called): (usize, usize, Option<&str>),
        path: &str,
    ) {
        let texts = || {
            values.iter().filter_map(|value| match value {
                Value::Text(text) => Some(&**text),
                _ => None,
            })
        };
        let list_shown = || match called {
            Some(called) => in_brackets(values.iter().map(|_| called)),
            None => in_brackets(texts()),
        };
        self.length(values.len(), min, max, &Lazy(list_shown), path);
        if let Shape::Text(rules) = of {
            if texts().any(|text| !keeps(text, rules)) {
                self.add(
                    &Lazy(list_shown),
                    path,
                    &format_args!("Member must satisfy constraint: [{}]", all(rules)),
                );
            }
            return;
        }
        for (index, value) in values.iter().enumerate().filter(|(_, value)| !fits(value, of)) {
            if self.0.len() >= ERRORS_MAX {
                break;
            }
            self.value(value, of, &format!("{path}.{}.member", index + 1));
        }
    }

    fn map(
        &mut self,
        members: &[(std::borrow::Cow<'_, str>, Value<'_>)],
        (names, values): (&Text, &Text),
        (min, max): (usize, usize),
        path: &str,
    ) {
        let text = |value: &Value<'_>| match value {
            Value::Text(text) => text.clone().into_owned(),
            _ => String::new(),
        };
        let map_shown = || {
            let mut list = String::from("'{");
            for (index, (name, value)) in members.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(list, "{comma}{name}={}", text(value));
            }
            format!("{}}}'", shown(&list))
        };
        self.length(members.len(), min, max, &Lazy(map_shown), path);
        if members.iter().any(|(name, _)| !keeps(name, names)) {
            self.add(
                &Lazy(map_shown),
                path,
                &format_args!("Map keys must satisfy constraint: [{}]", all(names)),
            );
        }
        if members.iter().any(|(_, value)| !keeps(&text(value), values)) {
            self.add(
                &Lazy(map_shown),
                path,
                &format_args!("Map value must satisfy constraint: [{}]", all(values)),
            );
        }
    }
}

/// Shown only if it comes to that.
struct Lazy<F>(F);

impl<F: Fn() -> String> Display for Lazy<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0())
    }
}

fn in_brackets<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::from("'[");
    for (index, item) in items.enumerate() {
        if list.len() > 1024 {
            break;
        }
        if index > 0 {
            list.push_str(", ");
        }
        list.push_str(item);
    }
    format!("{}]'", shown(&list))
}

fn path(parent: &str, name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let dot = if parent.is_empty() { "" } else { "." };
    format!("{parent}{dot}{}{}", first.map(String::from).unwrap_or_default(), letters.as_str())
}

/// Whether a value keeps all constraints, decided without putting any text together.
fn fits(value: &Value<'_>, shape: &Shape) -> bool {
    match (shape, value) {
        (Shape::Text(rules), Value::Text(text)) => keeps(text, rules),
        (Shape::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(&number),
        (Shape::Blob { max }, Value::Blob(bytes)) => bytes.len() <= *max,
        (Shape::List { of, min, max, .. }, Value::List(values)) => {
            (*min..=*max).contains(&values.len()) && values.iter().all(|value| fits(value, of))
        }
        (Shape::Structure(members), value) => members.iter().all(|member| match value.get(member.name) {
            Some(value) => fits(value, &member.shape),
            None => !member.required,
        }),
        (Shape::Map { .. }, _) => false,
        _ => true,
    }
}

fn keeps(text: &str, rules: &Text) -> bool {
    let mut kept = true;
    broken(text, rules, |_| kept = false);
    kept
}

/// Tells each rule that a text breaks.
fn broken(text: &str, rules: &Text, mut tell: impl FnMut(&dyn Display)) {
    if !rules.one_of.is_empty() && !rules.one_of.contains(&text) {
        tell(&format_args!("Member must satisfy enum value set: [{}]", rules.one_of.join(", ")));
    }
    if let Some(pattern) = rules.pattern.filter(|pattern| !(pattern.matches)(text)) {
        tell(&format_args!("Member must satisfy regular expression pattern: {}", pattern.shown));
    }
    // Most texts are shorter in bytes than they may be in characters.
    let long = text.len() > rules.max && text.encode_utf16().count() > rules.max;
    if long {
        tell(&format_args!("Member must have length less than or equal to {}", rules.max));
    }
    if text.len() < rules.min {
        tell(&format_args!("Member must have length greater than or equal to {}", rules.min));
    }
}

/// All rules of the elements of a list or map, as one constraint shows them.
fn all(rules: &Text) -> String {
    let mut list = Vec::new();
    if !rules.one_of.is_empty() {
        list.push(format!("Member must satisfy enum value set: [{}]", rules.one_of.join(", ")));
    }
    if rules.max != usize::MAX {
        list.push(format!("Member must have length less than or equal to {}", rules.max));
        list.push(format!("Member must have length greater than or equal to {}", rules.min));
    }
    if let Some(pattern) = rules.pattern {
        list.push(format!("Member must satisfy regular expression pattern: {}", pattern.shown));
    }
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Pattern, conform, json, optional, required};
    use super::*;

    const NAME: Text = Text::of(1, 8).like(Pattern {
        shown: "[a-z]+",
        matches: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase()),
    });
    const RECORD: Shape = Shape::Structure(&[
        required("Data", Shape::Blob { max: 3 }),
        required("PartitionKey", Shape::Text(Text::of(1, 4))),
    ]);
    const MEMBERS: &[Member] = &[
        optional("Limit", Shape::Integer { min: 1, max: 10 }),
        optional("Name", Shape::Text(NAME)),
        optional("Type", Shape::Text(Text::one_of(&["A", "B"]))),
        optional("Records", Shape::List { of: &RECORD, min: 1, max: 12, called: Some("Record@1") }),
        optional("Keys", Shape::List { of: &Shape::Text(Text::of(1, 2)), min: 1, max: 2, called: None }),
        optional("Tags", Shape::Map { names: Text::of(1, 2), values: Text::of(0, 2), min: 1, max: 2 }),
    ];

    fn refusal(body: &str) -> String {
        let mut input = json::decode(body.as_bytes()).unwrap();
        conform(&mut input, MEMBERS, Format::Json, body.len()).unwrap();
        validate(&input, MEMBERS).err().map(|error| error.message().to_owned()).unwrap_or_default()
    }

    #[test]
    fn each_constraint_in_the_services_own_words() {
        let one = |what: &str| format!("1 validation error detected: Value {what}");
        for (body, message) in [
            (
                r#"{"Limit":0}"#,
                one(
                    "'0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
                ),
            ),
            (
                r#"{"Limit":11}"#,
                one(
                    "'11' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10",
                ),
            ),
            (
                r#"{"Type":"C"}"#,
                one("'C' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [A, B]"),
            ),
            (
                r#"{"Records":[{"Data":"AAAAAA==","PartitionKey":"a"}]}"#,
                one(
                    "'java.nio.HeapByteBuffer[pos=0 lim=4 cap=4]' at 'records.1.member.data' failed to satisfy constraint: Member must have length less than or equal to 3",
                ),
            ),
            (
                r#"{"Records":[{"Data":"","PartitionKey":"a"},{"Data":""}]}"#,
                one(
                    "null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null",
                ),
            ),
            (
                r#"{"Records":[]}"#,
                one(
                    "'[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1",
                ),
            ),
            (
                r#"{"Keys":["abc"]}"#,
                one(
                    "'[abc]' at 'keys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2, Member must have length greater than or equal to 1]",
                ),
            ),
            (
                r#"{"Tags":{"abc":"d"}}"#,
                one(
                    "'{abc=d}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 2, Member must have length greater than or equal to 1]",
                ),
            ),
            (r#"{"Limit":5,"Name":"abc","Type":"A","Keys":["a"],"Tags":{"a":""}}"#, String::new()),
        ] {
            assert_eq!(refusal(body), message, "{body}");
        }
    }

    #[test]
    fn several_at_once_but_no_more_than_ten() {
        let two = "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must satisfy regular \
                   expression pattern: [a-z]+; Value '' at 'name' failed to satisfy constraint: Member must have length greater \
                   than or equal to 1";
        assert_eq!(refusal(r#"{"Name":""}"#), two);
        let records = ["{}"; 12].join(",");
        let message = refusal(&format!("{{\"Records\":[{records}]}}"));
        assert!(message.starts_with("10 validation errors detected: "), "{message}");
        assert_eq!(message.matches("; ").count(), 9);
        assert!(
            message.contains("'records.5.member.partitionKey'") && !message.contains("'records.6."),
            "{message}"
        );
    }

    #[test]
    fn what_is_long_is_not_repeated_whole() {
        let records = vec!["{}"; 5000].join(",");
        assert!(refusal(&format!("{{\"Records\":[{records}]}}")).len() < 4000);
        assert!(refusal(&format!("{{\"Name\":\"{}\"}}", "x".repeat(100_000))).len() < 1000);
    }
}
