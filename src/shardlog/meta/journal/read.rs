//! Reading the journal: what its records make of the rows, and what of it is damaged.

use super::record::{Head, Kind};
use super::{JOURNAL_SHARD, failed};
use crate::error::StoreError;
use crate::meta::table::Change;
use crate::meta::{MetaError, Versioned};
use crate::store::LogStore;
use crate::types::{Arrival, Parts, ReadLimit, Seq};
use bytes::Bytes;
use std::collections::BTreeMap;

/// How much is read at once.
const PAGE: ReadLimit = ReadLimit { records: 512, bytes: 8 << 20 };
const ONE: ReadLimit = ReadLimit { records: 1, bytes: 0 };

/// A record as far as it can be read.
enum Found {
    Whole(Head, Bytes, Arrival),
    /// Its value is damaged.
    WithoutValue(Head),
    Unreadable,
}

/// What is damaged in a journal and not said again by a later record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Rows of which the newest value cannot be read, and the record that held it.
    pub(crate) rows: BTreeMap<String, Seq>,
    /// Records of which nothing can be read: whatever they changed may be out of date.
    pub(crate) unreadable: Vec<Seq>,
}

impl Damage {
    pub(crate) fn is_none(&self) -> bool {
        self.rows.is_empty() && self.unreadable.is_empty()
    }
}

/// What the journal says.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    /// Its id; `None` if the statement that gives it is damaged.
    pub(crate) id: Option<u128>,
    /// Where its next record goes.
    pub(crate) next: Seq,
    /// The rows as the records leave them. Of a row whose newest value is damaged, the one before.
    pub(crate) rows: BTreeMap<String, Versioned>,
    pub(crate) damage: Damage,
    pub(crate) statement: Statement,
}

/// The newest whole statement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statement {
    /// Where it begins.
    pub(crate) first: Seq,
    pub(crate) rows: u64,
    pub(crate) at: Arrival,
}

/// A statement that is not whole yet.
struct Stating {
    id: u128,
    statement: Statement,
    rows: BTreeMap<String, Versioned>,
    seen: u64,
    damaged: bool,
}

#[derive(Default)]
struct Reader {
    id: Option<u128>,
    rows: BTreeMap<String, Versioned>,
    damage: Damage,
    statement: Option<Statement>,
    stating: Option<Stating>,
}

impl Journal {
    /// Reads all of it. `None` if it is not there, or was never stated whole.
    pub(crate) async fn read(log: &dyn LogStore) -> Result<Option<Self>, MetaError> {
        let tail = match log.state(JOURNAL_SHARD).await {
            Ok(state) => state.tail,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut reader = Reader::default();
        walk(log, tail.first, tail.next, |seq, found| reader.take(seq, found)).await?;
        reader.abandon();
        let Reader { id, rows, damage, statement, .. } = reader;
        if statement.is_none() && damage.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { id, next: tail.next, rows, damage, statement: statement.unwrap_or_default() }))
    }
}

/// The changes that the records from `from` up to `until` make, in order. What a statement says is no change.
pub(crate) async fn changes(log: &dyn LogStore, from: Seq, until: Seq) -> Result<Vec<Change>, MetaError> {
    let mut changes = Vec::new();
    walk(log, from, until, |seq, found| {
        match found {
            Found::Whole(head, value, _) => match head.kind {
                Kind::Put => changes.push(Change::Put { key: head.key, version: head.number, value }),
                Kind::Remove => changes.push(Change::Remove { key: head.key }),
                Kind::Statement | Kind::Row | Kind::Stated => {}
            },
            Found::WithoutValue(_) | Found::Unreadable => {
                return Err(MetaError::Damaged {
                    what: format!("record {seq} of the metadata's journal is damaged"),
                });
            }
        }
        Ok(())
    })
    .await?;
    Ok(changes)
}

/// Hands on each record from `from` up to `until`.
async fn walk(
    log: &dyn LogStore,
    from: Seq,
    until: Seq,
    mut take: impl FnMut(Seq, Found) -> Result<(), MetaError> + Send,
) -> Result<(), MetaError> {
    let mut next = from;
    // After damage one by one, to find which records are damaged.
    let mut singly_until = from;
    while next < until {
        let records = if next < singly_until { 1 } else { PAGE.records };
        match log.read(JOURNAL_SHARD, next, ReadLimit { records, ..PAGE }, Parts::Whole).await {
            Ok(page) if page.is_empty() => return Err(malformed(next, &"it is missing")),
            Ok(page) => {
                for record in page {
                    let head = Head::decode(&record.head).map_err(|what| malformed(record.seq, &what))?;
                    // A value must not keep the whole page alive.
                    let value = Bytes::copy_from_slice(record.body.as_deref().unwrap_or_default());
                    take(record.seq, Found::Whole(head, value, record.arrival))?;
                    next = record.seq.plus(1);
                }
            }
            Err(StoreError::Corrupt { .. }) if records > 1 => {
                singly_until = next.plus(PAGE.records as u64);
            }
            Err(StoreError::Corrupt { .. }) => {
                take(next, without_value(log, next).await?)?;
                next = next.plus(1);
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// What can be read of a damaged record.
async fn without_value(log: &dyn LogStore, seq: Seq) -> Result<Found, MetaError> {
    match log.read(JOURNAL_SHARD, seq, ONE, Parts::Heads).await {
        Ok(found) => match found.first() {
            Some(record) if record.seq == seq => {
                let head = Head::decode(&record.head).map_err(|what| malformed(seq, &what))?;
                Ok(Found::WithoutValue(head))
            }
            _ => Ok(Found::Unreadable),
        },
        Err(StoreError::Corrupt { .. }) => Ok(Found::Unreadable),
        Err(error) => Err(failed(error)),
    }
}

/// The record is as it was written, and makes no sense.
fn malformed(seq: Seq, what: &dyn std::fmt::Display) -> MetaError {
    MetaError::Damaged { what: format!("record {seq} of the metadata's journal: {what}") }
}

impl Reader {
    fn take(&mut self, seq: Seq, found: Found) -> Result<(), MetaError> {
        let (head, value, arrival) = match found {
            Found::Whole(head, value, arrival) => (head, Some(value), arrival),
            Found::WithoutValue(head) => (head, None, Arrival(0)),
            Found::Unreadable => {
                self.damage.unreadable.push(seq);
                if let Some(stating) = &mut self.stating {
                    stating.seen += 1;
                    stating.damaged = true;
                }
                return Ok(());
            }
        };
        match head.kind {
            Kind::Put => {
                self.abandon();
                self.put(seq, head, value);
            }
            Kind::Remove => {
                self.abandon();
                self.damage.rows.remove(&head.key);
                self.rows.remove(&head.key);
            }
            Kind::Row => self.put(seq, head, value),
            Kind::Statement => {
                self.abandon();
                let id = head.journal_id().map_err(|what| malformed(seq, &what))?;
                let statement = Statement { first: seq, rows: head.number, at: arrival };
                let rows = BTreeMap::new();
                self.stating = Some(Stating { id, statement, rows, seen: 0, damaged: false });
            }
            Kind::Stated => self.stated(),
        }
        Ok(())
    }

    /// A row as the record gives it: of the statement under way, if there is one.
    fn put(&mut self, seq: Seq, head: Head, value: Option<Bytes>) {
        let rows = match &mut self.stating {
            Some(stating) => {
                stating.seen += 1;
                stating.damaged |= value.is_none();
                &mut stating.rows
            }
            None => &mut self.rows,
        };
        match value {
            Some(value) => {
                self.damage.rows.remove(&head.key);
                rows.insert(head.key, Versioned { version: head.number, value });
            }
            None => _ = self.damage.rows.insert(head.key, seq),
        }
    }

    /// The statement under way is at its end. It counts if it is whole, and then nothing before it does.
    fn stated(&mut self) {
        let Some(stating) = self.stating.take_if(|stating| stating.seen == stating.statement.rows) else {
            return;
        };
        let first = stating.statement.first;
        let mut rows = stating.rows;
        for key in self.damage.rows.iter().filter(|(_, seq)| **seq >= first).map(|(key, _)| key) {
            if let Some(before) = self.rows.remove(key) {
                rows.insert(key.clone(), before);
            }
        }
        self.rows = rows;
        self.damage.rows.retain(|_, seq| *seq >= first);
        self.damage.unreadable.retain(|seq| *seq >= first);
        self.id = Some(stating.id);
        self.statement = Some(stating.statement);
    }

    /// Nothing more comes of the statement under way: it broke off, and says nothing new. Unless it is damaged: it may have
    /// been whole, and be all there is.
    fn abandon(&mut self) {
        let Some(stating) = self.stating.take_if(|stating| stating.damaged) else {
            self.stating = None;
            return;
        };
        self.id = self.id.or(Some(stating.id));
        self.rows.extend(stating.rows);
    }
}
