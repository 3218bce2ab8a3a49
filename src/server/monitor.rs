//! `GET /metrics`: the counters, and what is looked up at this moment.
//!
//! Anyone may ask for the sums, as scrapers expect. The series that name streams need a sign-in: an access key, or a token
//! with the verb `metrics`.

use crate::app::App;
use crate::auth::{Access, Action, SIGN_IN_REQUIRED, Target};
use crate::aws::root_kms::Standing;
use crate::error::ApiError;
use crate::metrics::{Snapshot, resident_bytes};
use crate::workers::Pool;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use shardlog::local::LocalStats;
use streams::Traffic;
use video::VideoInfo;

/// Streams that get a series of their own; beyond that the answer would be a burden to its reader.
const STREAMS_MAX: usize = 1000;

/// The numbers in Prometheus' text format.
pub async fn metrics(State(app): State<App>, access: Result<Access, ApiError>) -> Result<Response, ApiError> {
    let named = match access {
        Ok(access) => access.permit(&app, Action::GetMetrics, Target::All).await.map(|()| true)?,
        Err(refusal) if refusal.code() == SIGN_IN_REQUIRED => false,
        Err(refusal) => return Err(refusal),
    };
    let snapshot = look(&app, named).await.map_err(|error| ApiError::internal(&error))?;
    let counted = app.metrics.text().map_err(|error| ApiError::internal(&error))?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], counted + &snapshot).into_response())
}

/// What is looked up; `named`: the series that name streams too.
async fn look(app: &App, named: bool) -> Result<String, prometheus::Error> {
    let snapshot = Snapshot::default();
    process(app, &snapshot)?;
    log(app.store.stats(), &snapshot)?;
    strays(app, &snapshot)?;
    disk(app, &snapshot)?;
    workers(app, &snapshot)?;
    let help = "Lines of the audit log that could not be written";
    snapshot.value("kinetoscope_audit_dropped_total", help, app.audit.dropped() as f64)?;
    root_kms(app, &snapshot)?;
    cameras(app, &snapshot)?;
    rtsp(app, &snapshot)?;
    snapshot.values("kinetoscope_data_", traffic_values(app.streams.traffic()))?;
    if named {
        streams(app, &snapshot).await?;
        data_streams(app, &snapshot)?;
    }
    snapshot.text()
}

fn process(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let uptime = app.env.clock.monotonic().saturating_sub(app.started);
    snapshot.value("kinetoscope_uptime_seconds", "Time since the start", uptime.as_secs_f64())?;
    if let Some(bytes) = resident_bytes() {
        snapshot.value("process_resident_memory_bytes", "Resident memory", bytes as f64)?;
    }
    Ok(())
}

fn log(stats: LocalStats, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let seconds = |micros: u64| micros as f64 / 1e6;
    let values = [
        ("fsyncs_total", "Syncs of segment files", stats.fsyncs as f64),
        ("fsync_seconds_total", "Time spent in them", seconds(stats.fsync_micros_total)),
        ("fsync_seconds_max", "The slowest one since the start", seconds(stats.fsync_micros_max)),
        ("bytes_written_total", "Bytes written to segments", stats.bytes_written as f64),
        ("records_total", "Records made durable", stats.records_written as f64),
        ("queue_bytes", "Bytes waiting to become durable", stats.queue_bytes as f64),
        ("live_cache_bytes", "Bytes of the newest bodies held in memory", stats.recent_bytes as f64),
        ("live_cache_hits_total", "Bodies read from memory", stats.recent_hits as f64),
        ("live_cache_misses_total", "Bodies read from a file", stats.recent_misses as f64),
        ("segments", "Segment files", stats.segments as f64),
        ("bytes_on_disk", "Bytes that the file system has given them", stats.bytes_on_disk as f64),
        (
            "bytes_readable",
            "Bytes of the records that can be read, framing included",
            stats.bytes_readable as f64,
        ),
        (
            "bytes_dead",
            "Bytes on disk of no such record: not given back yet, or the log's own",
            stats.bytes_on_disk.saturating_sub(stats.bytes_readable) as f64,
        ),
        ("lanes_dead", "Lanes that take no writes since one failed", stats.lanes_dead as f64),
        ("scrub_passes_total", "Times the whole log was gone through for damage", stats.scrub_passes as f64),
        ("scrub_bytes_total", "Bytes verified in doing so", stats.scrub_bytes as f64),
        ("damaged_total", "Places in the log found damaged", stats.damaged as f64),
        ("unknown_files", "Files in the log's directories that are not ours", stats.unknown_files as f64),
    ];
    snapshot.values("kinetoscope_log_", values)
}

/// What the log holds of streams that nobody knows.
fn strays(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let help = "Shards that belong to no stream, found at the start and left alone";
    snapshot.value("kinetoscope_log_stray_shards", help, app.strays.len() as f64)?;
    let bytes: u64 = app.strays.iter().map(|stray| stray.stored_bytes).sum();
    snapshot.value("kinetoscope_log_stray_bytes", "Bytes they take", bytes as f64)
}

fn disk(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let disk = app.video.disk();
    let values = [
        ("disk_total_bytes", "Size of the disk that the data is on", disk.total as f64),
        (
            "disk_full_below_bytes",
            "With less free, media is refused or the oldest goes",
            disk.full_below as f64,
        ),
        (
            "disk_reserve_bytes",
            "What is kept for trims, deletions and the catalogue",
            (app.config.disk_reserve_mib << 20) as f64,
        ),
        ("disk_full", "1 while media is refused or the oldest goes", f64::from(u8::from(disk.full))),
        ("disk_refused_total", "Appends refused because the disk was full", disk.refused as f64),
        ("disk_evicted_records_total", "Records that went to make room", disk.evicted_records as f64),
        ("disk_evicted_bytes_total", "Bytes of them", disk.evicted_bytes as f64),
    ];
    snapshot.values("kinetoscope_", values)?;
    match disk.free {
        Some(free) => snapshot.value("kinetoscope_disk_free_bytes", "What may still be written", free as f64),
        None => Ok(()),
    }
}

/// The external KMS that has the root key, if one has.
fn root_kms(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let Some(kms) = &app.root_kms else { return Ok(()) };
    let (standing, counts) = (kms.standing(), kms.counts());
    let is = |is: bool| f64::from(u8::from(is));
    let values = [
        ("refused", "1 while the root key may not be used", is(matches!(standing, Standing::Refused(..)))),
        ("unanswered", "1 while it is not known", is(matches!(standing, Standing::Unanswered(_)))),
        ("checks_total", "Times the KMS was asked whether it may be used", counts.asked as f64),
        ("checks_refused_total", "Times it may not", counts.refused as f64),
        ("checks_unanswered_total", "Times the KMS did not say", counts.unanswered as f64),
    ];
    snapshot.values("kinetoscope_root_kms_", values)
}

fn workers(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let stats = app.pool.as_ref().map(Pool::stats).unwrap_or_default();
    let values = [
        ("alive", "Media-workers that are up", stats.alive as f64),
        ("busy", "Media-workers that serve a request", stats.busy as f64),
        ("queued", "Requests that wait for one", stats.queued as f64),
        ("requests_total", "Requests served", stats.requests as f64),
        ("failures_total", "Requests that failed", stats.failures as f64),
        ("retries_total", "Requests done again", stats.retries as f64),
        ("frames_total", "Frames made", stats.frames as f64),
        ("restarts_total", "Media-workers replaced because they died", stats.restarts as f64),
    ];
    snapshot.values("kinetoscope_workers_", values)
}

fn rtsp(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let view = app.rtsp.view(app.config.tls());
    let values = [
        ("connections", "RTSP connections", view.connections as f64),
        ("sessions", "Cameras that push over RTSP", view.sessions as f64),
        ("refused_total", "Cameras refused over RTSP", view.refused_total as f64),
        (
            "stray_packets_total",
            "Packets on channels that nobody had set up",
            view.stray_packets_total as f64,
        ),
    ];
    snapshot.values("kinetoscope_rtsp_", values)
}

fn cameras(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let stats = app.cameras.stats();
    let values = [
        ("rtp_cameras", "Cameras that are recorded over RTP", stats.cameras as f64),
        ("rtp_packets_total", "RTP packets taken", stats.packets as f64),
        ("rtp_packets_lost_total", "RTP packets that never came", stats.packets_lost as f64),
        ("rtp_packets_dropped_total", "RTP packets that were of no use", stats.packets_dropped as f64),
        ("camera_workers_alive", "Media-workers for cameras that are up", stats.workers.alive as f64),
        (
            "camera_workers_restarts_total",
            "Media-workers for cameras replaced because they died or hung",
            stats.workers.restarts as f64,
        ),
        (
            "camera_workers_recycled_total",
            "Media-workers for cameras replaced because they had grown too large",
            stats.workers.recycled as f64,
        ),
    ];
    snapshot.values("kinetoscope_", values)?;
    let counts =
        app.sources.counts().into_iter().map(|(state, count)| (state.name().to_owned(), count as f64));
    snapshot.family("kinetoscope_sources", "Cameras that are called for", "state", counts)
}

async fn streams(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let streams = app.video.list(None, STREAMS_MAX).await.streams;
    let ages = streams.iter().filter_map(|stream| {
        let age_ms = stream.last_durable.as_ref()?.age_ms;
        Some((stream.name.clone(), age_ms as f64 / 1000.0))
    });
    let help = "Time since the newest durable chunk";
    snapshot.family("kinetoscope_stream_last_durable_age_seconds", help, "stream", ages)?;
    let stored = streams.iter().map(|stream| (stream.name.clone(), stream.stored_bytes as f64));
    snapshot.family("kinetoscope_stream_stored_bytes", "Bytes on disk", "stream", stored)?;
    let held = streams.iter().filter(|stream| !stream.holds.is_empty());
    let held = held.map(|stream| (stream.name.clone(), stream.held_bytes as f64));
    let help = "Bytes that stay until holds are released";
    snapshot.family("kinetoscope_stream_held_bytes", help, "stream", held)?;
    clocks(&streams, snapshot)
}

/// What data streams took and gave since the start.
fn traffic_values(traffic: Traffic) -> [(&'static str, &'static str, f64); 6] {
    [
        ("in_bytes_total", "Bytes of data and partition keys made durable", traffic.in_bytes as f64),
        ("in_records_total", "Data records made durable", traffic.in_records as f64),
        ("out_bytes_total", "Bytes that readers and subscribers got", traffic.out_bytes as f64),
        ("out_records_total", "Data records that they got", traffic.out_records as f64),
        ("throttled_records_total", "Data records refused as too fast", traffic.throttled_records as f64),
        ("throttled_reads_total", "Reads refused as too fast", traffic.throttled_reads as f64),
    ]
}

fn data_streams(app: &App, snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let streams = app.streams.traffic_of_streams(STREAMS_MAX);
    for (nth, (name, help, _)) in traffic_values(Traffic::default()).into_iter().enumerate() {
        let values =
            streams.iter().map(|(stream, traffic)| (stream.clone(), traffic_values(*traffic)[nth].2));
        snapshot.family(&format!("kinetoscope_data_stream_{name}"), help, "stream", values)?;
    }
    let ages = streams
        .iter()
        .filter_map(|(stream, traffic)| Some((stream.clone(), traffic.behind_ms? as f64 / 1000.0)));
    let help = "How far the slowest reader or subscriber of the last minutes is behind";
    snapshot.family("kinetoscope_data_stream_iterator_age_seconds", help, "stream", ages)
}

/// How the clocks of the cameras that send now differ from ours.
fn clocks(streams: &[VideoInfo], snapshot: &Snapshot) -> Result<(), prometheus::Error> {
    let sending =
        || streams.iter().filter_map(|stream| Some((stream.name.clone(), stream.session.as_ref()?)));
    let sources =
        sending().filter_map(|(name, session)| Some(([name, session.clock?.name().to_owned()], 1.0)));
    let help = "Where the camera's times come from: 1 for the one that is used";
    snapshot.labelled("kinetoscope_stream_clock", help, ["stream", "clock"], sources)?;
    let offsets = sending().map(|(name, session)| (name, session.offset_ms as f64 / 1000.0));
    let help = "Arrival less the camera's time as it is kept";
    snapshot.family("kinetoscope_stream_clock_offset_seconds", help, "stream", offsets)?;
    let drifts = sending().map(|(name, session)| (name, session.drift_ms as f64 / 1000.0));
    let help = "What the camera's media clock has lost since its session began";
    snapshot.family("kinetoscope_stream_clock_drift_seconds", help, "stream", drifts)?;
    let cameras =
        sending().filter_map(|(name, session)| Some((name, session.camera_offset_ms? as f64 / 1000.0)));
    let help = "Arrival less the camera's own time, whether that is believed or not";
    snapshot.family("kinetoscope_stream_camera_clock_offset_seconds", help, "stream", cameras)
}
