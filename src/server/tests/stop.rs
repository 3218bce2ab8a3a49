//! Stopping while cameras push and players play.

use super::*;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[tokio::test]
async fn everything_ends_in_order_and_is_there_afterwards() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let mut server = TestServer::start_on(config.clone(), None).await;

    let (sender, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let request = server.request(Method::PUT, "/v1/video/cam/ingest");
    let request = request.body(reqwest::Body::wrap_stream(ReceiverStream::new(body)));
    let uploading = tokio::spawn(request.send());
    sender.send(Ok(FOOTAGE.clone())).await.unwrap();
    let playing = loop {
        let response = server.get("/v1/video/cam/media.mp4?from=0").await;
        if response.status() == 200 {
            break response;
        }
        server.app.env.clock.sleep(Duration::from_millis(10)).await;
    };
    let playing = tokio::spawn(playing.bytes());
    // Everything pushed is in once the last fragment shows.
    while server.json("/v1/video/cam").await["fragments"] != 4 {
        server.app.env.clock.sleep(Duration::from_millis(10)).await;
    }

    let started = server.app.env.clock.monotonic();
    server.stop().await;
    assert!(server.app.env.clock.monotonic() - started < Duration::from_secs(8));
    let played = playing.await.unwrap().expect("an endless answer ends properly");
    assert!(!played.is_empty());
    let answer = uploading.await.unwrap().expect("the camera is answered");
    assert_eq!(error_code(answer, 503).await, "SHUTTING_DOWN");
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err(), "nobody listens any more");

    drop(server);

    let mut server = TestServer::start_on(config, None).await;
    assert_eq!(server.json("/v1/video/cam").await["fragments"], 4);
    let timeline = server.json("/v1/video/cam/timeline?from=0").await;
    let reasons = timeline["gaps"].as_array().unwrap().iter().map(|gap| gap["reason"].as_str().unwrap());
    let reasons = reasons.collect::<Vec<_>>();
    assert!(reasons.iter().all(|reason| ["server_stopped", "not_recorded"].contains(reason)), "{timeline}");
    server.stop().await;
}

#[tokio::test]
async fn check_finds_what_somebody_changed_on_disk() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data");
    let mut server = TestServer::start_on(config(&path, |_| {}), None).await;
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), 200);
    let check = |path: &Path| {
        let arguments = ["kinetoscope".into(), "check".into(), path.as_os_str().to_owned()];
        tokio::task::spawn_blocking(|| format!("{:?}", crate::cli::run(arguments)))
    };
    let code = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
    assert_eq!(check(&path).await.unwrap(), code(1), "a directory in use is refused");
    server.stop().await;
    drop(server);
    assert_eq!(check(&path).await.unwrap(), code(0));

    let lane = std::fs::read_dir(path.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir());
    let mut segments =
        std::fs::read_dir(lane.unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    segments.sort();
    let segment = segments.iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(segment).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    std::fs::write(segment, bytes).unwrap();
    assert_eq!(check(&path).await.unwrap(), code(1), "one bit");
}
