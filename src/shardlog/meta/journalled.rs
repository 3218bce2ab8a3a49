//! Metadata whose truth is a journal in the log, and of which a table holds the rows as they stand.
//!
//! ```text
//! put, remove ──► compare versions ──► append to the journal ──► change the table, noting how far it has followed
//!                                            │ durable: from here on it has happened
//! opening:  journal, table ──► settle ──► whichever lacks something is given it
//! ```
//! The table may lag by what a crash left undone: before anything else is done, it follows. While it cannot be written,
//! because the disk is full, what it lacks is kept in memory. Who loses the table gets it back from the journal, and the
//! other way round (see `journal`).
//!
//! Once the journal has taken enough changes, or some are a day old, all rows are stated in it anew, and what was before is
//! trimmed: so it stays bounded, and what a row was in former times (the keys of a deleted stream) goes away.

use super::journal::{Head, JOURNAL_SHARD, Journal, Kind, Next, Settled, Standing, changes, failed, settle};
use super::sqlite::SqliteTable;
use super::table::{Change, Position, Snapshot, Table};
use super::{MetaError, MetaStore, Versioned};
use crate::env::Env;
use crate::error::StoreError;
use crate::store::{LogStore, ShardWriter};
use crate::types::{Arrival, Epoch, RetentionClass, SealedRecord, Seq};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};

/// Rows of a statement that are appended at once, and about how many bytes of them.
const BATCH_RECORDS: usize = 512;
const BATCH_BYTES: usize = 8 << 20;
/// A table may be so many rows behind its journal.
const BEHIND_MAX: usize = 4096;
/// After a statement failed, the next one waits for this long.
const RETRY_MS: u64 = 3600 * 1000;

/// When the journal is stated anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restating {
    /// After so many changes, or as many as there are rows.
    pub(super) changes: u64,
    /// At the first change after so long.
    pub(super) age_ms: u64,
}

impl Default for Restating {
    fn default() -> Self {
        Self { changes: 1024, age_ms: 24 * 3600 * 1000 }
    }
}

/// A [`MetaStore`] in an SQLite file that the log can give back. One at a time on a log and a file.
pub struct JournalledMeta {
    core: Core,
    state: Mutex<State>,
}

struct Core {
    log: Arc<dyn LogStore>,
    table: Arc<dyn Table>,
    env: Env,
    restating: Restating,
}

/// Rows that the table lacks; `None`: a removal.
type Behind = BTreeMap<String, Option<Versioned>>;

struct State {
    /// `None` before the first change, and after a failure.
    writer: Option<Box<dyn ShardWriter>>,
    /// An append was begun of which it is not known whether it happened.
    in_doubt: bool,
    journal: u128,
    /// Where the journal's next record goes, as far as is known.
    next: Seq,
    last_arrival: Arrival,
    /// Up to where changes are in the table or in `behind`.
    seen: Seq,
    /// What could not be written to the table yet.
    behind: Behind,
    /// The journal is stated anew when it gets there,
    due_at: Seq,
    /// or at the first change from this time on.
    due_ms: u64,
}

/// What an opening of the metadata would find.
pub struct Inspection {
    /// How the table and the journal stand to each other.
    pub standing: Standing,
    /// The rows that an opening would go on with.
    pub rows: Vec<(String, Versioned)>,
}

impl JournalledMeta {
    /// Opens the metadata in the file at `path` and its journal in `log`, makes what is not there, and gives each what it
    /// lacks. The file's directory must be there. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`MetaError::Damaged`] if the file is damaged or does not belong to the log. It is never mended or replaced here.
    pub async fn open(path: impl Into<PathBuf>, log: Arc<dyn LogStore>, env: Env) -> Result<Self, MetaError> {
        let path = path.into();
        let journal = Journal::read(&*log).await?;
        let table = open_table(&path, journal.as_ref()).await?;
        Self::on(Arc::new(table), log, env, journal, Restating::default()).await
    }

    /// What [`JournalledMeta::open`] would find. No row is changed, and a file that is not there is not made.
    ///
    /// # Errors
    /// As for [`JournalledMeta::open`].
    pub async fn inspect(path: &Path, log: &dyn LogStore) -> Result<Inspection, MetaError> {
        let journal = Journal::read(log).await?;
        let stored = if path.exists() {
            let table = open_table(path, journal.as_ref()).await?;
            table.verify().await.map_err(|error| advise(error, journal.as_ref()))?;
            table.snapshot().await?
        } else {
            Snapshot::default()
        };
        let Settled { standing, rows, .. } = settle(&stored, journal.as_ref())?;
        Ok(Inspection { standing, rows: rows.into_iter().collect() })
    }

    pub(super) async fn on(
        table: Arc<dyn Table>,
        log: Arc<dyn LogStore>,
        env: Env,
        journal: Option<Journal>,
        restating: Restating,
    ) -> Result<Self, MetaError> {
        let stored = table.snapshot().await.map_err(|error| advise(error, journal.as_ref()))?;
        let Settled { standing, rows, changes, journal: next } = settle(&stored, journal.as_ref())?;
        report(&standing, rows.len());
        let id = match next {
            Next::GoOn { id } | Next::Restate { id } => id,
            Next::Begin => new_id(&env),
        };
        let core = Core { log, table, env, restating };
        let mut state = State::new(id, journal.as_ref(), restating);
        if next == (Next::GoOn { id }) {
            if stored.position != Some(state.position()) || !changes.is_empty() {
                changes.into_iter().for_each(|change| state.note(change));
                _ = core.write_table(&mut state).await; // it is said, and tried again
            }
        } else {
            core.state_rows(&mut state, rows, changes, true).await?;
        }
        Ok(Self { core, state: Mutex::new(state) })
    }

    /// The state, once the table has followed.
    async fn settled(&self) -> Result<MutexGuard<'_, State>, MetaError> {
        let mut state = self.state.lock().await;
        if state.in_doubt {
            state.writer = None;
            self.core.own(&mut state).await?;
        }
        self.core.follow(&mut state).await?;
        Ok(state)
    }

    /// Makes a change if the row's version is `expected`.
    async fn change(&self, key: &str, expected: Option<u64>, change: Change) -> Result<(), MetaError> {
        let mut state = self.settled().await?;
        self.core.own(&mut state).await?;
        self.core.follow(&mut state).await?;
        let found = self.core.get(&state.behind, key).await?.map(|row| row.version);
        if found != expected {
            return Err(MetaError::Conflict { key: key.to_owned(), expected, found });
        }
        let record = match &change {
            Change::Put { key, version, value } => (Head::new(Kind::Put, *version, key), value.clone()),
            Change::Remove { key } => (Head::new(Kind::Remove, expected.unwrap_or(0), key), Bytes::new()),
        };
        // Nothing works without the catalogue, and on a full disk it is through it that room is made.
        self.core.append(&mut state, vec![record], true).await?;
        // It has happened, and everybody who asks will see it, whether the table can be written or not.
        state.note(change);
        state.seen = state.next;
        if self.core.follow(&mut state).await.is_err() {
            return Ok(()); // who comes next is told
        }
        self.core.restate_if_due(&mut state).await;
        Ok(())
    }
}

#[async_trait]
impl MetaStore for JournalledMeta {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError> {
        let state = self.settled().await?;
        self.core.get(&state.behind, key).await
    }

    async fn put(&self, key: &str, expected: Option<u64>, value: Bytes) -> Result<u64, MetaError> {
        let version = expected.unwrap_or(0).saturating_add(1);
        self.change(key, expected, Change::Put { key: key.to_owned(), version, value }).await?;
        Ok(version)
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), MetaError> {
        self.change(key, Some(expected), Change::Remove { key: key.to_owned() }).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        let state = self.settled().await?;
        self.core.list(&state.behind, prefix).await
    }
}

impl State {
    fn new(id: u128, journal: Option<&Journal>, restating: Restating) -> Self {
        let next = journal.map_or(Seq(0), |journal| journal.next);
        let statement = journal.map(|journal| journal.statement).unwrap_or_default();
        let changes = restating.changes.max(statement.rows);
        Self {
            writer: None,
            in_doubt: false,
            journal: id,
            next,
            last_arrival: Arrival(0),
            seen: next,
            behind: Behind::new(),
            due_at: statement.first.plus(2 + statement.rows + changes),
            due_ms: statement.at.0.saturating_add(restating.age_ms),
        }
    }

    fn note(&mut self, change: Change) {
        match change {
            Change::Put { key, version, value } => {
                self.behind.insert(key, Some(Versioned { version, value }))
            }
            Change::Remove { key } => self.behind.insert(key, None),
        };
    }

    fn changes_behind(&self) -> Vec<Change> {
        let change = |(key, row): (&String, &Option<Versioned>)| match row.clone() {
            Some(Versioned { version, value }) => Change::Put { key: key.clone(), version, value },
            None => Change::Remove { key: key.clone() },
        };
        self.behind.iter().map(change).collect()
    }

    fn position(&self) -> Position {
        Position { journal: self.journal, next: self.next.0 }
    }
}

impl Core {
    /// Becomes the journal's owner, making it if it is not there. Afterwards it is known where it ends.
    async fn claim(&self, state: &mut State) -> Result<Box<dyn ShardWriter>, MetaError> {
        let epoch = match self.log.state(JOURNAL_SHARD).await {
            Ok(found) => found.epoch,
            Err(StoreError::NotFound(_)) => {
                self.log.create(JOURNAL_SHARD, RetentionClass::METADATA).await.map_err(failed)?;
                Epoch(0)
            }
            Err(error) => return Err(failed(error)),
        };
        let (found, writer) = self.log.claim(JOURNAL_SHARD, Epoch(epoch.0 + 1)).await.map_err(failed)?;
        state.next = found.tail.next;
        state.last_arrival = found.tail.last_arrival.unwrap_or_default();
        Ok(writer)
    }

    /// Takes the writer, as the journal's owner.
    async fn writer(&self, state: &mut State) -> Result<Box<dyn ShardWriter>, MetaError> {
        match state.writer.take() {
            Some(writer) => Ok(writer),
            None => self.claim(state).await,
        }
    }

    /// Becomes the journal's owner unless it is already; so it is known where the journal ends.
    async fn own(&self, state: &mut State) -> Result<(), MetaError> {
        state.writer = Some(self.writer(state).await?);
        state.in_doubt = false;
        Ok(())
    }

    /// Gives the table what only the journal has. A table that cannot be written (its disk is full) is no failure before it
    /// is far behind.
    async fn follow(&self, state: &mut State) -> Result<(), MetaError> {
        if state.seen < state.next {
            let changes = changes(&*self.log, state.seen, state.next).await?;
            changes.into_iter().for_each(|change| state.note(change));
            state.seen = state.next;
        }
        if state.behind.is_empty() {
            return Ok(());
        }
        match self.write_table(state).await {
            Err(error) if state.behind.len() > BEHIND_MAX => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes to the table what it is behind, and its position.
    async fn write_table(&self, state: &mut State) -> Result<(), MetaError> {
        let written = self.table.apply(state.changes_behind(), state.position()).await;
        match &written {
            Ok(()) => state.behind.clear(),
            Err(error) => {
                tracing::warn!(%error, rows = state.behind.len(), "the metadata is behind its journal for now");
            }
        }
        written
    }

    async fn get(&self, behind: &Behind, key: &str) -> Result<Option<Versioned>, MetaError> {
        match behind.get(key) {
            Some(row) => Ok(row.clone()),
            None => self.table.get(key).await,
        }
    }

    async fn list(&self, behind: &Behind, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        let mut rows: BTreeMap<_, _> = self.table.list(prefix).await?.into_iter().collect();
        for (key, row) in behind.iter().filter(|(key, _)| key.starts_with(prefix)) {
            match row {
                Some(row) => _ = rows.insert(key.clone(), row.clone()),
                None => _ = rows.remove(key),
            }
        }
        Ok(rows.into_iter().collect())
    }

    /// Appends records to the journal; durable on return. `reserve`: they may use the room that is kept on a full disk.
    async fn append(
        &self,
        state: &mut State,
        records: Vec<(Head, Bytes)>,
        reserve: bool,
    ) -> Result<(), MetaError> {
        let mut writer = self.writer(state).await?;
        writer.use_reserve(reserve);
        let arrival = Arrival(self.env.clock.now_ms()).max(state.last_arrival);
        let sealed = |(head, body): (Head, Bytes)| SealedRecord { arrival, head: head.encode(), body };
        let records: Vec<_> = records.into_iter().map(sealed).collect();
        let after = state.next.plus(records.len() as u64);
        // From here on it may happen, also when nobody waits for the answer any more.
        state.in_doubt = true;
        let appended = async { writer.append(state.next, records).await?.await }.await;
        match appended {
            Ok(()) => (state.next, state.last_arrival) = (after, arrival),
            // It did not happen, and the next may.
            Err(error @ (StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::TooLarge { .. })) => {
                (state.writer, state.in_doubt) = (Some(writer), false);
                return Err(failed(error));
            }
            Err(error) => return Err(failed(error)),
        }
        (state.writer, state.in_doubt) = (Some(writer), false);
        Ok(())
    }

    async fn restate_if_due(&self, state: &mut State) {
        let now_ms = self.env.clock.now_ms();
        let due = state.next >= state.due_at || now_ms >= state.due_ms;
        if !due {
            return;
        }
        state.due_at = state.next.plus(self.restating.changes);
        state.due_ms = now_ms.saturating_add(RETRY_MS);
        let restated = async {
            let rows = self.list(&state.behind, "").await?;
            // That the journal becomes shorter can wait until there is room.
            self.state_rows(state, rows, Vec::new(), false).await
        };
        if let Err(error) = restated.await {
            tracing::warn!(%error, "the journal of the metadata could not be stated anew; it goes on as it is");
        }
    }

    /// States all rows in the journal, makes the table's changes, and forgets what the journal said before.
    async fn state_rows(
        &self,
        state: &mut State,
        rows: impl IntoIterator<Item = (String, Versioned)> + Send,
        changes: Vec<Change>,
        reserve: bool,
    ) -> Result<(), MetaError> {
        let rows: Vec<_> = rows.into_iter().collect();
        let count = rows.len() as u64;
        self.own(state).await?;
        let first = state.next;
        let id = uuid::Uuid::from_u128(state.journal).to_string();
        let mut batch = vec![(Head::new(Kind::Statement, count, id), Bytes::new())];
        let mut bytes = 0;
        for (key, Versioned { version, value }) in rows {
            if batch.len() >= BATCH_RECORDS || bytes + value.len() > BATCH_BYTES {
                self.append(state, std::mem::take(&mut batch), reserve).await?;
                bytes = 0;
            }
            bytes += value.len();
            batch.push((Head::new(Kind::Row, version, key), value));
        }
        batch.push((Head::new(Kind::Stated, count, ""), Bytes::new()));
        self.append(state, batch, reserve).await?;
        state.seen = state.next;
        changes.into_iter().for_each(|change| state.note(change));
        _ = self.write_table(state).await; // it is said, and tried again
        state.due_at = state.next.plus(self.restating.changes.max(count));
        state.due_ms = self.env.clock.now_ms().saturating_add(self.restating.age_ms);
        // The statement stands: should this fail, the next one does it.
        if let Err(error) = self.log.trim(JOURNAL_SHARD, first).await {
            tracing::warn!(%error, "the journal of the metadata could not be trimmed");
        }
        Ok(())
    }
}

fn new_id(env: &Env) -> u128 {
    let mut random = [0; 16];
    env.random.fill(&mut random);
    uuid::Builder::from_random_bytes(random).into_uuid().as_u128()
}

/// Says what an opening found.
fn report(standing: &Standing, rows: usize) {
    match standing {
        Standing::Same | Standing::New => {}
        Standing::NoJournal { lost: false } | Standing::TableOlder { .. } => {
            tracing::info!(rows, "metadata: {standing}");
        }
        _ => tracing::error!(rows, "metadata: {standing}"),
    }
}

async fn open_table(path: &Path, journal: Option<&Journal>) -> Result<SqliteTable, MetaError> {
    SqliteTable::open(path).await.map_err(|error| advise(error, journal))
}

/// Says what can be done about a damaged table.
fn advise(error: MetaError, journal: Option<&Journal>) -> MetaError {
    let MetaError::Damaged { what } = error else { return error };
    let advice = if journal.is_some() {
        "move it and the files beside it whose names begin with its name away and start again: it is rebuilt from the log"
    } else {
        "the log has no journal of it, so put a copy of it back"
    };
    MetaError::Damaged { what: format!("{what}; {advice}") }
}
