//! The checked-in tables of operations and their fields, against what this server knows of them.
//!
//! Scripts compare them with the models that AWS clients carry, and the server's answers with them.

use super::operation::{Operation, Service};
use super::wire::{Member, Shape, Text};
use super::{kinesis, kms};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The tables, with the places of the tests under `tests`.
const TABLES: [(&Service, &str); 2] = [
    (&kinesis::SERVICE, include_str!("../../../tests/kinesis_contract.toml")),
    (&kms::SERVICE, include_str!("../../../tests/kms_contract.toml")),
];

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    input: BTreeMap<String, Spec>,
    #[serde(default)]
    errors: BTreeMap<String, String>,
}

/// What a field of the input has to keep to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Spec {
    r#type: String,
    required: bool,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    r#enum: BTreeSet<String>,
    /// Why the server does not look at it.
    ignored: Option<String>,
    /// Why it is not as in the model.
    differs: Option<String>,
}

fn read(table: &str) -> BTreeMap<String, Entry> {
    let mut table: toml::Table = table.parse().unwrap();
    table.remove("tests");
    table.try_into().unwrap()
}

/// A bound, unless it is one that every number of that kind keeps to.
fn bound<T: TryInto<i64> + PartialEq>(bound: T, none: &[T]) -> Option<i64> {
    if none.contains(&bound) { None } else { bound.try_into().ok() }
}

fn text(text: &Text) -> Spec {
    Spec {
        r#type: "string".to_owned(),
        min: bound(text.min, &[0]),
        max: bound(text.max, &[usize::MAX]),
        pattern: text.pattern.map(|pattern| pattern.shown.to_owned()),
        r#enum: text.one_of.iter().map(|&word| word.to_owned()).collect(),
        ..Spec::default()
    }
}

/// A field and all that lies in it.
fn flatten(path: &str, shape: &Shape, required: bool, into: &mut BTreeMap<String, Spec>) {
    let sized = |kind: &str, min: i64, max: usize| Spec {
        r#type: kind.to_owned(),
        min: bound(min, &[0, i32::MIN.into()]),
        max: bound(max, &[i32::MAX as usize]),
        ..Spec::default()
    };
    let spec = match shape {
        Shape::Text(rules) => text(rules),
        Shape::Integer { min, max } => Spec {
            min: bound(*min, &[i32::MIN.into()]),
            max: bound(*max, &[i32::MAX.into()]),
            ..sized("integer", 0, i32::MAX as usize)
        },
        Shape::Boolean => sized("boolean", 0, i32::MAX as usize),
        Shape::Blob { max } => sized("blob", 0, *max),
        Shape::Timestamp => sized("timestamp", 0, i32::MAX as usize),
        Shape::List { of, min, max, .. } => {
            flatten(&format!("{path}.*"), of, false, into);
            sized("list", *min as i64, *max)
        }
        Shape::Map { names, values, min, max } => {
            into.insert(format!("{path}.key"), text(names));
            into.insert(format!("{path}.value"), text(values));
            sized("map", *min as i64, *max)
        }
        Shape::Structure(members) => {
            members_of(path, members, into);
            sized("structure", 0, i32::MAX as usize)
        }
    };
    into.insert(path.to_owned(), Spec { required, ..spec });
}

fn members_of(path: &str, members: &[Member], into: &mut BTreeMap<String, Spec>) {
    let dot = if path.is_empty() { "" } else { "." };
    for member in members {
        flatten(&format!("{path}{dot}{}", member.name), &member.shape, member.required, into);
    }
}

#[test]
fn the_tables_have_each_operation_and_each_field_as_the_server_has_it() {
    for (service, table) in TABLES {
        let table = read(table);
        let names: BTreeSet<&str> = table.keys().map(String::as_str).collect();
        assert_eq!(names, service.operations.iter().map(Operation::name).collect());
        let mut faults = Vec::new();
        for operation in service.operations {
            compare(operation, &table[operation.name()], &mut faults);
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

fn compare(operation: &Operation, entry: &Entry, faults: &mut Vec<String>) {
    let mut known = BTreeMap::new();
    members_of("", operation.input, &mut known);
    let action = operation.action;
    for (path, spec) in &entry.input {
        let mut spec = Spec { differs: None, ..spec.clone() };
        if spec.r#type != "integer" && spec.min == Some(0) {
            spec.min = None;
        }
        let expected = spec.ignored.is_none().then_some(spec);
        let found = known.remove(path);
        if found != expected {
            faults.push(format!("{action} {path}: {found:?}, in the table {expected:?}"));
        }
    }
    faults.extend(known.keys().map(|path| format!("{action} {path} is not in the table")));
    let rated = entry.errors.values().any(|test| test == "rates");
    if rated != operation.rate.is_some() {
        faults.push(format!("{action} has a rate: {}, in the table: {rated}", operation.rate.is_some()));
    }
}
