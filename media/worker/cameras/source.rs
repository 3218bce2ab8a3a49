//! Cameras that the worker itself connects to: GStreamer's `rtspsrc`, for TLS and for what nothing else here speaks.
//!
//! What `rtspsrc` gives are the camera's RTP packets, in order; from there on everything is as for packets that the server
//! sends. Its signals and pads run in threads of its own, which leave things for us to fetch, and nothing else.

use super::failure::GaveUp;
use super::form;
use super::track::bytes_of;
use crate::elements;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use media::rtp::RtpTrack;
use media::worker_protocol::camera::{CameraFailure, TRACKS_MAX, WorkerSource};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// After so long without an answer the connection is given up, in microseconds.
const TCP_TIMEOUT_US: u64 = 10_000_000;
/// How long packets that overtook others are waited for, in milliseconds; over TCP there are none.
const LATENCY_MS: u32 = 200;

/// A connection to a camera; closed when dropped.
pub(crate) struct Source {
    pipeline: gst::Pipeline,
    shared: Shared,
}

/// A packet that the camera sent.
pub(crate) struct Fetched {
    /// Which of the tracks it belongs to.
    pub(crate) track: u8,
    /// The packet.
    pub(crate) packet: Bytes,
    /// When it was captured by the camera's clock, in nanoseconds since 1900, if its sender reports tell.
    pub(crate) captured_ns: Option<u64>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What is sent, in the order in which it turned up, and where it goes.
    streams: Vec<(gst::Caps, gst::Pad)>,
    /// Whether all has turned up.
    complete: bool,
    packets: Vec<(u8, gst::Buffer)>,
    /// What is wrong with the camera's certificate, if it was refused.
    untrusted: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pad that leaves packets in the state.
    fn add(&self, pad: &gst::Pad) {
        let mut state = self.lock();
        let Some(track) = u8::try_from(state.streams.len()).ok().filter(|_| state.streams.len() < TRACKS_MAX)
        else {
            return;
        };
        let (one, many) = (self.clone(), self.clone());
        let exit = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                one.lock().packets.push((track, buffer));
                Ok(gst::FlowSuccess::Ok)
            })
            .chain_list_function(move |_, _, list| {
                many.lock().packets.extend(list.iter_owned().map(|buffer| (track, buffer)));
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(|_, _, _| true)
            .build();
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        state.streams.push((caps, exit.clone()));
        drop(state);
        // A pad that cannot be linked gives nothing, which shows soon enough.
        let _ = exit.set_active(true);
        let _ = pad.link(&exit);
    }
}

impl Source {
    /// Begins to connect.
    pub(crate) fn open(from: &WorkerSource) -> Result<Self, GaveUp> {
        let element = elements::make(elements::RTSP)?;
        element.set_property("location", &from.url);
        element.set_property("user-id", &from.user);
        element.set_property("user-pw", &from.password);
        element.set_property_from_str("protocols", "tcp");
        element.set_property_from_str("buffer-mode", "none");
        element.set_property("latency", LATENCY_MS);
        element.set_property("tcp-timeout", TCP_TIMEOUT_US);
        if element.has_property("add-reference-timestamp-meta") {
            element.set_property("add-reference-timestamp-meta", true);
        }
        let shared = Shared::default();
        if from.verify_certificate {
            let refusing = shared.clone();
            // Asked only of certificates that did not pass; the error that follows does not speak of them.
            element.connect("accept-certificate", false, move |values| {
                refusing.lock().untrusted = Some(complaint(values.get(3)));
                Some(false.to_value())
            });
        } else {
            element.set_property_from_str("tls-validation-flags", "0");
        }
        element.connect("select-stream", false, |values| {
            let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
            Some(caps.is_some_and(|caps| form::track(&caps).is_some()).to_value())
        });
        let (added, complete) = (shared.clone(), shared.clone());
        element.connect_pad_added(move |_, pad| added.add(pad));
        element.connect_no_more_pads(move |_| complete.lock().complete = true);
        let source = Self { pipeline: gst::Pipeline::new(), shared };
        let started =
            source.pipeline.add(&element).is_ok() && source.pipeline.set_state(gst::State::Playing).is_ok();
        if started {
            Ok(source)
        } else {
            Err(source.gave_up(CameraFailure::Unreachable, "it does not start"))
        }
    }

    /// What the camera sends; `None` until it has said so.
    pub(crate) fn tracks(&self) -> Result<Option<Vec<RtpTrack>>, GaveUp> {
        let state = self.shared.lock();
        if !state.complete {
            return Ok(None);
        }
        let tracks: Option<Vec<RtpTrack>> = state.streams.iter().map(|(caps, _)| form::track(caps)).collect();
        match tracks.filter(|tracks| !tracks.is_empty()) {
            Some(tracks) => Ok(Some(tracks)),
            None => {
                let detail = "the camera sends nothing that can be recorded";
                Err(GaveUp::new(CameraFailure::Unsupported, detail))
            }
        }
    }

    /// Packets since the last time.
    pub(crate) fn take(&self) -> Vec<Fetched> {
        let packets = std::mem::take(&mut self.shared.lock().packets);
        let fetched = packets.into_iter().map(|(track, buffer)| {
            let captured_ns = buffer.meta::<gst::ReferenceTimestampMeta>().and_then(|meta| {
                let name = meta.reference().structure(0).map(|caps| caps.name() == "timestamp/x-ntp");
                name.unwrap_or(false).then(|| meta.timestamp().nseconds())
            });
            bytes_of(buffer).map(|packet| Fetched { track, packet, captured_ns })
        });
        fetched.flatten().collect()
    }

    /// Whether the camera has ended its session; fails when it was lost, or never came about.
    pub(crate) fn has_ended(&self) -> Result<bool, GaveUp> {
        let Some(bus) = self.pipeline.bus() else { return Ok(false) };
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let untrusted = self.shared.lock().untrusted.take();
                    return Err(match untrusted {
                        Some(complaint) => GaveUp::new(CameraFailure::Untrusted, complaint),
                        None => failed(&error.error()),
                    });
                }
                gst::MessageView::Eos(_) => return Ok(true),
                _ => {}
            }
        }
        Ok(false)
    }

    fn gave_up(&self, code: CameraFailure, detail: &str) -> GaveUp {
        self.has_ended().err().unwrap_or_else(|| GaveUp::new(code, detail))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        // The pads hold the state, and the state the pads.
        self.shared.lock().streams.clear();
    }
}

/// What is wrong with a certificate, in words, by `GTlsCertificateFlags`.
fn complaint(flags: Option<&gst::glib::Value>) -> String {
    let flags = flags.and_then(gst::glib::FlagsValue::from_value);
    let words = flags.iter().flat_map(|(_, flags)| flags).map(|flag| match flag.nick() {
        "unknown-ca" => "nobody whom this machine trusts has signed it",
        "bad-identity" => "it is made out to another name",
        "not-activated" => "it is not valid yet",
        "expired" => "it has expired",
        "revoked" => "it has been revoked",
        "insecure" => "it is signed in a way that is not safe",
        _ => "it cannot be used",
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What an error of `rtspsrc` means. Its texts do not contain the password; the addresses in them are without it too.
fn failed(error: &gst::glib::Error) -> GaveUp {
    let code = if error.matches(gst::ResourceError::NotAuthorized) {
        CameraFailure::Unauthorized
    } else if error.matches(gst::CoreError::MissingPlugin) {
        CameraFailure::MissingElement
    } else {
        CameraFailure::Unreachable
    };
    GaveUp::new(code, error.to_string())
}
