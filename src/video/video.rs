//! The service: everything begins here.

use crate::clock::TimeRange;
use crate::config::VideoConfig;
use crate::error::{IngestError, ManageError, ReadError};
use crate::frames::{FrameBatch, FrameMode, FramePlan, Sampling};
use crate::head::InitId;
use crate::info::{VideoInfo, VideoPage, describe};
use crate::ingest::{IngestSession, SessionOptions, Stop};
use crate::playback::{BodyStream, Clip, Segment, Uris};
use crate::recording::Recording;
use crate::retention::FootageGuard;
use crate::timeline::{FragmentInfo, TimelineView, view};
use crate::verify::{Verified, verify};
use crate::{frames, playback};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use media::playlist::{MediaPlaylist, MultivariantPlaylist};
use serde::Serialize;
use shardlog::Seq;
use shardlog::env::Env;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use streams::{
    DiskState, Hold, NewStream, SealedSettings, Shard, StreamInfo, StreamKind, StreamPatch, Streams,
    TrimGuard, WhenFull,
};

/// Video streams. Cheap to clone; all clones are one service.
#[derive(Clone)]
pub struct Video {
    inner: Arc<Inner>,
}

struct Inner {
    streams: Streams,
    env: Env,
    config: VideoConfig,
    /// By the stream's id: a name may be given to another stream later.
    recordings: Mutex<HashMap<u128, Arc<Recording>>>,
    closing: AtomicBool,
}

/// A video stream to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVideo {
    /// 1 to 256 of `a-z A-Z 0-9 _ . -`.
    pub name: String,
    /// How long footage is kept, in hours.
    pub retention_hours: u32,
    /// How many bytes of it are kept, if that is bounded.
    pub retention_bytes: Option<u64>,
    /// What happens to it when the disk is full.
    pub when_full: WhenFull,
    /// Whatever the user wants to be kept with it.
    pub attributes: BTreeMap<String, String>,
    /// What must not be shown, such as where its camera is called for.
    pub sealed_settings: SealedSettings,
}

impl NewVideo {
    /// A stream with nothing but a name, and footage kept for so many hours.
    pub fn named(name: &str, retention_hours: u32) -> Self {
        Self {
            name: name.to_owned(),
            retention_hours,
            retention_bytes: None,
            when_full: WhenFull::Refuse,
            attributes: BTreeMap::new(),
            sealed_settings: SealedSettings::default(),
        }
    }
}

/// Which fragments to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentQuery {
    /// Fragments that begin in this range.
    pub range: TimeRange,
    /// Only those after this fragment.
    pub after: Option<u64>,
    /// At most this many; 1 to 1000.
    pub limit: usize,
}

/// A page of fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FragmentPage {
    /// Oldest first. The newest one of a live stream may still grow.
    pub fragments: Vec<FragmentInfo>,
    /// What to pass as `after` for the next page, in decimal; `None` at the end.
    pub next: Option<String>,
}

/// Most fragments of a page.
const FRAGMENTS_PAGE_MAX: usize = 1000;

impl Video {
    /// Opens the service. Nothing is read until somebody asks for it.
    pub fn open(streams: Streams, env: Env, mut config: VideoConfig) -> Self {
        config.target_duration_s = config.target_duration_s.max(1);
        let recordings = Mutex::default();
        Self { inner: Arc::new(Inner { streams, env, config, recordings, closing: AtomicBool::new(false) }) }
    }

    /// Its settings.
    pub fn config(&self) -> &VideoConfig {
        &self.inner.config
    }

    // --- streams ---

    /// Makes a stream; durable on return.
    pub async fn create(&self, new: NewVideo) -> Result<VideoInfo, ManageError> {
        let NewVideo { name, retention_hours, retention_bytes, when_full, attributes, sealed_settings } = new;
        let stream = NewStream {
            name: name.clone(),
            kind: StreamKind::Video,
            shards: 1,
            retention_hours,
            retention_bytes,
            when_full,
            attributes,
            sealed_settings,
            data: None,
        };
        self.inner.streams.create(stream).await?;
        Ok(self.describe(&name).await?)
    }

    /// The stream as it stands.
    pub async fn describe(&self, name: &str) -> Result<VideoInfo, ReadError> {
        let recording = self.recording(name)?;
        let held = self.inner.streams.held(name, &FootageGuard(self.clone())).await?;
        describe(&recording, held).await
    }

    /// The settings of a stream, as they are held in memory: the sealed ones among them, which are not for answers.
    pub fn settings(&self, name: &str) -> Result<Arc<StreamInfo>, ReadError> {
        let stream = self.inner.streams.describe(name)?;
        if stream.kind != StreamKind::Video {
            return Err(ReadError::NotVideo { name: name.to_owned() });
        }
        Ok(stream)
    }

    /// The settings of all streams that have sealed ones, in the order of their names.
    pub fn sealed(&self) -> Vec<Arc<StreamInfo>> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page =
                self.inner.streams.list(Some(StreamKind::Video), after.as_deref(), streams::limits::LIST_MAX);
            found.extend(page.streams.into_iter().filter(|stream| !stream.sealed_settings.is_empty()));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }

    /// Streams in the order of their names, beginning behind `after`; at most `limit` (up to 1000). One that cannot be
    /// read is left out and logged, so that its trouble does not hide the others.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> VideoPage {
        let page = self.inner.streams.list(Some(StreamKind::Video), after, limit);
        let mut streams = Vec::with_capacity(page.streams.len());
        for stream in page.streams {
            match self.describe(&stream.name).await {
                Ok(info) => streams.push(info),
                // Deleted meanwhile.
                Err(ReadError::NotFound(_)) => {}
                Err(error) => tracing::error!(stream = stream.name, %error, "a stream cannot be described"),
            }
        }
        VideoPage { streams, next: page.next }
    }

    /// Changes a stream's settings; durable on return.
    pub async fn change(&self, name: &str, patch: StreamPatch) -> Result<VideoInfo, ManageError> {
        self.recording(name).map_err(not_managed)?;
        self.inner.streams.update(name, patch).await?;
        Ok(self.describe(name).await?)
    }

    /// Places a hold on a stream, in the stead of one of the same name; durable on return. What it covers, and all that came
    /// after, stays until it is released.
    pub async fn place_hold(&self, name: &str, hold: Hold) -> Result<(), ManageError> {
        self.recording(name).map_err(not_managed)?;
        self.inner.streams.place_hold(name, hold).await?;
        Ok(())
    }

    /// Releases a hold; durable on return.
    pub async fn release_hold(&self, name: &str, hold: &str) -> Result<(), ManageError> {
        self.recording(name).map_err(not_managed)?;
        self.inner.streams.release_hold(name, hold).await?;
        Ok(())
    }

    /// How full the disk is, and what became of that.
    pub fn disk(&self) -> DiskState {
        self.inner.streams.disk()
    }

    /// Deletes a stream with all its footage, unless it is held; durable on return. Whoever is sending to it is cut off.
    pub async fn delete(&self, name: &str) -> Result<(), ManageError> {
        let recording = self.recording(name).map_err(not_managed)?;
        if let Some(hold) = recording.shard.stream().holds.first() {
            // Before anybody is cut off for nothing; the catalogue has the last word.
            let holds = recording.shard.stream().holds.len();
            return Err(ManageError::Held { hold: hold.name.clone(), holds });
        }
        if let Some(live) = recording.live().as_ref() {
            live.stop(Stop::Deleted);
        }
        self.inner.streams.delete(name).await?;
        self.recordings().remove(&recording.id);
        Ok(())
    }

    // --- ingest ---

    /// Begins an upload to a stream.
    pub async fn ingest(&self, name: &str, options: SessionOptions) -> Result<IngestSession, IngestError> {
        let recording = self.recording(name).map_err(|error| match error {
            ReadError::NotFound(error) => IngestError::NotFound(error),
            ReadError::NotVideo { name } => IngestError::NotVideo { name },
            error => IngestError::Read(error),
        })?;
        if self.inner.closing.load(Ordering::SeqCst) {
            return Err(IngestError::ShuttingDown);
        }
        recording.shard.room().await.map_err(IngestError::Append)?;
        IngestSession::begin(recording, options).await
    }

    /// Ends every upload and waits until what arrived is on disk. Further uploads are refused.
    pub async fn shutdown(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        let recordings: Vec<_> = self.recordings().values().cloned().collect();
        let live: Vec<_> = recordings.iter().filter_map(|recording| recording.live().clone()).collect();
        for live in &live {
            live.stop(Stop::Shutdown);
        }
        for live in live {
            live.done().await;
        }
    }

    /// What keeps retention from trimming what kept footage needs; for
    /// [`Streams::spawn_retention`](streams::Streams::spawn_retention).
    pub fn trim_guard(&self) -> Arc<dyn TrimGuard> {
        Arc::new(FootageGuard(self.clone()))
    }

    // --- timeline ---

    /// What was recorded in a range, and why the rest was not.
    pub async fn timeline(&self, name: &str, range: TimeRange) -> Result<TimelineView, ReadError> {
        if range.from_ms >= range.to_ms {
            return Err(ReadError::Backwards);
        }
        let recording = self.recording(name)?;
        let now_ms = recording.now_ms();
        let trailing = recording.trailing(&recording.timeline.end().await?, now_ms);
        view(&recording.timeline, range, now_ms, trailing, recording.config.fragments_per_answer_max).await
    }

    /// Lists fragments.
    pub async fn fragments(&self, name: &str, query: FragmentQuery) -> Result<FragmentPage, ReadError> {
        let recording = self.recording(name)?;
        let TimeRange { from_ms, to_ms, clock } = query.range;
        let limit = query.limit.clamp(1, FRAGMENTS_PAGE_MAX);
        let from_us = from_ms.saturating_mul(1000);
        let found = recording.timeline.forward(clock, from_us, query.after.map(Seq), limit + 1).await?;
        let to_us = to_ms.saturating_mul(1000);
        let in_range = found.iter().take_while(|fragment| fragment.start_us(clock) < to_us).count();
        let fragments: Vec<FragmentInfo> =
            found[..in_range.min(limit)].iter().map(FragmentInfo::from).collect();
        let more = in_range > limit;
        let next = fragments.last().filter(|_| more).map(|last| last.fragment_number.to_string());
        Ok(FragmentPage { fragments, next })
    }

    /// Reads every head of a stream and checks that they fit together; for an offline check of a whole directory.
    pub async fn verify(&self, name: &str) -> Result<Verified, ReadError> {
        verify(&*self.recording(name)?).await
    }

    // --- playback ---

    /// The live playlist: the newest `dvr_s` seconds, and at least three target durations.
    pub async fn live_playlist(
        &self,
        name: &str,
        dvr_s: u64,
        uris: &Uris,
    ) -> Result<MediaPlaylist, ReadError> {
        playback::live(&*self.recording(name)?, dvr_s.saturating_mul(1000), uris).await
    }

    /// The playlist of a range: finished, or growing while the range is not over.
    pub async fn archive_playlist(
        &self,
        name: &str,
        range: TimeRange,
        uris: &Uris,
    ) -> Result<MediaPlaylist, ReadError> {
        playback::archive(&*self.recording(name)?, range, uris).await
    }

    /// The playlist that describes a media playlist: of a range, or the live one.
    pub async fn multivariant(
        &self,
        name: &str,
        range: Option<TimeRange>,
        media_uri: String,
    ) -> Result<MultivariantPlaylist, ReadError> {
        playback::multivariant(&*self.recording(name)?, range, media_uri).await
    }

    /// An initialisation segment. Its bytes never change.
    pub async fn init(&self, name: &str, id: InitId) -> Result<Bytes, ReadError> {
        Ok(self.recording(name)?.init(id).await?.bytes.clone())
    }

    /// The complete fragment with this number.
    pub async fn segment(&self, name: &str, number: u64) -> Result<Segment, ReadError> {
        playback::segment(&*self.recording(name)?, number).await
    }

    /// One MP4 file of the fragments that overlap a range.
    pub async fn clip(&self, name: &str, range: TimeRange) -> Result<Clip, ReadError> {
        playback::clip(&*self.recording(name)?, range).await
    }

    /// Endless fragmented MP4 from an instant (camera's clock, milliseconds since the Unix epoch) into the live edge;
    /// from the newest fragment on if absent. Ends when codec, size or tracks change.
    pub async fn media_from(&self, name: &str, from_ms: Option<u64>) -> Result<BodyStream, ReadError> {
        playback::media_from(self.recording(name)?, from_ms).await
    }

    // --- frames ---

    /// Plans one picture: the one at `at_us` (camera's clock, microseconds since the Unix epoch), or the newest.
    pub async fn frame_at(
        &self,
        name: &str,
        at_us: Option<u64>,
        mode: FrameMode,
    ) -> Result<FramePlan, ReadError> {
        frames::frame_at(&*self.recording(name)?, at_us, mode).await
    }

    /// Plans the pictures of a range (camera's clock, microseconds since the Unix epoch), in the order of time, at most
    /// up to now.
    pub async fn frames(
        &self,
        name: &str,
        from_us: u64,
        to_us: u64,
        sampling: Sampling,
    ) -> Result<BoxStream<'static, Result<FrameBatch, ReadError>>, ReadError> {
        frames::sample(self.recording(name)?, from_us, to_us, sampling).await
    }

    // --- inside ---

    fn recordings(&self) -> std::sync::MutexGuard<'_, HashMap<u128, Arc<Recording>>> {
        self.inner.recordings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recording(&self, name: &str) -> Result<Arc<Recording>, ReadError> {
        self.settings(name)?;
        Ok(self.recording_of(self.inner.streams.shard(name, 0)?))
    }

    /// The recording on a shard.
    pub(crate) fn recording_of(&self, shard: Shard) -> Arc<Recording> {
        let new = |shard| Arc::new(Recording::new(shard, self.inner.env.clone(), self.inner.config));
        self.recordings().entry(shard.stream().id).or_insert_with(|| new(shard)).clone()
    }
}

fn not_managed(error: ReadError) -> ManageError {
    match error {
        ReadError::NotFound(error) => ManageError::NotFound(error),
        ReadError::NotVideo { name } => ManageError::NotVideo { name },
        error => ManageError::Read(error),
    }
}
