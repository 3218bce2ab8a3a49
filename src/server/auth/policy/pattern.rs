//! Texts of a policy that are compared with texts of a request: `*` stands for anything, `?` for one character, and
//! `${key}` for a value of the request. `${*}`, `${?}` and `${$}` stand for these characters themselves, and
//! `${key, 'default'}` names what is taken when the request has no such value.
//!
//! A variable without a value (or with several) matches neither yes nor no; see [`Truth`].

use super::context::{Context, Lookup};
use super::truth::Truth;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// `*`
    Any,
    /// `?`
    One,
    Variable {
        /// In lower case.
        key: String,
        default: Option<String>,
    },
}

/// What a text may say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?` are not just characters.
    pub(super) wildcards: bool,
    /// `${…}` is not just characters.
    pub(super) variables: bool,
}

/// A text to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Piece>);

impl Pattern {
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let (true, Some(inside)) = (syntax.variables, rest.strip_prefix("${")) {
                let (inside, after) =
                    inside.split_once('}').ok_or_else(|| format!("{rest:?} has no closing brace"))?;
                pieces.push(variable(inside)?);
                rest = after;
                continue;
            }
            pieces.push(match next {
                '*' if syntax.wildcards => Piece::Any,
                '?' if syntax.wildcards => Piece::One,
                other => Piece::Char(other),
            });
            rest = &rest[next.len_utf8()..];
        }
        Ok(Self(pieces))
    }

    /// Matches everything.
    fn any() -> Self {
        Self(vec![Piece::Any])
    }

    /// Whether it matches `text`; without regard to case if `fold`.
    pub(super) fn matches(&self, text: &str, context: &Context, fold: bool) -> Truth {
        let Some(pieces) = self.resolve(context) else { return Truth::Unknown };
        let text: Vec<char> = text.chars().collect();
        glob(&pieces, &text, fold).into()
    }

    /// The pieces with values for variables; `None` if one has none.
    fn resolve(&self, context: &Context) -> Option<std::borrow::Cow<'_, [Piece]>> {
        if !self.0.iter().any(|piece| matches!(piece, Piece::Variable { .. })) {
            return Some(self.0.as_slice().into());
        }
        let mut pieces = Vec::new();
        for piece in &self.0 {
            let Piece::Variable { key, default } = piece else {
                pieces.push(piece.clone());
                continue;
            };
            let value = match (context.get(key), default) {
                (Lookup::Values([value]), _) => value,
                (Lookup::Absent, Some(default)) => default,
                _ => return None,
            };
            pieces.extend(value.chars().map(Piece::Char));
        }
        Some(pieces.into())
    }
}

fn variable(inside: &str) -> Result<Piece, String> {
    let (key, default) = match inside.split_once(',') {
        None => (inside.trim(), None),
        Some((key, default)) => {
            let default = default.trim();
            let quoted = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            let quoted =
                quoted.ok_or_else(|| format!("the default in ${{{inside}}} must stand in single quotes"))?;
            (key.trim(), Some(quoted.to_owned()))
        }
    };
    match key {
        "*" | "?" | "$" => Ok(Piece::Char(key.chars().next().unwrap_or('$'))),
        key if key.contains(':') => Ok(Piece::Variable { key: key.to_ascii_lowercase(), default }),
        _ => Err(format!("${{{inside}}} is not a variable: write ${{service:key}}, as in ${{aws:username}}")),
    }
}

/// Whether `text` fits. Takes at most as many steps as the two lengths multiplied: a mismatch goes back to the last `*` only.
fn glob(pieces: &[Piece], text: &[char], fold: bool) -> bool {
    let same = |piece: &Piece, other: char| match piece {
        Piece::One => true,
        Piece::Char(this) if fold => this.to_lowercase().eq(other.to_lowercase()),
        Piece::Char(this) => *this == other,
        Piece::Any | Piece::Variable { .. } => false,
    };
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while read < text.len() {
        match pieces.get(at) {
            Some(Piece::Any) => {
                star = Some((at, read));
                at += 1;
            }
            Some(piece) if same(piece, text[read]) => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, star_read)) => {
                    star = Some((star_at, star_read + 1));
                    at = star_at + 1;
                    read = star_read + 1;
                }
                None => return false,
            },
        }
    }
    pieces[at..].iter().all(|piece| *piece == Piece::Any)
}

/// Parts of an ARN: `arn:partition:service:region:account:resource`.
const ARN_PARTS: usize = 6;

/// An ARN, or `*` for everything. Each of its parts is compared by itself, so that a wildcard does not reach over a colon,
/// save in the last part. Parts that are not given match everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArnPattern {
    All,
    Parts(Vec<Pattern>),
}

impl ArnPattern {
    pub(super) fn parse(text: &str, variables: bool) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::All);
        }
        if !text.starts_with("arn:") {
            return Err(format!(
                "{text:?} is neither * nor an ARN (arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)"
            ));
        }
        let whole = Pattern::parse(text, Syntax { wildcards: true, variables })?;
        let mut parts: Vec<Pattern> = whole
            .0
            .splitn(ARN_PARTS, |piece| *piece == Piece::Char(':'))
            .map(|part| Pattern(part.to_vec()))
            .collect();
        parts.resize_with(ARN_PARTS, Pattern::any);
        Ok(Self::Parts(parts))
    }

    /// Whether it matches an ARN, or the `*` of a request that is about no resource in particular.
    pub(super) fn matches(&self, arn: &str, context: &Context) -> Truth {
        let Self::Parts(patterns) = self else { return Truth::True };
        let parts: Vec<&str> = arn.splitn(ARN_PARTS, ':').collect();
        if parts.len() != ARN_PARTS {
            return Truth::False;
        }
        Truth::all(patterns.iter().zip(parts).map(|(pattern, part)| pattern.matches(part, context, false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    fn matches(pattern: &str, text: &str) -> Truth {
        let mut context = Context::default();
        context.set("aws:username", "an*a");
        Pattern::parse(pattern, ALL).unwrap().matches(text, &context, false)
    }

    #[test]
    fn wildcards_and_variables() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcdef", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("*ab*ab", "aabab", true),
            ("${*}", "*", true),
            ("${*}", "x", false),
            ("${$}{x}", "${x}", true),
            // The wildcard in the user's name is not one.
            ("home/${aws:UserName}/*", "home/an*a/x", true),
            ("home/${aws:username}/*", "home/annna/x", false),
        ] {
            assert_eq!(matches(pattern, text), fits.into(), "{pattern} {text}");
        }
        assert_eq!(matches("${aws:nothing}", "x"), Truth::Unknown);
        assert_eq!(matches("${aws:userid, 'x'}", "x"), Truth::True);
        assert_eq!(
            matches("${aws:nothing, 'x'}", "x"),
            Truth::Unknown,
            "a default is for what is known to be absent"
        );
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in ["${aws:username", "${username}", "${}", "${aws:username, x}"] {
            assert!(Pattern::parse(text, ALL).is_err(), "{text}");
        }
        let literal = Syntax { wildcards: false, variables: false };
        let context = Context::default();
        assert_eq!(Pattern::parse("${*", literal).unwrap().matches("${*", &context, false), Truth::True);
    }

    #[test]
    fn parts_of_an_arn_are_compared_one_by_one() {
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/a:b";
        for (pattern, fits) in [
            ("*", true),
            (arn, true),
            ("arn:aws:kinesis:*:*:stream/*", true),
            ("arn:aws:kinesis", true),
            ("arn:aws:kinesis:us-east-1:000000000000", true),
            ("arn:aws:k*:stream/a:b", false),
            ("arn:aws:kinesis:us-east-1:000000000000:stream/a", false),
            ("arn:aws:kinesis:us-east-1:000000000000:Stream/a:b", false),
        ] {
            let matched = ArnPattern::parse(pattern, true).unwrap().matches(arn, &Context::default());
            assert_eq!(matched, fits.into(), "{pattern}");
        }
        assert!(ArnPattern::parse("stream/a", true).is_err());
        let some = ArnPattern::parse("arn:aws:kinesis:*:*:*", true).unwrap();
        assert_eq!(some.matches("*", &Context::default()), Truth::False, "no resource is not every resource");
    }

    /// By the definition, in exponential time.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => slowly(rest, text) || (!text.is_empty() && slowly(pattern, &text[1..])),
            (Some(('?', rest)), Some((_, text))) => slowly(rest, text),
            (Some((this, rest)), Some((other, text))) => this == other && slowly(rest, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn globs_are_what_they_are_defined_to_be(pattern in "[ab*?]{0,9}", text in "[ab]{0,9}") {
            let (p, t): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), slowly(&p, &t).into());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}", other in "\\PC{0,20}") {
            let _ = Pattern::parse(&text, ALL).map(|pattern| pattern.matches(&other, &Context::default(), true));
            let _ = ArnPattern::parse(&format!("arn:{text}"), true).map(|arn| arn.matches(&other, &Context::default()));
        }
    }
}
