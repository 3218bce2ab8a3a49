use super::*;
use serde_json::Value;
use shardlog::env::Env;

fn entry(event: Event, action: &str, request_id: &str) -> Entry {
    Entry {
        event,
        who: Some("anna".into()),
        key_id: Some("KINE".into()),
        action: Some(action.into()),
        resource: Some("*".into()),
        context: Default::default(),
        allowed: event != Event::Refusal,
        reason: None,
        source: Some("192.0.2.1".into()),
        request_id: Some(request_id.into()),
    }
}

fn lines(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn control_calls_are_on_disk_when_they_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path(), Env::real()).unwrap();
    for number in 1..=3 {
        audit.record(&entry(Event::Control, "a:B", &number.to_string())).await;
        let lines = lines(dir.path());
        assert_eq!(lines.len(), number, "none is counted away");
        let last = &lines[number - 1];
        assert_eq!((&last["event"], &last["request_id"]), (&"control".into(), &number.to_string().into()));
        assert!(last["time"].as_str().unwrap().ends_with('Z') && last["who"] == "anna", "{last}");
    }
}

#[tokio::test]
async fn what_happens_again_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path(), Env::real()).unwrap();
    for number in 0..5 {
        audit.note(&entry(Event::Use, "a:Read", &number.to_string()));
    }
    audit.note(&entry(Event::Refusal, "a:Read", "x"));
    audit.write_counts().await;
    let written = lines(dir.path());
    assert_eq!(written.len(), 3, "{written:?}");
    let counts: Vec<_> = written.iter().filter_map(|line| line["count"].as_u64()).collect();
    assert_eq!(counts, [4]);
    audit.note(&entry(Event::Use, "a:Read", "again"));
    audit.write_counts().await;
    assert_eq!(lines(dir.path()).len(), 4, "after that it is new");
}

#[tokio::test]
async fn lines_without_room_are_counted_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path(), Env::real()).unwrap();
    // The task that writes cannot run before this one waits.
    for number in 0..QUEUE_LINES + 10 {
        audit.note(&entry(Event::Use, &format!("a:{number}"), ""));
    }
    assert_eq!(audit.dropped(), 10);
    audit.write_counts().await;
    let written = lines(dir.path());
    let said: Vec<_> = written.iter().filter(|line| line["event"] == "dropped").collect();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0]["reason"], "10 lines could not be written");
    assert_eq!(written.len(), QUEUE_LINES + 1);
}
