//! A stream's row in the metadata store.
//!
//! Key: `stream/` and the stream's id as a hyphenated UUID. Value: sealed by the vault with the key as its context, so
//! that names and attributes never lie in the clear and a row cannot be moved to another key. Inside the seal:
//!
//! ```text
//! +---------+------------------------------------------------------------+
//! | 0x01    | JSON object: the fields of `Row`; ids and hash keys are    |
//! | version | 32 hex digits, wrapped data keys base64                    |
//! +---------+------------------------------------------------------------+
//! ```

use super::shard_row::{ShardRow, UnfinishedRow};
use crate::data::DataSettings;
use crate::error::CatalogueError;
use crate::hex128;
use crate::hold::Hold;
use crate::keys::Generation;
use crate::limits::ROW_BYTES_MAX;
use crate::map::{ShardInfo, ShardMap};
use crate::sealed::SealedSettings;
use crate::types::{StreamInfo, StreamKind, StreamStatus, WhenFull};
use serde::{Deserialize, Serialize};
use shardlog::ShardId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every row's key begins with this.
pub(crate) const PREFIX: &str = "stream/";
const VERSION: u8 = 1;

/// Where a stream is in its life. Written to disk: the names are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Its shards are being made; undone at the next opening.
    Creating,
    /// It is there.
    Active,
    /// Its data keys are gone and its shards are being deleted; completed at the next opening.
    Deleting,
}

/// A stream as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    #[serde(with = "hex128")]
    pub(crate) id: u128,
    pub(crate) phase: Phase,
    pub(crate) name: String,
    pub(crate) kind: StreamKind,
    pub(crate) created_ms: u64,
    pub(crate) retention_hours: u32,
    // Rows without any of these look as they did before there were such settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retention_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "WhenFull::is_default")]
    pub(crate) when_full: WhenFull,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) holds: Vec<Hold>,
    pub(crate) attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "SealedSettings::is_empty")]
    pub(crate) sealed_settings: SealedSettings,
    /// For data records only, and not in rows that are older than such settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<DataSettings>,
    pub(crate) shards: Vec<ShardRow>,
    #[serde(default, skip_serializing_if = "UnfinishedRow::is_empty")]
    pub(crate) unfinished: UnfinishedRow,
    /// The key-encryption key.
    pub(crate) key: String,
    /// What new data keys are bound to besides the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binding: Option<String>,
    /// The same of all data keys there are, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) bindings: Vec<String>,
    /// The data keys that a readable record may need, oldest first.
    pub(crate) data_keys: Vec<Generation>,
}

/// The key of a stream's row.
pub(crate) fn key_of(stream: u128) -> String {
    format!("{PREFIX}{}", uuid::Uuid::from_u128(stream))
}

impl Row {
    /// The bytes to seal.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, CatalogueError> {
        let mut bytes = vec![VERSION];
        serde_json::to_writer(&mut bytes, self).map_err(|error| damaged(key_of(self.id), &error))?;
        if bytes.len() > ROW_BYTES_MAX {
            return Err(CatalogueError::RowTooLarge { size: bytes.len(), max: ROW_BYTES_MAX });
        }
        Ok(bytes)
    }

    /// Reads the row that stands under `key`.
    pub(crate) fn decode(key: &str, bytes: &[u8]) -> Result<Self, CatalogueError> {
        let Some((&VERSION, json)) = bytes.split_first() else {
            return Err(damaged(key.to_owned(), &format_args!("not of version {VERSION}")));
        };
        let row: Self = serde_json::from_slice(json).map_err(|error| damaged(key.to_owned(), &error))?;
        if key_of(row.id) != key {
            return Err(damaged(key.to_owned(), &"holds another stream"));
        }
        let (shards, unfinished) = (row.shard_map(), row.unfinished.unfinished(row.created_ms));
        if let Some(fault) = shards.fault().or_else(|| unfinished.fault(&shards)) {
            return Err(damaged(key.to_owned(), &fault));
        }
        Ok(row)
    }

    /// The ids of its shards, also of those that nobody sees.
    pub(crate) fn shard_ids(&self) -> Vec<ShardId> {
        self.shards.iter().map(|shard| ShardId(shard.id)).chain(self.unfinished.shard_ids()).collect()
    }

    fn shard_map(&self) -> ShardMap {
        let shard = |(place, shard): (u32, &ShardRow)| shard.info(place, self.created_ms);
        ShardMap::new((0..).zip(&self.shards).map(shard).collect())
    }

    /// The stream as users see it.
    pub(crate) fn info(&self) -> StreamInfo {
        let data = || Arc::new(self.data.clone().unwrap_or_default());
        let unfinished = self.unfinished.unfinished(self.created_ms);
        StreamInfo {
            id: self.id,
            name: self.name.clone(),
            kind: self.kind,
            created_ms: self.created_ms,
            retention_hours: self.retention_hours,
            retention_bytes: self.retention_bytes,
            when_full: self.when_full,
            holds: self.holds.clone(),
            attributes: self.attributes.clone(),
            sealed_settings: self.sealed_settings.clone(),
            data: (self.kind == StreamKind::Data).then(data),
            status: match self.phase {
                Phase::Creating => StreamStatus::Creating,
                Phase::Active if unfinished.is_resharding() => StreamStatus::Updating,
                Phase::Active => StreamStatus::Active,
                Phase::Deleting => StreamStatus::Deleting,
            },
            shards: self.shard_map(),
            unfinished,
            key: self.key.clone(),
            binding: self.binding.clone(),
            bindings: self.bindings.clone(),
        }
    }

    /// The row of an active stream.
    pub(crate) fn of(info: &StreamInfo, data_keys: Vec<Generation>) -> Self {
        let shard = |(place, shard): (u32, &ShardInfo)| ShardRow::of(shard, place, info.created_ms);
        Self {
            id: info.id,
            phase: Phase::Active,
            name: info.name.clone(),
            kind: info.kind,
            created_ms: info.created_ms,
            retention_hours: info.retention_hours,
            retention_bytes: info.retention_bytes,
            when_full: info.when_full,
            holds: info.holds.clone(),
            attributes: info.attributes.clone(),
            sealed_settings: info.sealed_settings.clone(),
            data: info.data.as_deref().cloned(),
            shards: (0..).zip(info.shards.iter()).map(shard).collect(),
            unfinished: UnfinishedRow::of(&info.unfinished, info.created_ms),
            key: info.key.clone(),
            binding: info.binding.clone(),
            bindings: info.bindings.clone(),
            data_keys,
        }
    }
}

fn damaged(key: String, what: &dyn std::fmt::Display) -> CatalogueError {
    CatalogueError::Row { key, what: what.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::data::{Capacity, Consumer};
    use crate::hash::{HashRange, split_evenly};
    use crate::hold::{HeldRange, HoldClock};
    use crate::map::Closed;
    use crate::reshard::Unfinished;
    use proptest::prelude::*;
    use shardlog::Seq;

    fn shard(index: u32, hash_range: HashRange) -> ShardInfo {
        ShardInfo {
            index,
            id: ShardId(u128::from(index) + 7),
            hash_range,
            parent: None,
            adjacent_parent: None,
            created_ms: 1_700_000_000_000,
            closed: None,
        }
    }

    pub(crate) fn row() -> Row {
        let info = StreamInfo {
            id: 0x0190_0000_0000_7000_8000_0000_0000_0001,
            name: "front-door".into(),
            kind: StreamKind::Video,
            created_ms: 1_700_000_000_000,
            retention_hours: 24,
            retention_bytes: None,
            when_full: WhenFull::Refuse,
            holds: Vec::new(),
            attributes: BTreeMap::from([("place".into(), "gate \u{1F3A5}".into())]),
            sealed_settings: SealedSettings::default().with("source", "rtsp://camera/1".to_owned()),
            data: None,
            status: StreamStatus::Active,
            shards: ShardMap::new(
                (0..).zip(split_evenly(3)).map(|(index, range)| shard(index, range)).collect(),
            ),
            unfinished: Unfinished::default(),
            key: "0190".into(),
            binding: None,
            bindings: Vec::new(),
        };
        Row::of(&info, vec![Generation { number: 1, created_ms: 5, wrapped: vec![1, 2, 3], binding: None }])
    }

    #[test]
    fn round_trip() {
        let row = row();
        let bytes = row.encode().unwrap();
        assert_eq!(Row::decode(&key_of(row.id), &bytes).unwrap(), row);
        assert_eq!(Row::of(&row.info(), row.data_keys.clone()), row);
    }

    #[test]
    fn cut_or_foreign_rows_are_refused() {
        let row = row();
        let bytes = row.encode().unwrap();
        for len in 0..bytes.len() {
            assert!(Row::decode(&key_of(row.id), &bytes[..len]).is_err(), "cut at {len}");
        }
        assert!(Row::decode(&key_of(row.id + 1), &bytes).is_err());
        let mut later = bytes.clone();
        later[0] = 2;
        assert!(Row::decode(&key_of(row.id), &later).is_err());
    }

    /// What version 1 looks like on disk: rows written by an older build must keep opening.
    #[test]
    fn version_1_is_still_read() {
        let stored = concat!(
            "\u{1}",
            r#"{"id":"01900000000070008000000000000001","phase":"active","name":"cam","kind":"video","created_ms":3,"#,
            r#""retention_hours":1,"attributes":{},"shards":[{"id":"00000000000000000000000000000009","#,
            r#""first_hash":"00000000000000000000000000000000","last_hash":"ffffffffffffffffffffffffffffffff"}],"#,
            r#""key":"k","data_keys":[{"number":1,"created_ms":2,"wrapped":"AQID"}]}"#
        );
        let row = Row::decode("stream/01900000-0000-7000-8000-000000000001", stored.as_bytes()).unwrap();
        assert_eq!(row.encode().unwrap(), stored.as_bytes());
        assert_eq!(row.data_keys[0].wrapped, vec![1, 2, 3]);
    }

    /// What was added to version 1 when shards could be split, and streams of data had settings of their own.
    #[test]
    fn the_life_of_shards_is_kept() {
        let mut info = StreamInfo { kind: StreamKind::Data, ..row().info() };
        let whole = info.shards[0].hash_range;
        let mut shards: Vec<_> = info.shards.to_vec();
        // The first has been split in two and is still there; of the second only its child is.
        shards[0].closed = Some(Closed { at_ms: 1_700_000_000_500, next: Seq(17) });
        let child = |index, parent, first, last| ShardInfo {
            parent: Some(parent),
            created_ms: 1_700_000_001_500,
            ..shard(index, HashRange { first, last })
        };
        let second = shards.remove(1).hash_range;
        shards.extend([child(3, 0, 0, 9), child(4, 0, 10, whole.last)]);
        shards.push(ShardInfo { adjacent_parent: Some(9), ..child(11, 1, second.first, second.last) });
        info.shards = ShardMap::new(shards);
        let consumer =
            Consumer { name: "reader".to_owned(), id: 5, created_ms: 6, tags: BTreeMap::new(), policy: None };
        info.data = Some(Arc::new(DataSettings {
            capacity: Capacity::OnDemand,
            encryption: Some("alias/mine".to_owned()),
            consumers: vec![consumer],
            ..DataSettings::default()
        }));
        info.unfinished = Unfinished {
            coming: [(12, 10, 19), (13, 20, whole.last)]
                .map(|(index, first, last)| ShardInfo { created_ms: 0, ..child(index, 4, first, last) })
                .to_vec(),
            target: Some(6),
            leaving: vec![ShardId(1), ShardId(u128::MAX)],
        };
        info.status = StreamStatus::Updating;
        let row = Row::of(&info, row().data_keys);
        let bytes = row.encode().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let settings = concat!(
            r#""data":{"capacity":"on_demand","distribution":"by_key","record_bytes_max":1048576,"#,
            r#""encryption":"alias/mine","consumers":[{"name":"reader","id":"00000000000000000000000000000005","#,
            r#""created_ms":6}]},"#
        );
        assert!(text.contains(settings), "{text}");
        assert!(text.contains(r#""closed":{"at_ms":1700000000500,"next":17}"#), "{text}");
        let read = Row::decode(&key_of(row.id), &bytes).unwrap();
        assert_eq!(read, row);
        assert_eq!(read.info(), info);
    }

    /// What was added to version 1 later.
    #[test]
    fn bounds_and_holds_are_kept() {
        let range = Some(HeldRange { from_ms: 4, to_ms: 9, clock: HoldClock::Server });
        let hold =
            |name: &str, range| Hold { name: name.to_owned(), range, reason: "why".into(), placed_ms: 7 };
        let row = Row {
            retention_bytes: Some(1 << 30),
            when_full: WhenFull::DropOldest,
            holds: vec![hold("a", None), hold("b", range)],
            ..row()
        };
        let bytes = row.encode().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let holds = concat!(
            r#""retention_bytes":1073741824,"when_full":"drop_oldest","holds":[{"name":"a","reason":"why","#,
            r#""placed_ms":7},{"name":"b","range":{"from_ms":4,"to_ms":9,"clock":"server"},"reason":"why","placed_ms":7}]"#
        );
        assert!(text.contains(holds), "{text}");
        assert_eq!(Row::decode(&key_of(row.id), &bytes).unwrap(), row);
        assert_eq!(Row::of(&row.info(), row.data_keys.clone()), row);
    }

    /// What was added to version 1 when data keys were bound to more than the row.
    #[test]
    fn bindings_are_kept() {
        let mut row = row();
        row.data_keys[0].binding = Some(0);
        (row.binding, row.bindings) = (Some("b".into()), vec!["a".into(), "b".into()]);
        let bytes = row.encode().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let expected = concat!(
            r#""key":"0190","binding":"b","bindings":["a","b"],"#,
            r#""data_keys":[{"number":1,"created_ms":5,"wrapped":"AQID","binding":0}]}"#
        );
        assert!(text.ends_with(expected), "{text}");
        assert_eq!(Row::decode(&key_of(row.id), &bytes).unwrap(), row);
        assert_eq!(Row::of(&row.info(), row.data_keys.clone()), row);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = Row::decode("stream/x", &bytes);
        }
    }
}
