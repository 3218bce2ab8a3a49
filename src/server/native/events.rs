//! Ingest events as lines of JSON, in the shape of PutMedia's acknowledgements.

use bytes::Bytes;
use serde::Serialize;
use streams::AppendError;
use video::{ErrorKind, Event, FragmentRef, IngestError};

/// Numbers of PutMedia's errors, by which its clients decide what to send again.
const STREAM_READ_ERROR: u32 = 4000;
const INVALID_DATA: u32 = 4006;
const STREAM_NOT_ACTIVE: u32 = 4008;
const INTERNAL_ERROR: u32 = 5000;
const ARCHIVAL_ERROR: u32 = 5001;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'a> {
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment_timecode: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl<'a> Line<'a> {
    fn new(event_type: &'a str, fragment: Option<&FragmentRef>) -> Self {
        Self {
            event_type,
            fragment_timecode: fragment.map(|fragment| fragment.producer_ms),
            fragment_number: fragment.map(|fragment| fragment.number.to_string()),
            error_id: None,
            error_code: None,
            message: None,
        }
    }
}

/// The line of an event, with its line break.
pub fn line(event: &Event) -> Bytes {
    let line = match event {
        Event::Buffering(fragment) => Line::new("BUFFERING", Some(fragment)),
        Event::Received(fragment) => Line::new("RECEIVED", Some(fragment)),
        Event::Persisted(fragment) => Line::new("PERSISTED", Some(fragment)),
        Event::Error { fragment, error } => {
            error_line(fragment.as_ref(), error.code(), error_id(error), error.to_string())
        }
    };
    encode(&line)
}

/// The line that tells that nothing came for too long.
pub fn idle_line() -> Bytes {
    encode(&error_line(None, "UPLOAD_IDLE", STREAM_READ_ERROR, "nothing came for too long".to_owned()))
}

fn error_line<'a>(fragment: Option<&FragmentRef>, code: &'a str, id: u32, message: String) -> Line<'a> {
    let (error_id, error_code, message) = (Some(id), Some(code), Some(message));
    Line { error_id, error_code, message, ..Line::new("ERROR", fragment) }
}

fn encode(line: &Line<'_>) -> Bytes {
    // Strings and numbers can always be written.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}

/// Clients send again what was refused with [`STREAM_READ_ERROR`], [`INTERNAL_ERROR`] or [`ARCHIVAL_ERROR`]. What was refused
/// with any other number they skip.
fn error_id(error: &IngestError) -> u32 {
    match (error, error.kind()) {
        (_, ErrorKind::Invalid | ErrorKind::TooLarge) => INVALID_DATA,
        (_, ErrorKind::NotFound | ErrorKind::Gone) => STREAM_NOT_ACTIVE,
        (IngestError::Append(AppendError::ShuttingDown), _) => STREAM_READ_ERROR,
        (IngestError::Append(_), _) | (_, ErrorKind::Full) => ARCHIVAL_ERROR,
        (_, ErrorKind::Conflict | ErrorKind::Unavailable) => STREAM_READ_ERROR,
        (_, ErrorKind::Internal) => INTERNAL_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn lines() {
        let fragment = FragmentRef { number: 7, producer_ms: 1_769_860_800_123 };
        let expected =
            "{\"EventType\":\"PERSISTED\",\"FragmentTimecode\":1769860800123,\"FragmentNumber\":\"7\"}\n";
        assert_eq!(line(&Event::Persisted(fragment)), expected);
        let taken_over = line(&Event::Error { fragment: None, error: IngestError::TakenOver });
        let taken_over: serde_json::Value = serde_json::from_slice(&taken_over).unwrap();
        assert_eq!(taken_over["EventType"], "ERROR");
        assert_eq!(taken_over["ErrorId"], 4000);
        assert_eq!(taken_over["ErrorCode"], "TAKEN_OVER");
        assert!(taken_over.get("FragmentNumber").is_none());
        let source = Arc::new(std::io::Error::other("a sync failed"));
        let failed = IngestError::Append(AppendError::Unknown(source));
        let failed = line(&Event::Error { fragment: Some(fragment), error: failed });
        let failed: serde_json::Value = serde_json::from_slice(&failed).unwrap();
        assert_eq!((failed["ErrorId"].as_u64(), failed["FragmentNumber"].as_str()), (Some(5001), Some("7")));
        assert_eq!(failed["ErrorCode"], "STORAGE_FAILED");
    }
}
