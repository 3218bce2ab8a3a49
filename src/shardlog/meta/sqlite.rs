//! Metadata in one SQLite file.
//!
//! ```text
//! meta (key TEXT PRIMARY KEY, version INTEGER, value BLOB)      user_version = 1
//! ```
//!
//! Write-ahead log with `synchronous = FULL`: a commit is on disk when it returns. The file is made with mode 0600 and
//! SQLite gives its side files (`-wal`, `-shm`) the same. What is removed or replaced is overwritten (`secure_delete`)
//! and a removal empties the write-ahead log, so that a destroyed key does not live on in a free page.
//!
//! SQLite does its own file access, so this store does not go through [`env`](crate::env): a simulated environment takes
//! [`MemoryMeta`](super::MemoryMeta) instead.

use super::{MetaError, MetaStore, Versioned};
use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Of the schema drawn above.
const SCHEMA_VERSION: i64 = 1;
/// How long to wait for another process (a backup, an operator's shell) to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A [`MetaStore`] in a file. Cheap to clone. Calls run one after the other on tokio's blocking threads.
#[derive(Clone)]
pub struct SqliteMeta {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteMeta {
    /// Opens the file, making it if need be; its directory must be there. Must be called within a tokio runtime.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, MetaError> {
        let path = path.into();
        let connection = blocking(move || open(&path)).await?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let connection = self.connection.clone();
        // A panic inside `work` rolls its transaction back, so the connection stays fit for use.
        blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))).await
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
    prepare(path).map_err(unavailable).and_then(|(connection, version)| {
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
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        tx.execute_batch(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) STRICT",
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

/// Runs `change` in a transaction that first compares the key's version.
fn change(
    connection: &mut Connection,
    key: &str,
    expected: Option<u64>,
    change: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), MetaError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    let found = row_of(&tx, key).map_err(unavailable)?.map(|row| row.version);
    if found != expected {
        return Err(MetaError::Conflict { key: key.to_owned(), expected, found });
    }
    change(&tx).map_err(unavailable)?;
    // Until here nothing was written; a commit that fails may yet be found in the log when the file is next opened.
    tx.commit().map_err(|error| MetaError::Unknown(Arc::new(error)))
}

/// The removal itself is durable already; a reader in the way (a backup) only puts the emptying off to the next one.
fn empty_write_ahead_log(connection: &Connection) {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    if !matches!(busy, Ok(0)) {
        tracing::warn!(?busy, "removed metadata may stand in the write-ahead log until the next removal");
    }
}

#[async_trait]
impl MetaStore for SqliteMeta {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError> {
        let key = key.to_owned();
        self.with(move |connection| row_of(connection, &key).map_err(unavailable)).await
    }

    async fn put(&self, key: &str, expected: Option<u64>, value: Bytes) -> Result<u64, MetaError> {
        let key = key.to_owned();
        let version = expected.unwrap_or(0).saturating_add(1);
        self.with(move |connection| {
            change(connection, &key, expected, |tx| {
                let sql = "INSERT INTO meta (key, version, value) VALUES (?1, ?2, ?3)
                           ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value";
                tx.prepare_cached(sql)?.execute(params![key, version.cast_signed(), value.as_ref()]).map(drop)
            })
        })
        .await?;
        Ok(version)
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), MetaError> {
        let key = key.to_owned();
        self.with(move |connection| {
            change(connection, &key, Some(expected), |tx| {
                tx.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([&key]).map(drop)
            })?;
            empty_write_ahead_log(connection);
            Ok(())
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        let prefix = prefix.to_owned();
        self.with(move |connection| list(connection, &prefix).map_err(unavailable)).await
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

    #[tokio::test]
    async fn survives_reopening_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.db");
        let store = SqliteMeta::open(&path).await.unwrap();
        store.put("a", None, Bytes::from_static(b"1")).await.unwrap();
        store.put("a", Some(1), Bytes::from_static(b"2")).await.unwrap();
        for name in ["meta.db", "meta.db-wal", "meta.db-shm"] {
            let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        drop(store);
        let store = SqliteMeta::open(&path).await.unwrap();
        let found = store.get("a").await.unwrap().unwrap();
        assert_eq!(found, Versioned { version: 2, value: Bytes::from_static(b"2") });
    }

    #[tokio::test]
    async fn what_is_removed_is_gone_from_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteMeta::open(dir.path().join("meta.db")).await.unwrap();
        let secret = Bytes::from_static(b"a wrapped key that was destroyed");
        store.put("a", None, secret.clone()).await.unwrap();
        store.put("a", Some(1), Bytes::from_static(b"short")).await.unwrap();
        store.put("b", None, secret.clone()).await.unwrap();
        store.remove("b", 1).await.unwrap();
        for name in ["meta.db", "meta.db-wal"] {
            let content = fs::read(dir.path().join(name)).unwrap();
            assert!(!content.windows(secret.len()).any(|window| window == secret), "{name}");
        }
    }

    #[tokio::test]
    async fn syncs_every_commit() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(&dir.path().join("meta.db")).unwrap();
        let full = 2;
        assert_eq!(
            connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap(),
            full
        );
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[tokio::test]
    async fn refuses_a_newer_schema_and_what_is_no_database() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.db");
        open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
        let error = SqliteMeta::open(&path).await.err().unwrap();
        assert!(error.to_string().contains("schema 7"), "{error}");
        let path = dir.path().join("other");
        fs::write(&path, [7; 4096]).unwrap();
        assert!(matches!(SqliteMeta::open(&path).await, Err(MetaError::Unavailable(_))));
    }
}
