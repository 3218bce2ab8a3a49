//! Conditions: `{"OPERATOR": {"KEY": VALUES}}`. All must hold; of one condition's values one is enough, and where the
//! operator is negated none may fit.
//!
//! | key of the request | plain operator | negated (`…Not…`) | `…IfExists` | `ForAllValues:` | `ForAnyValue:` |
//! |---|---|---|---|---|---|
//! | has no value | does not hold | holds | holds | holds | does not hold |
//! | has several values | undetermined | undetermined | undetermined | each must hold | one must hold |
//! | is not determined by this server | undetermined | undetermined | undetermined | undetermined | undetermined |
//!
//! `Null` with `true` holds where there is no value, with `false` where there is one.

use super::context::{Context, Lookup};
use super::operand::{Network, boolean, instant, number};
use super::pattern::{ArnPattern, Pattern, Syntax};
use super::truth::Truth;
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text { fold: bool, wildcards: bool },
    Arn,
    Network,
    Date(Order),
    Number(Order),
    Bool,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    All,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator {
    kind: Kind,
    negated: bool,
    if_exists: bool,
    quantifier: Option<Quantifier>,
}

/// Names without prefix and suffix, what they compare, and whether they are negated.
const OPERATORS: &[(&str, Kind, bool)] = &[
    ("StringEquals", Kind::Text { fold: false, wildcards: false }, false),
    ("StringNotEquals", Kind::Text { fold: false, wildcards: false }, true),
    ("StringEqualsIgnoreCase", Kind::Text { fold: true, wildcards: false }, false),
    ("StringNotEqualsIgnoreCase", Kind::Text { fold: true, wildcards: false }, true),
    ("StringLike", Kind::Text { fold: false, wildcards: true }, false),
    ("StringNotLike", Kind::Text { fold: false, wildcards: true }, true),
    ("ArnEquals", Kind::Arn, false),
    ("ArnLike", Kind::Arn, false),
    ("ArnNotEquals", Kind::Arn, true),
    ("ArnNotLike", Kind::Arn, true),
    ("IpAddress", Kind::Network, false),
    ("NotIpAddress", Kind::Network, true),
    ("DateEquals", Kind::Date(Order::Equal), false),
    ("DateNotEquals", Kind::Date(Order::Equal), true),
    ("DateLessThan", Kind::Date(Order::Less), false),
    ("DateLessThanEquals", Kind::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Kind::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Kind::Date(Order::GreaterOrEqual), false),
    ("NumericEquals", Kind::Number(Order::Equal), false),
    ("NumericNotEquals", Kind::Number(Order::Equal), true),
    ("NumericLessThan", Kind::Number(Order::Less), false),
    ("NumericLessThanEquals", Kind::Number(Order::LessOrEqual), false),
    ("NumericGreaterThan", Kind::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Kind::Number(Order::GreaterOrEqual), false),
    ("Bool", Kind::Bool, false),
    ("Null", Kind::Null, false),
];

impl Operator {
    fn parse(name: &str) -> Result<Self, String> {
        let (quantifier, bare) = match name.split_once(':') {
            Some(("ForAllValues", bare)) => (Some(Quantifier::All), bare),
            Some(("ForAnyValue", bare)) => (Some(Quantifier::Any), bare),
            _ => (None, name),
        };
        let (if_exists, bare) = match bare.strip_suffix("IfExists") {
            Some(bare) => (true, bare),
            None => (false, bare),
        };
        let known = OPERATORS.iter().find(|(known, ..)| *known == bare);
        let &(_, kind, negated) = known.ok_or_else(|| format!("{name:?} is not a condition operator"))?;
        if kind == Kind::Null && (if_exists || quantifier.is_some()) {
            return Err("Null takes neither IfExists nor ForAllValues or ForAnyValue".to_owned());
        }
        Ok(Self { kind, negated, if_exists, quantifier })
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Text(Pattern),
    Arn(ArnPattern),
    Network(Network),
    Instant(i128),
    Number(f64),
    Bool(bool),
}

impl Operand {
    fn parse(kind: Kind, text: &str, variables: bool) -> Result<Self, String> {
        let bad = |what| move || format!("{text:?} is not {what}");
        Ok(match kind {
            Kind::Text { wildcards, .. } => {
                Self::Text(Pattern::parse(text, Syntax { wildcards, variables })?)
            }
            Kind::Arn => Self::Arn(ArnPattern::parse(text, variables)?),
            Kind::Network => {
                Self::Network(Network::parse(text).ok_or_else(bad("an address or network (192.0.2.0/24)"))?)
            }
            Kind::Date(_) => Self::Instant(
                instant(text).ok_or_else(bad("a date (2026-01-31, 2026-01-31T12:00:00Z, or seconds)"))?,
            ),
            Kind::Number(_) => Self::Number(number(text).ok_or_else(bad("a number"))?),
            Kind::Bool | Kind::Null => Self::Bool(boolean(text).ok_or_else(bad("true or false"))?),
        })
    }
}

/// One operator, one key, its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    operator: Operator,
    /// In lower case.
    key: String,
    operands: Vec<Operand>,
}

impl Condition {
    /// `variables`: whether `${…}` means something.
    pub(super) fn parse(
        operator: &str,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, String> {
        let operator = Operator::parse(operator)?;
        if !key.contains(':') {
            return Err(format!("{key:?} is not a condition key: write service:key, as in aws:SourceIp"));
        }
        if values.is_empty() {
            return Err(format!("{key:?} has no value"));
        }
        let operands = values.iter().map(|text| Operand::parse(operator.kind, text, variables));
        Ok(Self { operator, key: key.to_ascii_lowercase(), operands: operands.collect::<Result<_, _>>()? })
    }

    /// Whether it holds for a request.
    pub(super) fn holds(&self, context: &Context) -> Truth {
        let Operator { kind, negated, if_exists, quantifier } = self.operator;
        let values = match context.get(&self.key) {
            Lookup::Unknown => return Truth::Unknown,
            Lookup::Absent => [].as_slice(),
            Lookup::Values(values) => values,
        };
        if kind == Kind::Null {
            return self.operands.contains(&Operand::Bool(values.is_empty())).into();
        }
        match (quantifier, values) {
            (Some(Quantifier::All), values) => {
                Truth::all(values.iter().map(|value| self.fits(value, context)))
            }
            (Some(Quantifier::Any), []) => if_exists.into(),
            (Some(Quantifier::Any), values) => {
                Truth::any(values.iter().map(|value| self.fits(value, context)))
            }
            (None, []) => (negated || if_exists).into(),
            (None, [value]) => self.fits(value, context),
            (None, _) => Truth::Unknown,
        }
    }

    /// Whether one value of the request fits.
    fn fits(&self, value: &str, context: &Context) -> Truth {
        let any = Truth::any(self.operands.iter().map(|operand| self.compare(operand, value, context)));
        if self.operator.negated { any.not() } else { any }
    }

    fn compare(&self, operand: &Operand, value: &str, context: &Context) -> Truth {
        let order = |ordering: Option<Ordering>| match (self.operator.kind, ordering) {
            (Kind::Date(order) | Kind::Number(order), Some(ordering)) => order.holds(ordering).into(),
            _ => Truth::Unknown,
        };
        match operand {
            Operand::Text(pattern) => {
                let fold = matches!(self.operator.kind, Kind::Text { fold: true, .. });
                pattern.matches(value, context, fold)
            }
            Operand::Arn(pattern) => pattern.matches(value, context),
            // What the request says and is not even of the kind cannot be compared.
            Operand::Network(network) => {
                value.parse().map_or(Truth::Unknown, |address| network.contains(address).into())
            }
            Operand::Instant(at) => order(instant(value).map(|value| value.cmp(at))),
            Operand::Number(number) => {
                order(super::operand::number(value).and_then(|value| value.partial_cmp(number)))
            }
            Operand::Bool(wanted) => boolean(value).map_or(Truth::Unknown, |value| (value == *wanted).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let mut context = Context::default();
        context.set("aws:username", "anna");
        context.set("aws:PrincipalArn", "arn:aws:iam::000000000000:user/anna");
        context.set_source("192.0.2.7".parse().unwrap(), false);
        context.set_time(1_769_860_800_000); // 2026-01-31T12:00:00Z
        context.set_all("aws:TagKeys", vec!["site".into(), "floor".into()]);
        context.set("t:count", "5");
        context
    }

    fn holds(operator: &str, key: &str, values: &[&str]) -> Truth {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::parse(operator, key, &values, true).unwrap().holds(&context())
    }

    #[test]
    fn a_table_of_cases() {
        use Truth::{False, True, Unknown};
        for (operator, key, values, expected) in [
            ("StringEquals", "aws:username", &["bert", "anna"][..], True),
            ("StringEquals", "AWS:UserName", &["Anna"], False),
            ("StringEquals", "aws:username", &["an*"], False),
            ("StringEqualsIgnoreCase", "aws:username", &["ANNA"], True),
            ("StringNotEquals", "aws:username", &["bert", "anna"], False),
            ("StringNotEquals", "aws:username", &["bert"], True),
            ("StringNotEqualsIgnoreCase", "aws:username", &["ANNA"], False),
            ("StringLike", "aws:username", &["a?n*"], True),
            ("StringNotLike", "aws:username", &["a?n*"], False),
            ("StringLike", "aws:PrincipalArn", &["*user/${aws:username}"], True),
            ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::*:user/*"], True),
            ("ArnEquals", "aws:PrincipalArn", &["arn:aws:iam::*:user/*"], True),
            ("ArnNotLike", "aws:PrincipalArn", &["arn:aws:iam::*:user/b*"], True),
            ("IpAddress", "aws:SourceIp", &["10.0.0.0/8", "192.0.2.0/24"], True),
            ("NotIpAddress", "aws:SourceIp", &["10.0.0.0/8"], True),
            ("NotIpAddress", "aws:SourceIp", &["192.0.0.0/8"], False),
            ("DateLessThan", "aws:CurrentTime", &["2026-01-31T12:00:00Z"], False),
            ("DateLessThanEquals", "aws:CurrentTime", &["2026-01-31T13:00:00+01:00"], True),
            ("DateGreaterThan", "aws:CurrentTime", &["2026-01-31"], True),
            ("DateGreaterThanEquals", "aws:EpochTime", &["1769860801"], False),
            ("DateNotEquals", "aws:EpochTime", &["1769860801"], True),
            ("NumericEquals", "t:count", &["5.0"], True),
            ("NumericLessThan", "t:count", &["5"], False),
            ("NumericGreaterThanEquals", "t:count", &["5"], True),
            ("NumericNotEquals", "t:count", &["5"], False),
            ("NumericEquals", "aws:username", &["5"], Unknown),
            ("Bool", "aws:SecureTransport", &["false"], True),
            ("Bool", "aws:SecureTransport", &["True"], False),
            ("Null", "aws:username", &["true"], False),
            ("Null", "aws:username", &["false"], True),
            ("Null", "aws:userid", &["true"], True),
            // No value.
            ("StringEquals", "aws:userid", &["x"], False),
            ("StringNotEquals", "aws:userid", &["x"], True),
            ("StringEqualsIfExists", "aws:userid", &["x"], True),
            ("ForAllValues:StringEquals", "aws:userid", &["x"], True),
            ("ForAnyValue:StringEquals", "aws:userid", &["x"], False),
            ("ForAnyValue:StringNotEquals", "aws:userid", &["x"], False),
            // Several.
            ("ForAllValues:StringEquals", "aws:TagKeys", &["site", "floor", "door"], True),
            ("ForAllValues:StringEquals", "aws:TagKeys", &["site"], False),
            ("ForAnyValue:StringEquals", "aws:TagKeys", &["site"], True),
            ("ForAnyValue:StringNotEquals", "aws:TagKeys", &["site"], True),
            ("ForAllValues:StringNotEquals", "aws:TagKeys", &["site"], False),
            ("StringEquals", "aws:TagKeys", &["site"], Unknown),
            // Not determined here.
            ("StringEquals", "aws:SourceVpc", &["x"], Unknown),
            ("StringNotEquals", "aws:SourceVpc", &["x"], Unknown),
            ("StringEqualsIfExists", "aws:SourceVpc", &["x"], Unknown),
            ("Null", "aws:MultiFactorAuthAge", &["true"], Unknown),
            ("StringEquals", "aws:username", &["${aws:FederatedProvider}"], Unknown),
            ("StringNotEquals", "aws:username", &["${aws:FederatedProvider}"], Unknown),
            ("StringNotEquals", "aws:username", &["${aws:FederatedProvider}", "anna"], False),
        ] {
            assert_eq!(holds(operator, key, values), expected, "{operator} {key} {values:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (operator, key, values) in [
            ("StringMatches", "aws:username", &["x"][..]),
            ("stringequals", "aws:username", &["x"]),
            ("NullIfExists", "aws:username", &["true"]),
            ("ForSomeValues:StringEquals", "aws:username", &["x"]),
            ("StringEquals", "username", &["x"]),
            ("StringEquals", "aws:username", &[]),
            ("IpAddress", "aws:SourceIp", &["192.0.2.0/40"]),
            ("DateLessThan", "aws:CurrentTime", &["tomorrow"]),
            ("NumericEquals", "t:count", &["many"]),
            ("Bool", "aws:SecureTransport", &["yes"]),
            ("ArnLike", "aws:PrincipalArn", &["anna"]),
            ("StringEquals", "aws:username", &["${oops"]),
        ] {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            assert!(Condition::parse(operator, key, &values, true).is_err(), "{operator} {key} {values:?}");
        }
    }
}
