//! Reading the audit log back, newest line first. Everything here blocks.

use super::file::files;
use serde_json::Value;
use std::io;
use std::path::Path;

/// Most bytes that are gone through for one answer, to whole files.
const LOOK_BYTES_MAX: usize = 64 << 20;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Most of them.
    pub limit: usize,
    /// Only those of this kind of event.
    pub event: Option<String>,
    /// Only those with this text in any field, in whatever case.
    pub contains: Option<String>,
}

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// As they were written, newest first.
    pub entries: Vec<Value>,
    /// Older ones may be wanted too: there were enough, or enough was gone through.
    pub more: bool,
}

/// Looks for lines in a directory. A line that is torn is passed over.
pub(super) fn read(dir: &Path, wanted: &Wanted) -> io::Result<Found> {
    let contains = wanted.contains.as_ref().map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    let mut found = Found::default();
    let mut looked_at = 0;
    for path in files(dir)?.into_iter().rev() {
        if found.entries.len() >= wanted.limit || looked_at >= LOOK_BYTES_MAX {
            found.more = true;
            break;
        }
        let text = match std::fs::read(&path) {
            // Torn lines may be anything; a file of whole ones is not copied.
            Ok(bytes) => String::from_utf8(bytes)
                .unwrap_or_else(|torn| String::from_utf8_lossy(torn.as_bytes()).into_owned()),
            // The oldest goes when there are too many.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        looked_at += text.len();
        for line in text.lines().rev() {
            if contains.as_ref().is_some_and(|wanted| !line.to_lowercase().contains(wanted)) {
                continue;
            }
            let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
            if wanted.event.as_ref().is_some_and(|event| entry["event"] != event.as_str()) {
                continue;
            }
            if found.entries.len() == wanted.limit {
                found.more = true;
                break;
            }
            found.entries.push(entry);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(found: &Found) -> Vec<u64> {
        found.entries.iter().map(|entry| entry["n"].as_u64().unwrap()).collect()
    }

    #[test]
    fn newest_first_over_all_files() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "audit-0000000000001.jsonl",
            "{\"n\":1,\"event\":\"use\"}\n{\"n\":2,\"who\":\"Anna\",\"event\":\"control\"}\n",
        );
        write("audit-0000000000002.jsonl", "torn\n{\"n\":3,\"event\":\"use\"}\n");
        write("audit.jsonl", "{\"n\":4,\"who\":\"anna\",\"event\":\"use\"}\n{\"n\":5,\"eve");
        let look = |limit, event: Option<&str>, contains: Option<&str>| {
            let wanted =
                Wanted { limit, event: event.map(str::to_owned), contains: contains.map(str::to_owned) };
            let found = read(dir.path(), &wanted).unwrap();
            (numbers(&found), found.more)
        };
        assert_eq!(look(9, None, None), (vec![4, 3, 2, 1], false));
        assert_eq!(look(2, None, None), (vec![4, 3], true));
        assert_eq!(look(9, None, Some("ANNA")), (vec![4, 2], false));
        assert_eq!(look(9, Some("use"), Some("")), (vec![4, 3, 1], false));
        assert_eq!(look(1, Some("control"), None), (vec![2], false));
        assert_eq!(look(1, Some("use"), Some("event")), (vec![4], true));
        assert_eq!(look(9, Some("none"), None), (vec![], false));
    }
}
