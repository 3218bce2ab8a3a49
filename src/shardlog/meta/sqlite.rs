//! The metadata's table: one SQLite file.
//!
//! ```text
//! meta    (key TEXT PRIMARY KEY, version INTEGER, value BLOB)          user_version = 2
//! journal (one INTEGER PRIMARY KEY, id BLOB, next INTEGER)             one row, with `one` = 1, or none
//! ```
//! Version 1 had no journal; such a file is given one when it is opened.
//!
//! Write-ahead log with `synchronous = NORMAL`: a power cut may take the newest commits back, in order and whole, and with
//! them the position; the journal has them. So a change costs the log's sync and no other. The file is made with mode 0600
//! and SQLite gives its side files (`-wal`, `-shm`) the same. What is removed or replaced is overwritten (`secure_delete`)
//! and a removal empties the write-ahead log, so that a destroyed key does not live on in a free page.
//!
//! SQLite does its own file access, so this table does not go through [`env`](crate::env): a simulated environment takes
//! [`MemoryMeta`](super::MemoryMeta) instead.

use super::table::{Change, Position, Table};
use super::{MetaError, Versioned};
use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Of the schema drawn above.
const SCHEMA_VERSION: i64 = 2;
/// A file of SQLite's begins so, unless it is empty.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How long to wait for another process (a backup, an operator's shell) to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A [`Table`] in a file. Calls run one after the other on tokio's blocking threads.
pub(super) struct SqliteTable {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl SqliteTable {
    /// Opens the file, making it if need be; its directory must be there. Must be called within a tokio runtime.
    pub(super) async fn open(path: impl Into<PathBuf>) -> Result<Self, MetaError> {
        let path = path.into();
        let opened = path.clone();
        let connection = blocking(move || open(&opened)).await?;
        Ok(Self { path, connection: Arc::new(Mutex::new(connection)) })
    }

    /// Goes through the whole file.
    ///
    /// # Errors
    /// [`MetaError::Damaged`] with what SQLite finds.
    pub(super) async fn verify(&self) -> Result<(), MetaError> {
        let found: String = self
            .with(|connection| connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)))
            .await?;
        if found == "ok" {
            return Ok(());
        }
        Err(MetaError::Damaged { what: format!("{} is damaged ({found})", self.path.display()) })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, MetaError> {
        let (connection, path) = (self.connection.clone(), self.path.clone());
        // A panic inside `work` rolls its transaction back, so the connection stays fit for use.
        blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection).map_err(|error| failed(&path, error))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MetaError> + Send + 'static,
) -> Result<T, MetaError> {
    // A join error is a panic of `work` or the end of the runtime: in both cases a write may have been made.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(MetaError::Unknown(Arc::new(error))))
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> MetaError {
    MetaError::Unavailable(Arc::new(error))
}

/// What SQLite's error means.
fn failed(path: &Path, error: rusqlite::Error) -> MetaError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            MetaError::Damaged { what: format!("{} is damaged ({error})", path.display()) }
        }
        _ => unavailable(error),
    }
}

/// Refuses a file that is none of SQLite's before SQLite sees it: with a write-ahead log beside it, it would write to it.
fn refuse_other_file(path: &Path) -> Result<(), MetaError> {
    let mut beginning = Vec::with_capacity(MAGIC.len());
    let read =
        fs::File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut beginning));
    read.map_err(unavailable)?;
    if beginning.is_empty() || beginning == MAGIC {
        return Ok(());
    }
    Err(MetaError::Damaged {
        what: format!("{} is damaged (it does not begin like an SQLite file)", path.display()),
    })
}

fn open(path: &Path) -> Result<Connection, MetaError> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(unavailable(error)),
        Err(_) => {}
        Ok(file) => {
            file.sync_all().map_err(unavailable)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(unavailable)?;
            }
        }
    }
    refuse_other_file(path)?;
    prepare(path).map_err(|error| failed(path, error)).and_then(|(connection, version)| {
        if version == SCHEMA_VERSION {
            return Ok(connection);
        }
        let message = format!("{}: made by another version (schema {version})", path.display());
        Err(unavailable(std::io::Error::new(std::io::ErrorKind::Unsupported, message)))
    })
}

fn prepare(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        tx.execute_batch(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) STRICT",
        )?;
    }
    if version < SCHEMA_VERSION {
        tx.execute_batch(
            "CREATE TABLE journal
             (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, next INTEGER NOT NULL) STRICT",
        )?;
        tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        version = SCHEMA_VERSION;
    }
    tx.commit()?;
    Ok((connection, version))
}

fn row_of(connection: &Connection, key: &str) -> rusqlite::Result<Option<Versioned>> {
    let mut statement = connection.prepare_cached("SELECT version, value FROM meta WHERE key = ?1")?;
    statement.query_row([key], versioned).optional()
}

fn versioned(row: &rusqlite::Row<'_>) -> rusqlite::Result<Versioned> {
    let version: i64 = row.get("version")?;
    let value: Vec<u8> = row.get("value")?;
    Ok(Versioned { version: version.cast_unsigned(), value: Bytes::from(value) }) // SQLite knows signed numbers only
}

fn position_of(connection: &Connection) -> rusqlite::Result<Option<Position>> {
    let mut statement = connection.prepare_cached("SELECT id, next FROM journal")?;
    let position = |row: &rusqlite::Row<'_>| {
        let (id, next): ([u8; 16], i64) = (row.get("id")?, row.get("next")?);
        Ok(Position { journal: u128::from_be_bytes(id), next: next.cast_unsigned() })
    };
    statement.query_row([], position).optional()
}

/// A commit that fails may yet be found in the log when the file is next opened; whoever follows the journal asks then.
fn apply(connection: &mut Connection, changes: &[Change], position: Position) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for change in changes {
        match change {
            Change::Put { key, version, value } => {
                let sql = "INSERT INTO meta (key, version, value) VALUES (?1, ?2, ?3)
                           ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";
                tx.prepare_cached(sql)?.execute(params![key, version.cast_signed(), value.as_ref()])?;
            }
            Change::Remove { key } => {
                tx.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
            }
        }
    }
    let sql = "INSERT INTO journal (one, id, next) VALUES (1, ?1, ?2)
               ON CONFLICT (one) DO UPDATE SET id = excluded.id, next = excluded.next";
    let Position { journal, next } = position;
    tx.prepare_cached(sql)?.execute(params![journal.to_be_bytes(), next.cast_signed()])?;
    tx.commit()
}

/// The removal itself is durable already; a reader in the way (a backup) only puts the emptying off to the next one.
fn empty_write_ahead_log(connection: &Connection) {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    if !matches!(busy, Ok(0)) {
        tracing::warn!(?busy, "removed metadata may stand in the write-ahead log until the next removal");
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError> {
        let key = key.to_owned();
        self.with(move |connection| row_of(connection, &key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        let prefix = prefix.to_owned();
        self.with(move |connection| list(connection, &prefix)).await
    }

    async fn position(&self) -> Result<Option<Position>, MetaError> {
        self.with(|connection| position_of(connection)).await
    }

    async fn apply(&self, changes: Vec<Change>, position: Position) -> Result<(), MetaError> {
        self.with(move |connection| {
            apply(connection, &changes, position)?;
            if changes.iter().any(|change| matches!(change, Change::Remove { .. })) {
                empty_write_ahead_log(connection);
            }
            Ok(())
        })
        .await
    }
}

fn list(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, Versioned)>> {
    // Text compares byte by byte, so the keys with the prefix stand together from the prefix on.
    let sql = "SELECT key, version, value FROM meta WHERE key >= ?1 ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get("key")?;
        if !key.starts_with(prefix) {
            break;
        }
        found.push((key, versioned(row)?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const POSITION: Position = Position { journal: u128::MAX - 1, next: 3 };

    fn put(key: &str, version: u64, value: &'static [u8]) -> Change {
        Change::Put { key: key.to_owned(), version, value: Bytes::from_static(value) }
    }

    fn remove(key: &str) -> Change {
        Change::Remove { key: key.to_owned() }
    }

    #[tokio::test]
    async fn survives_reopening_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.db");
        let table = SqliteTable::open(&path).await.unwrap();
        assert_eq!(table.position().await.unwrap(), None);
        table.apply(vec![put("a", 1, b"1"), put("a", 7, b"2"), remove("b")], POSITION).await.unwrap();
        table.apply(vec![put("c", 1, b"3")], Position { next: 4, ..POSITION }).await.unwrap();
        for name in ["meta.db", "meta.db-wal", "meta.db-shm"] {
            let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        drop(table);
        let table = SqliteTable::open(&path).await.unwrap();
        let found = table.get("a").await.unwrap().unwrap();
        assert_eq!(found, Versioned { version: 7, value: Bytes::from_static(b"2") });
        let all = table.snapshot().await.unwrap();
        assert_eq!(all.rows.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(all.position, Some(Position { next: 4, ..POSITION }));
        table.verify().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_removed_is_gone_from_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let table = SqliteTable::open(dir.path().join("meta.db")).await.unwrap();
        let secret = b"a wrapped key that was destroyed";
        table.apply(vec![put("a", 1, secret)], POSITION).await.unwrap();
        table.apply(vec![put("a", 2, b"short"), put("b", 1, secret)], POSITION).await.unwrap();
        table.apply(vec![remove("b")], POSITION).await.unwrap();
        for name in ["meta.db", "meta.db-wal"] {
            let content = fs::read(dir.path().join(name)).unwrap();
            assert!(!content.windows(secret.len()).any(|window| window == secret), "{name}");
        }
    }

    #[tokio::test]
    async fn keeps_whole_commits() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(&dir.path().join("meta.db")).unwrap();
        let normal = 1;
        assert_eq!(
            connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap(),
            normal
        );
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[tokio::test]
    async fn a_file_of_the_first_version_opens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.db");
        let old =
            "CREATE TABLE meta (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
                   INSERT INTO meta VALUES ('a', 3, x'6f6c64'); PRAGMA user_version = 1;";
        Connection::open(&path).unwrap().execute_batch(old).unwrap();
        let all = SqliteTable::open(&path).await.unwrap().snapshot().await.unwrap();
        assert_eq!(all.rows["a"], Versioned { version: 3, value: Bytes::from_static(b"old") });
        assert_eq!(all.position, None);
    }

    #[tokio::test]
    async fn refuses_a_newer_schema_and_what_is_no_database() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.db");
        open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
        let error = SqliteTable::open(&path).await.err().unwrap();
        assert!(error.to_string().contains("schema 7"), "{error}");
        let path = dir.path().join("other");
        fs::write(&path, [7; 4096]).unwrap();
        assert!(matches!(SqliteTable::open(&path).await, Err(MetaError::Damaged { .. })));
        assert_eq!(fs::read(&path).unwrap(), [7; 4096], "and it is left as it was");
    }
}
