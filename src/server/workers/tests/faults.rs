//! What may go wrong, and what it costs.

use super::footage::{made, numbered, numbers};
use super::*;
use media::worker_protocol::{ErrorCode, SIDE_MAX};
use rustix::process::{Pid, Signal, kill_process};

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

/// A request that works, to see that the pool still does.
async fn works(pool: &Pool) {
    let footage = numbered("h264");
    let frame = pool.frame(work(&footage, Wanted::At(vec![footage.times[7]]))).await.unwrap();
    assert_eq!(numbers(&[frame.image], "mjpeg", 256, 64), [7]);
}

#[tokio::test]
async fn a_worker_killed_in_mid_request_costs_a_retry_and_no_frame() {
    let pool = start(|_| {});
    let footage = numbered("h264");
    let mut frames = pool.frames(work(&footage, Wanted::At(footage.times.clone()))).unwrap();
    let mut images = Vec::new();
    while let Some(item) = frames.next().await {
        let Item::Frame(frame) = item.unwrap() else { panic!("missing") };
        assert_eq!(frame.index as usize, images.len());
        images.push(frame.image);
        if images.len() == 3 {
            signal(pool.stats().pids[0], Signal::KILL);
        }
    }
    assert_eq!(numbers(&images, "mjpeg", 256, 64), (0..100).collect::<Vec<_>>());
    let stats = pool.stats();
    assert_eq!((stats.requests, stats.retries, stats.restarts, stats.failures), (1, 1, 1, 0));
    assert_eq!((stats.frames, stats.alive), (100, 1));
    pool.shutdown().await;
}

#[tokio::test]
async fn an_idle_worker_that_dies_is_replaced() {
    let pool = start(|_| {});
    let first = until(&pool, |stats| stats.alive == 1).await.pids[0];
    signal(first, Signal::KILL);
    until(&pool, |stats| stats.alive == 1 && stats.pids[0] != first).await;
    works(&pool).await;
    assert_eq!((pool.stats().restarts, pool.stats().retries), (1, 0));
    pool.shutdown().await;
}

/// Long enough for any small request on a busy machine.
const LIMIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_worker_that_hangs_is_killed_and_the_request_done_by_another() {
    let pool = start(|config| config.request_timeout = LIMIT);
    let hung = until(&pool, |stats| stats.alive == 1).await.pids[0];
    signal(hung, Signal::STOP);
    works(&pool).await;
    let stats = pool.stats();
    assert_eq!((stats.retries, stats.restarts, stats.failures), (1, 1, 0));
    assert_ne!(stats.pids[0], hung);
    pool.shutdown().await;
}

#[tokio::test]
async fn a_request_on_which_two_workers_hang_fails() {
    let pool = start(|config| config.request_timeout = LIMIT);
    let first = until(&pool, |stats| stats.alive == 1).await.pids[0];
    signal(first, Signal::STOP);
    // Seconds of work, so that the second worker is still at it when it is stopped.
    let footage = slow();
    let mut large = work(&footage, Wanted::At(vec![i64::MAX]));
    large.image.width = Some(4096);
    let mut frames = pool.frames(large).unwrap();
    let second = until(&pool, |stats| stats.alive == 1 && stats.pids[0] != first).await.pids[0];
    signal(second, Signal::STOP);
    assert_eq!(frames.next().await, Some(Err(WorkerError::TimedOut { limit: LIMIT })));
    assert_eq!(frames.next().await, None);
    works(&pool).await;
    let stats = pool.stats();
    assert_eq!((stats.requests, stats.failures, stats.retries, stats.restarts), (2, 1, 1, 2));
    pool.shutdown().await;
}

#[tokio::test]
async fn a_request_as_a_whole_has_its_time_too() {
    let limit = Duration::from_millis(500);
    let pool = start(|config| config.request_timeout = limit);
    let footage = numbered("h264");
    let mut frames = pool.frames(work(&footage, Wanted::At(footage.times.clone()))).unwrap();
    let mut last = None;
    // Taking a frame every now and then keeps a worker, but not for ever.
    while let Some(item) = frames.next().await {
        last = item.err();
        SystemClock::new().sleep(limit / 5).await;
    }
    assert_eq!(last, Some(WorkerError::TookTooLong { limit: limit * 10 }));
    pool.shutdown().await;
}

/// A long group of large pictures: the last one takes a second or more.
fn slow() -> Arc<Footage> {
    let encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "1000"];
    made("testsrc2=s=1920x1080:r=25:d=8", &encoder)
}

#[tokio::test]
async fn footage_that_is_not_footage_is_refused_and_the_worker_goes_on() {
    let pool = start(|_| {});
    let footage = numbered("h264");
    let cut = footage.chunks.len() / 2;
    let mut cases = vec![
        (footage.init.clone(), Bytes::from_static(b"not a fragment at all, whatever it claims to be")),
        (footage.init.clone(), footage.chunks.slice(..cut)),
        (footage.init.clone(), Bytes::new()),
        (footage.init.slice(..footage.init.len() - 9), footage.chunks.clone()),
        (Bytes::new(), footage.chunks.clone()),
        (numbered("h265").init.clone(), Bytes::from(vec![0xff; 4096])),
    ];
    cases.push((footage.chunks.clone(), footage.init.clone()));
    for (case, (init, chunks)) in cases.into_iter().enumerate() {
        let work = Work { init, chunks, ..work(&footage, Wanted::At(vec![0])) };
        let error = pool.frame(work).await.unwrap_err();
        let refused = matches!(error, WorkerError::Refused { code: ErrorCode::BadInput, .. });
        assert!(refused, "case {case}: {error:?}");
    }
    works(&pool).await;
    let stats = pool.stats();
    assert_eq!((stats.failures, stats.restarts), (7, 0));
    pool.shutdown().await;
}

/// Numbers that look random and are the same in every run.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[tokio::test]
async fn hostile_pictures_never_cost_more_than_their_own_request() {
    let pool = start(|config| config.request_timeout = LIMIT);
    for codec in ["h264", "h265", "av1"] {
        let footage = numbered(codec);
        for seed in 0..15 {
            let mut next = noise(seed);
            let (mut init, mut chunks) = (footage.init.to_vec(), footage.chunks.to_vec());
            let first_data = chunks.windows(4).position(|name| name == b"mdat").unwrap() + 4;
            for _ in 0..=next() % 40 {
                let at = first_data + next() as usize % (chunks.len() - first_data);
                chunks[at] = next() as u8;
            }
            if seed % 3 == 0 {
                let at = next() as usize % init.len();
                init[at] = next() as u8;
            }
            let work = Work {
                init: init.into(),
                chunks: chunks.into(),
                ..work(&footage, Wanted::At(footage.times.clone()))
            };
            let mut frames = pool.frames(work).unwrap();
            // Any answer will do, as long as there is one; the entries come in order whatever becomes of them.
            let mut entry = 0;
            while let Some(Ok(item)) = frames.next().await {
                assert_eq!(item.index(), entry);
                entry += 1;
            }
        }
        works(&pool).await;
    }
    pool.shutdown().await;
}

#[tokio::test]
async fn a_worker_has_no_more_memory_than_allowed() {
    let pool = start(|config| config.memory_max_bytes = 600 << 20);
    let footage = numbered("h264");
    let mut large = work(&footage, Wanted::At(vec![0]));
    // Three buffers of 200 MB each.
    large.image = ImageSpec { format: ImageFormat::Png, width: Some(SIDE_MAX), height: Some(SIDE_MAX) };
    let error = pool.frame(large).await.unwrap_err();
    let precise =
        matches!(error, WorkerError::Died { .. } | WorkerError::Missing(_) | WorkerError::Refused { .. });
    assert!(precise, "{error:?}");
    works(&pool).await;
    assert_eq!(pool.stats().failures, u64::from(!matches!(error, WorkerError::Missing(_))));
    pool.shutdown().await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let pool = start(|config| config.queue_max = 1);
    let footage = slow();
    let request = || pool.frames(work(&footage, Wanted::At(vec![i64::MAX])));
    let served = request().unwrap();
    until(&pool, |stats| stats.busy == 1).await;
    let waiting = request().unwrap();
    assert_eq!(request().unwrap_err(), WorkerError::Busy { waiting: 1 });
    drop((served, waiting));
    pool.shutdown().await;

    let pool = start(|config| config.queue_bytes_max = footage.chunks.len());
    assert!(matches!(pool.frames(work(&footage, Wanted::EveryKey)), Err(WorkerError::Busy { waiting: 0 })));
    pool.shutdown().await;
}

#[tokio::test]
async fn a_caller_that_leaves_or_takes_nothing_does_not_keep_the_worker() {
    let pool = start(|config| config.request_timeout = LIMIT);
    let footage = numbered("h264");
    let every = || work(&footage, Wanted::At(footage.times.clone()));
    let mut left = pool.frames(every()).unwrap();
    left.next().await.unwrap().unwrap();
    drop(left);
    works(&pool).await;

    let mut stuck = pool.frames(every()).unwrap();
    until(&pool, |stats| stats.requests == 3 && stats.busy == 0).await;
    works(&pool).await;
    let mut last = None;
    while let Some(item) = stuck.next().await {
        last = item.err();
    }
    assert_eq!(last, Some(WorkerError::NotTaken { limit: LIMIT }));
    pool.shutdown().await;
}

#[tokio::test]
async fn workers_are_replaced_after_their_share() {
    let pool = start(|config| config.requests_max = 2);
    for _ in 0..5 {
        works(&pool).await;
    }
    let stats = until(&pool, |stats| stats.alive == 1).await;
    assert_eq!((stats.recycled, stats.restarts, stats.failures), (2, 0, 0));
    pool.shutdown().await;
}

#[tokio::test]
async fn without_a_worker_that_starts_requests_say_why() {
    let missing = PoolConfig { binary: "/nowhere/media-worker".into(), ..config() };
    let error = Pool::start(missing, Arc::new(SystemClock::new())).err().unwrap();
    assert!(error.to_string().contains("/nowhere/media-worker"), "{error}");

    let pool = start(|config| config.binary = "/bin/false".into());
    let footage = numbered("h264");
    let error = match pool.frames(work(&footage, Wanted::EveryKey)) {
        Ok(mut frames) => frames.next().await.unwrap().unwrap_err(),
        Err(error) => error,
    };
    assert!(
        matches!(&error, WorkerError::Unavailable { reason } if reason.contains("exit code 1")),
        "{error}"
    );
    let stats = until(&pool, |stats| stats.restarts >= 2).await;
    assert_eq!(stats.alive, 0);
    assert!(stats.description.contains("exit code 1"), "{}", stats.description);
    pool.shutdown().await;
}

#[tokio::test]
async fn shutting_down_ends_every_process_and_every_request() {
    let pool = start(|config| config.workers = 2);
    let stats = until(&pool, |stats| stats.alive == 2).await;
    let footage = slow();
    let request = || pool.frames(work(&footage, Wanted::At(vec![i64::MAX]))).unwrap();
    let mut all = [request(), request(), request()];
    until(&pool, |stats| stats.busy == 2).await;
    pool.shutdown().await;
    for frames in &mut all {
        assert_eq!(frames.next().await, Some(Err(WorkerError::ShuttingDown)));
        assert_eq!(frames.next().await, None);
    }
    assert_eq!(pool.frames(work(&footage, Wanted::EveryKey)).unwrap_err(), WorkerError::ShuttingDown);
    for pid in stats.pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}

/// What a worker is given: no variable and no file of ours.
#[tokio::test]
async fn a_worker_sees_nothing_of_the_server() {
    let secret = tempfile::tempfile().unwrap();
    let pool = start(|_| {});
    let pid = until(&pool, |stats| stats.alive == 1).await.pids[0];
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let allowed =
        ["HOME=", "XDG_CACHE_HOME=", "LC_ALL=", "MALLOC_ARENA_MAX=", "LD_LIBRARY_PATH=", "GST_PLUGIN_"];
    for variable in environment.split_terminator('\0') {
        assert!(allowed.iter().any(|name| variable.starts_with(name)), "{variable}");
    }
    for file in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let target = std::fs::read_link(file.unwrap().path()).unwrap();
        let target = target.to_string_lossy();
        let harmless =
            ["pipe:", "anon_inode:", "/dev/null", "socket:"].iter().any(|kind| target.starts_with(kind));
        assert!(harmless, "{target}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(limit("Max address space").contains(&(1u64 << 30).to_string()));
    assert!(limit("Max open files").contains("64"));
    assert!(limit("Max cpu time").contains("600"));
    assert!(limit("Max core file size").contains(" 0 "));
    drop(secret);
    pool.shutdown().await;
}
