//! The worker by itself, spoken to over its pipes.

use super::footage::numbered;
use super::*;
use media::worker_protocol::{
    ErrorCode, PREFIX_BYTES, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response, message_len,
};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};

struct Worker(Child);

impl Worker {
    fn start() -> Self {
        let mut command = Command::new(config().binary);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut worker = Self(child.unwrap());
        let Response::Hello(description) = worker.receive() else { panic!("no hello") };
        assert!(description.contains("avdec_h264"), "{description}");
        worker
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn receive(&mut self) -> Response {
        let stdout = self.0.stdout.as_mut().unwrap();
        let mut prefix = [0; PREFIX_BYTES];
        stdout.read_exact(&mut prefix).unwrap();
        let mut message = vec![0; message_len(prefix, RESPONSE_BYTES_MAX).unwrap()];
        stdout.read_exact(&mut message).unwrap();
        Response::decode(message.into()).unwrap()
    }

    /// How it ends, which it must do within seconds.
    async fn ended(&mut self) -> ExitStatus {
        for _ in 0..500 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            SystemClock::new().sleep(Duration::from_millis(10)).await;
        }
        panic!("it goes on");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn request(timeout_ms: u32, work: Work) -> Vec<u8> {
    Request { id: 7, timeout_ms, work }.encode().unwrap().concat()
}

#[tokio::test]
async fn it_ends_with_its_server_even_in_the_middle_of_work() {
    let mut idle = Worker::start();
    drop(idle.0.stdin.take());
    assert!(idle.ended().await.success());

    let mut busy = Worker::start();
    let footage = numbered("h264");
    let mut large = work(&footage, Wanted::At(footage.times.clone()));
    large.image.width = Some(4096);
    busy.send(&request(60_000, large));
    assert!(matches!(busy.receive(), Response::Frame { .. }));
    // It has sixty seconds and nobody reads what it writes.
    drop(busy.0.stdin.take());
    busy.ended().await;
}

#[tokio::test]
async fn it_gives_up_by_itself_when_no_frame_comes_in_time() {
    let mut worker = Worker::start();
    let footage = numbered("av1");
    worker.send(&request(1, work(&footage, Wanted::At(vec![i64::MAX]))));
    assert!(matches!(worker.receive(), Response::Error { id: 7, code: ErrorCode::Timeout, .. }));
    assert!(!worker.ended().await.success());
}

#[tokio::test]
async fn it_answers_nonsense_with_an_error() {
    let footage = numbered("h264");
    let good = request(10_000, work(&footage, Wanted::EveryKey));
    let refused =
        |response: &Response| matches!(response, Response::Error { id: 0, code: ErrorCode::BadRequest, .. });

    let mut worker = Worker::start();
    let mut other_version = good.clone();
    other_version[PREFIX_BYTES] = 9;
    worker.send(&other_version);
    assert!(refused(&worker.receive()));
    worker.send(&good);
    assert!(
        matches!(worker.receive(), Response::Frame { id: 7, .. }),
        "where the next message starts is known"
    );

    let mut worker = Worker::start();
    worker.send(&(REQUEST_BYTES_MAX as u32 + 1).to_le_bytes());
    assert!(refused(&worker.receive()));
    worker.ended().await;
}
