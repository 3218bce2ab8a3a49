//! What happened lately, so that what happens again is counted.

use super::entry::{Entry, Event, Repeats};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long things are counted before it is said.
pub(super) const WINDOW: Duration = Duration::from_secs(300);
/// Most kinds of things that are counted; beyond that it is said early.
const KINDS_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct Seen(HashMap<Kind, Times>);

/// What makes two entries be of one kind.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    event: Event,
    key_id: Option<String>,
    action: Option<String>,
    resource: Option<String>,
    context: BTreeMap<String, String>,
    source: Option<String>,
    reason: Option<String>,
}

struct Times {
    /// Without the id of a request.
    entry: Entry,
    /// Not counting the first, which has a line of its own.
    again: u64,
    since_ms: u64,
    until_ms: u64,
}

impl Seen {
    /// Whether it is the first of its kind; if not, it is counted.
    pub(super) fn is_new(&mut self, entry: &Entry, now_ms: u64) -> bool {
        let kind = Kind {
            event: entry.event,
            key_id: entry.key_id.clone(),
            action: entry.action.clone(),
            resource: entry.resource.clone(),
            context: entry.context.clone(),
            source: entry.source.clone(),
            reason: entry.reason.clone(),
        };
        let mut new = false;
        let times = self.0.entry(kind).or_insert_with(|| {
            new = true;
            let entry = Entry { request_id: None, ..entry.clone() };
            Times { entry, again: 0, since_ms: now_ms, until_ms: now_ms }
        });
        if !new {
            times.again += 1;
            times.until_ms = now_ms;
        }
        new
    }

    /// The lines that say how often things happened again. Then all of them are new again.
    pub(super) fn take(&mut self) -> Vec<String> {
        let lines = self.0.drain().filter(|(_, times)| times.again > 0).map(|(_, times)| {
            let Times { entry, again, since_ms, until_ms } = times;
            entry.line(until_ms, Some(Repeats { count: again, since_ms, until_ms }))
        });
        lines.collect()
    }

    /// The same if there are too many kinds.
    pub(super) fn take_if_full(&mut self) -> Vec<String> {
        if self.0.len() < KINDS_MAX { Vec::new() } else { self.take() }
    }
}
