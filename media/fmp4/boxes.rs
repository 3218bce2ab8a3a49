//! Boxes inside a buffer: found by walking, level by level, never by recursion into what the input says.

use crate::error::{BoxName, MediaError};

/// One box of a buffer.
#[derive(Clone, Copy)]
pub(crate) struct BoxAt<'a> {
    /// Its type.
    pub(crate) name: [u8; 4],
    /// Where it starts in the buffer that was walked.
    pub(crate) start: usize,
    /// Header and body.
    pub(crate) whole: &'a [u8],
    /// What follows the header.
    pub(crate) body: &'a [u8],
}

/// A box header.
///
/// ```text
/// 0        4        8                16
/// +--------+--------+----------------+
/// | size32 | name   | size64, only if size32 = 1
/// +--------+--------+----------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: [u8; 4],
    /// Bytes of the header itself: 8 or 16.
    pub(crate) len: usize,
    /// Bytes of header and body; `None` means up to the end of the file.
    pub(crate) size: Option<u64>,
}

impl BoxAt<'_> {
    /// Where its body starts in the buffer that was walked.
    pub(crate) fn body_start(&self) -> usize {
        self.start + self.whole.len() - self.body.len()
    }
}

impl Header {
    /// Bytes of the longest header.
    pub(crate) const LEN_MAX: usize = 16;

    /// The header at the start of `bytes`; `None` when more bytes are needed.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, MediaError> {
        let Some((&first, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let Some((&name, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let (len, size) = match u32::from_be_bytes(first) {
            0 => (8, None),
            1 => match rest.first_chunk::<8>() {
                Some(&large) => (16, Some(u64::from_be_bytes(large))),
                None => return Ok(None),
            },
            size => (8, Some(u64::from(size))),
        };
        if size.is_some_and(|size| size < len as u64) {
            return Err(bad(name, "its size is smaller than its header"));
        }
        Ok(Some(Self { name, len, size }))
    }
}

/// The boxes of `buf`, one after the other. Fewer than eight trailing bytes are padding (QuickTime ends lists so).
pub(crate) fn boxes(buf: &[u8]) -> impl Iterator<Item = Result<BoxAt<'_>, MediaError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if buf.len() - at < 8 {
            return None;
        }
        let taken = take(buf, at);
        at = taken.as_ref().map_or(buf.len(), |found| at + found.whole.len());
        Some(taken)
    })
}

fn take(buf: &[u8], start: usize) -> Result<BoxAt<'_>, MediaError> {
    let buf = &buf[start..];
    let header = Header::parse(buf)?.ok_or_else(|| bad(*b"????", "its header is cut off"))?;
    let size = header.size.unwrap_or(buf.len() as u64);
    if size > buf.len() as u64 {
        return Err(bad(header.name, "it is larger than what holds it"));
    }
    let whole = &buf[..size as usize];
    Ok(BoxAt { name: header.name, start, whole, body: &whole[header.len..] })
}

/// The first box called `name` in `buf`.
pub(crate) fn find<'a>(buf: &'a [u8], name: &[u8; 4]) -> Result<Option<BoxAt<'a>>, MediaError> {
    for found in boxes(buf) {
        let found = found?;
        if found.name == *name {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The first box called `name` in `buf`, which must be there.
pub(crate) fn need<'a>(buf: &'a [u8], parent: &[u8; 4], name: &[u8; 4]) -> Result<BoxAt<'a>, MediaError> {
    find(buf, name)?.ok_or_else(|| bad(*parent, &format!("it has no {} box", BoxName(*name))))
}

/// Decodes a leaf box. Never call it on a box that holds boxes: `mp4-atom` recurses into those as deep as the input says.
pub(crate) fn decode<T: mp4_atom::Atom>(found: BoxAt<'_>) -> Result<T, MediaError> {
    T::decode_body(&mut &*found.body).map_err(|e| bad(found.name, &e.to_string()))
}

/// Encodes a box of our own making onto `out`.
pub(crate) fn encode<T: mp4_atom::Encode>(value: &T, out: &mut Vec<u8>) -> Result<(), MediaError> {
    value.encode(out).map_err(|e| MediaError::BadChunk(format!("cannot be written: {e}")))
}

/// Writes a box around what `body` writes.
pub(crate) fn put_box(
    out: &mut Vec<u8>,
    name: &[u8; 4],
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(name);
    body(out)?;
    let size = u32::try_from(out.len() - start).map_err(|_| bad(*name, "it would exceed 4 GiB"))?;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    Ok(())
}

/// [`MediaError::BadBox`] for `name`.
pub(crate) fn bad(name: [u8; 4], reason: &str) -> MediaError {
    MediaError::BadBox { name: BoxName(name), reason: reason.to_owned() }
}
