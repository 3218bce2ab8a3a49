//! Commands that talk to a running server.

use super::*;
use std::ffi::OsString;

/// Runs a command against a server; its exit code.
pub(super) async fn run_with(server: &TestServer, credentials: &Path, arguments: &[&str]) -> String {
    let connection = [
        "--endpoint".into(),
        format!("http://{}", server.address).into(),
        "--credentials".into(),
        credentials.as_os_str().to_owned(),
    ];
    let arguments = std::iter::once("kinetoscope").chain(arguments.iter().copied()).map(OsString::from);
    let arguments = arguments.chain(connection).collect::<Vec<_>>();
    tokio::task::spawn_blocking(|| format!("{:?}", crate::cli::run(arguments))).await.unwrap()
}

pub(super) fn code(code: u8) -> String {
    format!("{:?}", std::process::ExitCode::from(code))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_made_pushed_to_and_deleted() {
    let server = TestServer::start().await;
    let folder = TempDir::new().unwrap();
    let credentials = folder.path().join("credentials");
    Credentials { key_id: KEY_ID.into(), secret: SECRET.into() }.write(&credentials).unwrap();
    let file = folder.path().join("footage.mp4");
    std::fs::write(&file, &*FOOTAGE).unwrap();
    let file = file.to_str().unwrap();
    let run = async |arguments: &[&str]| run_with(&server, &credentials, arguments).await;

    let create = ["stream", "create", "door", "--retention-hours", "48", "--attribute", "site=north"];
    assert_eq!(run(&create).await, code(0));
    let info = server.json("/v1/video/door").await;
    assert_eq!((&info["retention_hours"], &info["attributes"]["site"]), (&48.into(), &"north".into()));
    assert_eq!(run(&["stream", "create", "door", "--retention-hours", "49"]).await, code(1));
    assert_eq!(run(&["stream", "create", "not a name"]).await, code(2));
    assert_eq!(run(&["stream", "list"]).await, code(0));

    assert_eq!(run(&["push", file, "--stream", "door", "--start", "2026-01-31T12:00:00Z"]).await, code(0));
    let info = server.json("/v1/video/door").await;
    assert_eq!((&info["fragments"], &info["first_ms"]), (&4.into(), &1_769_860_800_000_u64.into()));
    assert_eq!(server.json("/v1/video/door/clip.frames.json").await["frames"].as_array().unwrap().len(), 40);
    assert_eq!(run(&["push", "/nowhere.mp4", "--stream", "door"]).await, code(1));
    assert_eq!(run(&["push", credentials.to_str().unwrap(), "--stream", "door"]).await, code(1), "not media");

    let add = ["stream", "hold", "add", "door", "case-17", "--from", "2026-01-31T12:00:00Z", "--to"];
    assert_eq!(
        run(&[add.as_slice(), &["2026-01-31T12:00:01Z", "--reason", "theft"]].concat()).await,
        code(0)
    );
    let info = server.json("/v1/video/door").await;
    assert_eq!((&info["oldest_hold"], &info["holds"][0]["reason"]), (&"case-17".into(), &"theft".into()));
    let bytes = |key: &str| info[key].as_u64().unwrap();
    // All but the initialisation segment, which would be stated again.
    assert!(
        bytes("held_bytes") > bytes("stored_bytes") / 2 && bytes("held_bytes") < bytes("stored_bytes"),
        "{info}"
    );
    assert_eq!(run(&["stream", "hold", "list", "door"]).await, code(0));
    assert_eq!(run(&["stream", "delete", "door"]).await, code(1), "it is held");
    assert_eq!(run(&["stream", "hold", "release", "door", "case-17"]).await, code(0));
    assert_eq!(run(&["stream", "hold", "release", "door", "case-17"]).await, code(1));

    assert_eq!(run(&["stream", "delete", "door"]).await, code(0));
    assert_eq!(run(&["stream", "delete", "door"]).await, code(1));
    let wrong = folder.path().join("wrong");
    Credentials { key_id: KEY_ID.into(), secret: "wrong".into() }.write(&wrong).unwrap();
    assert_eq!(run_with(&server, &wrong, &["stream", "list"]).await, code(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_goes_on_where_it_ended() {
    let server = TestServer::start().await;
    let folder = TempDir::new().unwrap();
    let credentials = folder.path().join("credentials");
    Credentials { key_id: KEY_ID.into(), secret: SECRET.into() }.write(&credentials).unwrap();
    let file = folder.path().join("footage.mp4");
    std::fs::write(&file, &*FOOTAGE).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let push = ["push", &path, "--stream", "cam", "--loop"];
    let pushing = run_with(&server, &credentials, &push);
    let watching = async {
        loop {
            let response = server.get("/v1/video/cam").await;
            if response.status() == 200
                && response.json::<Value>().await.unwrap()["fragments"].as_u64() > Some(12)
            {
                // The end of the file ends the push, with an error.
                return std::fs::remove_file(&file).unwrap();
            }
            server.app.env.clock.sleep(Duration::from_millis(10)).await;
        }
    };
    let (exit, ()) = tokio::join!(pushing, watching);
    assert_eq!(exit, code(1));
    let playlist = server.get("/v1/video/cam/hls/archive/media.m3u8").await.text().await.unwrap();
    assert!(!playlist.contains("#EXT-X-DISCONTINUITY\n"), "{playlist}");
    assert!(playlist.matches("#EXTINF:1.000").count() > 12, "{playlist}");
}
