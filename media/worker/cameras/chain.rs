//! Elements in a row that work in the thread that pushes into them.
//!
//! `appsrc` and `appsink` each cost a thread, a queue and a wake-up for every buffer, which for packets of a kilobyte is
//! most of the work. Depayloaders and parsers need none of it: they handle what they are given before the push returns.
//! So the row stands between two pads of our own, and what comes out of it is in a list when the push is over.

use super::failure::GaveUp;
use gstreamer as gst;
use gstreamer::prelude::*;
use media::worker_protocol::camera::CameraFailure;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What comes out of a row.
#[derive(Debug)]
pub(crate) enum Out {
    /// The description of the buffers that follow.
    Caps(gst::Caps),
    /// Media.
    Buffer(gst::Buffer),
}

/// A running row; stopped when dropped.
pub(crate) struct Chain {
    elements: Vec<gst::Element>,
    entry: gst::Pad,
    exit: gst::Pad,
    bus: gst::Bus,
    out: Outbox,
}

/// Where the last pad leaves what it gets. Our code in pad functions must not panic (the process would end): it only
/// adds to a list.
#[derive(Clone, Default)]
struct Outbox(Arc<(Mutex<Got>, Condvar)>);

#[derive(Default)]
struct Got {
    out: Vec<Out>,
    ended: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Got> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) {
        self.lock().ended = true;
        self.0.1.notify_all();
    }
}

impl Chain {
    /// Starts a row that is pushed buffers of `given`, and that is asked for `wanted` at its end.
    pub(crate) fn start(
        given: &gst::Caps,
        elements: Vec<gst::Element>,
        wanted: &gst::Caps,
    ) -> Result<Self, GaveUp> {
        let out = Outbox::default();
        let entry = gst::Pad::builder(gst::PadDirection::Src).name("entry").build();
        let exit = exit_pad(wanted, &out)?;
        let chain = Self { elements, entry, exit, bus: gst::Bus::new(), out };
        match chain.activate(given) {
            Ok(()) => Ok(chain),
            Err(error) => Err(chain.gave_up(&error.to_string())),
        }
    }

    fn activate(&self, given: &gst::Caps) -> Result<(), gst::glib::BoolError> {
        let mut before = self.entry.clone();
        for element in &self.elements {
            element.set_bus(Some(&self.bus));
            let sink = pad(element, "sink")?;
            before.link(&sink).map_err(|error| gst::glib::bool_error!("pads do not fit: {error}"))?;
            before = pad(element, "src")?;
        }
        before.link(&self.exit).map_err(|error| gst::glib::bool_error!("pads do not fit: {error}"))?;
        self.exit.set_active(true)?;
        for element in self.elements.iter().rev() {
            element
                .set_state(gst::State::Playing)
                .map_err(|_| gst::glib::bool_error!("{} does not start", element.name()))?;
        }
        self.entry.set_active(true)?;
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let started = self.entry.push_event(gst::event::StreamStart::new("camera"))
            && self.entry.push_event(gst::event::Caps::new(given))
            && self.entry.push_event(gst::event::Segment::new(&segment));
        if started { Ok(()) } else { Err(gst::glib::bool_error!("{given} is refused")) }
    }

    /// Works buffers off. What came of them is to be had from [`Self::take`].
    pub(crate) fn push(&self, buffers: gst::BufferList) -> Result<(), GaveUp> {
        match self.entry.push_list(buffers) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.gave_up(&error.to_string())),
        }
    }

    /// Works one buffer off.
    pub(crate) fn push_one(&self, buffer: gst::Buffer) -> Result<(), GaveUp> {
        match self.entry.push(buffer) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.gave_up(&error.to_string())),
        }
    }

    /// Says that nothing more comes, so that elements give up what they hold back. Nothing may be pushed afterwards.
    pub(crate) fn end(&self) {
        self.entry.push_event(gst::event::Eos::new());
    }

    /// What has come out since the last time.
    pub(crate) fn take(&self) -> Vec<Out> {
        std::mem::take(&mut self.out.lock().out)
    }

    /// Waits until the end has come through, at most so long; for elements that have a thread of their own.
    pub(crate) fn wait_for_end(&self, at_most: Duration) {
        let (_, ended) = &*self.out.0;
        // The time is up, the end is there, or the lock is poisoned: it is over in any case.
        drop(ended.wait_timeout_while(self.out.lock(), at_most, |got| !got.ended));
    }

    /// The first warning or error that an element has reported since the last time. Takes every message off the bus,
    /// which would keep them all otherwise.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut first = None;
        while let Some(message) = self.bus.pop() {
            let text = match message.view() {
                gst::MessageView::Error(error) => Some(error.error().to_string()),
                gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
                _ => None,
            };
            first = first.or(text);
        }
        first
    }

    fn gave_up(&self, error: &str) -> GaveUp {
        let detail = self.complaint().unwrap_or_else(|| error.to_owned());
        GaveUp::new(CameraFailure::Broken, detail)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // No thread is inside: this neither waits nor fails for elements that work only when pushed into.
        let _ = self.entry.set_active(false);
        for element in &self.elements {
            let _ = element.set_state(gst::State::Null);
            element.set_bus(None);
        }
        let _ = self.exit.set_active(false);
    }
}

fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad, gst::glib::BoolError> {
    element.static_pad(name).ok_or_else(|| gst::glib::bool_error!("{} has no pad {name}", element.name()))
}

/// The pad at the end. Its template is what answers when elements ask which form they should give.
fn exit_pad(wanted: &gst::Caps, out: &Outbox) -> Result<gst::Pad, GaveUp> {
    let template = gst::PadTemplate::new("exit", gst::PadDirection::Sink, gst::PadPresence::Always, wanted)
        .map_err(|error| GaveUp::new(CameraFailure::Broken, error.to_string()))?;
    let (buffers, lists, events) = (out.clone(), out.clone(), out.clone());
    let pad = gst::Pad::builder_from_template(&template)
        .chain_function(move |_, _, buffer| {
            buffers.lock().out.push(Out::Buffer(buffer));
            Ok(gst::FlowSuccess::Ok)
        })
        .chain_list_function(move |_, _, list| {
            lists.lock().out.extend(list.iter_owned().map(Out::Buffer));
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            match event.view() {
                gst::EventView::Caps(caps) => events.lock().out.push(Out::Caps(caps.caps_owned())),
                gst::EventView::Eos(_) => events.ended(),
                _ => {}
            }
            true
        })
        .build();
    Ok(pad)
}
