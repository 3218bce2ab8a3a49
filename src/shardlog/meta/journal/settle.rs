//! Table and journal side by side: which rows stand, and what has to be done about it.
//!
//! Every change is in the journal before it is in the table, and the table notes up to where it has followed. So
//!
//! | the table                                | then                                                               |
//! |------------------------------------------|--------------------------------------------------------------------|
//! | is empty                                 | it is rebuilt from the journal                                     |
//! | is older than the journal                | it is brought up to date: a crash, or an old copy put back         |
//! | is as new, and says something else       | the journal is right: it has checksums, the table has none. A row that only the table has is kept |
//! | is newer: an old copy of the log         | the table is right; the journal is stated anew, under a new id     |
//! | has rows, and there is no journal        | the same: data of an older version, or a lost log                  |
//! | followed another journal                 | refused: whoever put it there knows which of the two is wanted     |
//!
//! Of a damaged journal nothing is taken for removed: what either of them has stays, in its newer version. If the table is
//! as new as the journal, the table alone is believed. Either way the journal is stated anew.

use super::read::Journal;
use crate::meta::table::{Change, Position, Snapshot, difference};
use crate::meta::{MetaError, Versioned};
use std::collections::BTreeMap;
use std::fmt;

/// How the metadata's table and its journal in the log stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They say the same.
    Same,
    /// There is neither.
    New,
    /// There is no journal; the table has rows.
    NoJournal {
        /// There was one.
        lost: bool,
    },
    /// The table is empty, or was not there; the journal has rows.
    NoTable,
    /// The table lacks the newest changes.
    TableOlder {
        /// How many rows are out of date.
        rows: usize,
    },
    /// The journal lacks changes that the table has: the log is an older copy.
    JournalOlder,
    /// The journal is damaged.
    JournalDamaged {
        /// Rows whose newest value cannot be read in the journal.
        rows: Vec<String>,
        /// Records of which nothing can be read.
        records: usize,
        /// Whether the table has everything all the same.
        table_is_current: bool,
    },
    /// The table says something else than the journal.
    TableDiffers {
        /// In these rows.
        rows: Vec<String>,
    },
}

impl Standing {
    /// Whether this comes of damage or loss, and not of how things are done.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Same | Self::New | Self::NoJournal { lost: false } | Self::TableOlder { .. })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("it agrees with its journal in the log"),
            Self::New => f.write_str("there is none yet"),
            Self::NoJournal { lost: false } => {
                f.write_str("the log has no journal of it: a start states it there")
            }
            Self::NoJournal { lost: true } => {
                f.write_str("its journal in the log is lost: a start states it there anew")
            }
            Self::NoTable => f.write_str("it is lost: a start rebuilds it from its journal in the log"),
            Self::TableOlder { rows } => {
                write!(
                    f,
                    "{rows} rows are older than in its journal in the log: a start brings them up to date"
                )
            }
            Self::JournalOlder => f.write_str(
                "the log is an older copy, whose journal lacks what it has: a start states it there anew",
            ),
            Self::JournalDamaged { rows, records, table_is_current } => {
                let end = if *table_is_current {
                    "it has everything: a start states it there anew"
                } else {
                    "and it is older than the journal, or lost: what these records said cannot be rebuilt"
                };
                write!(
                    f,
                    "its journal in the log is damaged ({records} records unreadable; rows without their newest value: {}); {end}",
                    Names(rows)
                )
            }
            Self::TableDiffers { rows } => {
                write!(f, "it contradicts its journal in the log, which is right, in {}", Names(rows))
            }
        }
    }
}

/// Some names out of many.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&self.0[..self.0.len().min(SHOWN_MAX)].join(", "))?;
        match self.0.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// What is to be.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) standing: Standing,
    pub(crate) rows: BTreeMap<String, Versioned>,
    /// What makes these rows of the table's.
    pub(crate) changes: Vec<Change>,
    pub(crate) journal: Next,
}

/// What becomes of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It goes on.
    GoOn { id: u128 },
    /// It is stated anew and goes on.
    Restate { id: u128 },
    /// It is stated anew under a new id.
    Begin,
}

/// Judges a table and a journal.
///
/// # Errors
/// [`MetaError::Damaged`] if they do not belong together.
pub(crate) fn settle(table: &Snapshot, journal: Option<&Journal>) -> Result<Settled, MetaError> {
    let settled = |standing, rows: BTreeMap<_, _>, journal| {
        let changes = difference(&table.rows, &rows);
        Ok(Settled { standing, rows, changes, journal })
    };
    let Some(journal) = journal else {
        let lost = table.position.is_some();
        let standing = if table.rows.is_empty() { Standing::New } else { Standing::NoJournal { lost } };
        return settled(standing, table.rows.clone(), Next::Begin);
    };
    let followed = match table.position {
        Some(Position { journal: id, next }) if journal.id.is_none_or(|known| known == id) => Some(next),
        None if table.rows.is_empty() || table.rows == journal.rows => None,
        _ => return Err(MetaError::Damaged { what: STRANGERS.to_owned() }),
    };
    let id = journal.id.or(table.position.map(|position| position.journal));
    let next = |restate| match id {
        Some(id) if restate => Next::Restate { id },
        Some(id) => Next::GoOn { id },
        None => Next::Begin,
    };
    if followed.is_some_and(|followed| followed > journal.next.0) {
        return settled(Standing::JournalOlder, table.rows.clone(), Next::Begin);
    }
    let current = followed == Some(journal.next.0);
    if !journal.damage.is_none() {
        let standing = Standing::JournalDamaged {
            rows: journal.damage.rows.keys().cloned().collect(),
            records: journal.damage.unreadable.len(),
            table_is_current: current,
        };
        let rows = if current { table.rows.clone() } else { newer_of_both(&table.rows, &journal.rows) };
        return settled(standing, rows, next(true));
    }
    if table.rows == journal.rows {
        return settled(Standing::Same, journal.rows.clone(), next(false));
    }
    if !current {
        let rows = difference(&table.rows, &journal.rows).len();
        let empty = table.rows.is_empty();
        let standing = if empty { Standing::NoTable } else { Standing::TableOlder { rows } };
        return settled(standing, journal.rows.clone(), next(false));
    }
    let mut rows = table.rows.clone();
    rows.extend(journal.rows.clone());
    let extra = rows.len() > journal.rows.len();
    let differing = difference(&table.rows, &rows).into_iter().chain(difference(&journal.rows, &rows));
    let names = differing.map(|(Change::Put { key, .. } | Change::Remove { key })| key);
    settled(Standing::TableDiffers { rows: names.collect() }, rows, next(extra))
}

const STRANGERS: &str = "the metadata does not belong to this log: it followed another journal than the one in the log. \
    Put the log and the metadata of one and the same server together; or move the metadata away and start again, \
    and it is rebuilt from the journal";

fn newer_of_both(
    table: &BTreeMap<String, Versioned>,
    journal: &BTreeMap<String, Versioned>,
) -> BTreeMap<String, Versioned> {
    let mut rows = journal.clone();
    for (key, row) in table {
        let newer = rows.get(key).is_none_or(|other| other.version < row.version);
        if newer {
            rows.insert(key.clone(), row.clone());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::read::Damage;
    use super::*;
    use crate::types::Seq;
    use bytes::Bytes;

    const ID: u128 = 7;

    fn rows(rows: &[(&str, u64)]) -> BTreeMap<String, Versioned> {
        let row = |(key, version): &(&str, u64)| {
            let value = Bytes::from(format!("{key} {version}"));
            ((*key).to_owned(), Versioned { version: *version, value })
        };
        rows.iter().map(row).collect()
    }

    fn table(stored: &[(&str, u64)], followed: Option<(u128, u64)>) -> Snapshot {
        let position = followed.map(|(journal, next)| Position { journal, next });
        Snapshot { rows: rows(stored), position }
    }

    /// Ends at record 10.
    fn journal(stored: &[(&str, u64)]) -> Journal {
        let rows = rows(stored);
        Journal {
            id: Some(ID),
            next: Seq(10),
            rows,
            damage: Damage::default(),
            statement: Default::default(),
        }
    }

    fn damaged(stored: &[(&str, u64)], lost: &[&str], unreadable: &[u64]) -> Journal {
        let lost = lost.iter().map(|key| ((*key).to_owned(), Seq(9))).collect();
        let damage = Damage { rows: lost, unreadable: unreadable.iter().copied().map(Seq).collect() };
        Journal { damage, ..journal(stored) }
    }

    fn check(
        table: &Snapshot,
        journal: Option<&Journal>,
        standing: &str,
        stands: &[(&str, u64)],
        next: Next,
    ) {
        let settled = settle(table, journal).unwrap();
        let said = format!("{:?}", settled.standing);
        assert!(said.starts_with(standing), "{said} instead of {standing}");
        assert_eq!(settled.rows, rows(stands), "{said}");
        assert_eq!(settled.journal, next, "{said}");
        assert_eq!(settled.changes, difference(&table.rows, &settled.rows), "{said}");
    }

    #[test]
    fn a_sound_journal_is_the_truth() {
        let (go_on, restate) = (Next::GoOn { id: ID }, Next::Restate { id: ID });
        let both = journal(&[("a", 2), ("b", 1)]);
        let sound = Some(&both);
        check(&table(&[("a", 2), ("b", 1)], Some((ID, 10))), sound, "Same", &[("a", 2), ("b", 1)], go_on);
        check(&table(&[], None), sound, "NoTable", &[("a", 2), ("b", 1)], go_on);
        check(
            &table(&[("a", 1), ("c", 1)], Some((ID, 4))),
            sound,
            "TableOlder { rows: 3 }",
            &[("a", 2), ("b", 1)],
            go_on,
        );
        check(
            &table(&[("a", 1), ("b", 1)], Some((ID, 10))),
            sound,
            "TableDiffers",
            &[("a", 2), ("b", 1)],
            go_on,
        );
        let more = &[("a", 2), ("b", 1), ("c", 1)];
        check(&table(more, Some((ID, 10))), sound, "TableDiffers", more, restate);
    }

    #[test]
    fn without_a_journal_or_with_an_older_one_the_table_is() {
        check(&table(&[], None), None, "New", &[], Next::Begin);
        check(&table(&[("a", 1)], None), None, "NoJournal { lost: false }", &[("a", 1)], Next::Begin);
        check(&table(&[("a", 1)], Some((ID, 4))), None, "NoJournal { lost: true }", &[("a", 1)], Next::Begin);
        let older = journal(&[("b", 1)]);
        check(&table(&[("a", 3)], Some((ID, 11))), Some(&older), "JournalOlder", &[("a", 3)], Next::Begin);
        // The statement was whole, and then the power went before the table noted it.
        let stated = journal(&[("a", 1)]);
        check(&table(&[("a", 1)], None), Some(&stated), "Same", &[("a", 1)], Next::GoOn { id: ID });
    }

    #[test]
    fn of_a_damaged_journal_nothing_is_taken_for_removed() {
        let restate = Next::Restate { id: ID };
        let body = damaged(&[("a", 1), ("b", 1)], &["a"], &[]);
        check(&table(&[("a", 2)], Some((ID, 10))), Some(&body), "JournalDamaged", &[("a", 2)], restate);
        let older = table(&[("a", 2), ("c", 1)], Some((ID, 5)));
        let all = &[("a", 2), ("b", 1), ("c", 1)];
        check(&older, Some(&body), "JournalDamaged", all, restate);
        check(&table(&[], None), Some(&body), "JournalDamaged", &[("a", 1), ("b", 1)], restate);
        let nameless = Journal { id: None, ..damaged(&[("a", 1)], &[], &[0]) };
        check(&table(&[("a", 1)], Some((ID, 10))), Some(&nameless), "JournalDamaged", &[("a", 1)], restate);
        check(&table(&[], None), Some(&nameless), "JournalDamaged", &[("a", 1)], Next::Begin);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let other = journal(&[("a", 1)]);
        for table in [table(&[("a", 1)], Some((ID + 1, 10))), table(&[("b", 1)], None)] {
            let error = settle(&table, Some(&other)).unwrap_err().to_string();
            assert!(error.contains("does not belong to this log"), "{error}");
        }
    }
}
