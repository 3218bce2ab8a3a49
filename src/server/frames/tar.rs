//! Tar entries as bytes: ustar, with a PAX header where a name is too long for it. Everything that could differ between
//! two runs (times, owners, modes) is fixed, so the same content gives the same bytes.

use bytes::{BufMut, Bytes, BytesMut};
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// Two blocks of zeros end an archive.
pub(super) fn end() -> Bytes {
    Bytes::from_static(&[0; 2 * BLOCK])
}

/// A regular file: header, content, padding.
///
/// # Errors
/// Refuses names that would leave the folder one unpacks into.
pub(super) fn file(name: &str, content: &[u8]) -> std::io::Result<Bytes> {
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!("not a relative path: {name:?}"),
        ));
    }
    let mut header = Header::new_ustar();
    let mut entry = BytesMut::with_capacity(4 * BLOCK + content.len());
    if header.set_path(name).is_err() {
        let record = pax_record("path", name);
        let mut pax = Header::new_ustar();
        pax.set_path("pax_header")?;
        pax.set_entry_type(EntryType::XHeader);
        put(&mut entry, pax, record.as_bytes());
        // Readers without PAX see a short name of their own.
        header.set_path("long_name")?;
    }
    header.set_entry_type(EntryType::Regular);
    put(&mut entry, header, content);
    Ok(entry.freeze())
}

fn put(entry: &mut BytesMut, mut header: Header, content: &[u8]) {
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    entry.put_slice(header.as_bytes());
    entry.put_slice(content);
    let padding = content.len().next_multiple_of(BLOCK) - content.len();
    entry.put_bytes(0, padding);
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut len = rest.len() + 1;
    while len != rest.len() + len.to_string().len() {
        len = rest.len() + len.to_string().len();
    }
    format!("{len}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn an_independent_reader_gets_back_what_was_put_in() {
        let long = format!("{}/20260131T120000_000000Z.json", "s".repeat(256));
        let middling = format!("{}/20260131T120000_000000Z.json", "m".repeat(120));
        let files =
            [("cam/a.jpg", vec![1u8; 513]), ("empty", vec![]), (&*long, vec![2; 512]), (&*middling, vec![3])];
        let mut archive = Vec::new();
        for (name, content) in &files {
            archive.extend_from_slice(&file(name, content).unwrap());
            assert_eq!(archive.len() % BLOCK, 0);
        }
        archive.extend_from_slice(&end());

        let mut reader = tar::Archive::new(archive.as_slice());
        let read = reader.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), content)
        });
        let read = read.collect::<Vec<_>>();
        let expected =
            files.iter().map(|(name, content)| ((*name).to_owned(), content.clone())).collect::<Vec<_>>();
        assert_eq!(read, expected);
    }

    #[test]
    fn the_length_of_a_pax_record_counts_itself() {
        for len in [1, 2, 85, 86, 87, 88, 89, 90, 91, 980, 990, 991, 992] {
            let record = pax_record("path", &"x".repeat(len));
            assert_eq!(record.split_once(' ').unwrap().0.parse::<usize>().unwrap(), record.len());
        }
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        assert_eq!(file("a/b.jpg", b"x").unwrap(), file("a/b.jpg", b"x").unwrap());
        for name in ["", "/absolute", "a/../b", "../b", "a//b"] {
            assert!(file(name, b"").is_err(), "{name:?}");
        }
    }
}
