//! Lists in pages.

use serde::Deserialize;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// Which page of a list, whose items are named by `A`.
#[derive(Deserialize)]
pub struct Page<A = String> {
    /// It begins behind this one.
    pub after: Option<A>,
    limit: Option<usize>,
}

impl<A> Page<A> {
    /// How many items: 1 to 1000.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
    }
}
