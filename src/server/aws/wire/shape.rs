//! What an operation's input looks like: its members, their types and their constraints, as tables.

/// A member of a structure.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

/// A member that must be there.
pub(crate) const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true }
}

/// A member that may be left out.
pub(crate) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false }
}

/// A type with its constraints.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A text.
    Text(Text),
    /// A whole number within bounds, both included.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// True or false.
    Boolean,
    /// At most so many bytes.
    Blob {
        /// The most.
        max: usize,
    },
    /// A moment.
    Timestamp,
    /// A list of so many.
    List {
        /// What it lists.
        of: &'static Shape,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
        /// What one is called in messages, unless it is shown as it is.
        called: Option<&'static str>,
    },
    /// Texts by their names.
    Map {
        /// Constraints of the names.
        names: Text,
        /// Constraints of the texts.
        values: Text,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Members of their own.
    Structure(&'static [Member]),
}

/// Constraints of a text.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    /// Fewest characters.
    pub(crate) min: usize,
    /// Most characters.
    pub(crate) max: usize,
    /// What they must look like.
    pub(crate) pattern: Option<Pattern>,
    /// The only texts that are allowed, unless that is empty.
    pub(crate) one_of: &'static [&'static str],
}

impl Text {
    /// So many characters.
    pub(crate) const fn of(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None, one_of: &[] }
    }

    /// One of these words.
    pub(crate) const fn one_of(words: &'static [&'static str]) -> Self {
        Self { one_of: words, ..Self::of(0, usize::MAX) }
    }

    /// The same, of this look.
    pub(crate) const fn like(self, pattern: Pattern) -> Self {
        Self { pattern: Some(pattern), ..self }
    }
}

/// A regular expression of the service's model, and a function that decides the same.
#[derive(Clone, Copy)]
pub(crate) struct Pattern {
    /// As messages show it.
    pub(crate) shown: &'static str,
    /// Whether a text is of that look.
    pub(crate) matches: fn(&str) -> bool,
}
