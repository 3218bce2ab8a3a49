//! What a camera has announced and set up so far, and what may come next. Pure: sockets and streams are the connection's.
//!
//! ```text
//! ANNOUNCE (what comes) ─► SETUP of each track (how it comes) ─► RECORD ─► packets … TEARDOWN
//! ```

use super::refusal::Refusal;
use super::target::Target;
use super::transport::Offer;
use crate::cameras::CHUNK_MS;
use media::rtp::RtpTrack;
use media::worker_protocol::camera::{Carriage, Open, PacketKind, TRACKS_MAX};

/// How a track's packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the connection, on these channels: media, and reports.
    Interleaved(u8, u8),
    /// In datagrams, from these ports of the client's if it said so.
    Udp(Option<(u16, u16)>),
}

impl Way {
    fn carriage(self) -> Carriage {
        match self {
            Self::Interleaved(..) => Carriage::Tcp,
            Self::Udp(_) => Carriage::Udp,
        }
    }
}

/// A camera's session; a connection has one.
#[derive(Debug, Default)]
pub(super) struct Session {
    announced: Option<Announced>,
    recording: bool,
}

#[derive(Debug)]
struct Announced {
    stream: String,
    auto_create: bool,
    tracks: Vec<(RtpTrack, Option<Way>)>,
}

/// What RECORD is to begin.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stream: String,
    pub(super) auto_create: bool,
    pub(super) open: Open,
    /// Which channel carries what of which of `open.tracks`.
    pub(super) channels: Channels,
    /// For each of `open.tracks`, which of the announced tracks it is.
    pub(super) announced: Vec<usize>,
}

impl Session {
    /// The stream, once it is announced.
    pub(super) fn stream(&self) -> Option<&str> {
        self.announced.as_ref().map(|announced| announced.stream.as_str())
    }

    /// Takes note of what comes. A camera may think again before RECORD.
    pub(super) fn announce(
        &mut self,
        stream: &str,
        auto_create: bool,
        tracks: Vec<RtpTrack>,
    ) -> Result<(), Refusal> {
        if self.recording {
            return Err(Refusal::out_of_order("Already recording on this connection"));
        }
        if tracks.is_empty() {
            return Err(Refusal::new(415, "The session description has no media that can be stored"));
        }
        if tracks.len() > TRACKS_MAX {
            return Err(Refusal::new(415, format!("More than {TRACKS_MAX} tracks")));
        }
        let tracks = tracks.into_iter().map(|track| (track, None)).collect();
        self.announced = Some(Announced { stream: stream.to_owned(), auto_create, tracks });
        Ok(())
    }

    /// Chooses how the track that `target` names comes, out of what the client offers: which of the announced tracks, and
    /// the way. Nothing is fixed before [`Session::fix`]. `udp`: whether datagrams are taken at all.
    pub(super) fn setup(
        &self,
        target: &Target,
        offers: &[Offer],
        udp: bool,
    ) -> Result<(usize, Way), Refusal> {
        let announced = match &self.announced {
            Some(announced) if !self.recording => announced,
            Some(_) => return Err(Refusal::out_of_order("Tracks are set up before RECORD")),
            None => {
                return Err(Refusal::out_of_order(
                    "ANNOUNCE comes first; to play a stream take its HLS playlist",
                ));
            }
        };
        let index = announced.find(&target.control).ok_or_else(|| Refusal::new(404, "No such track"))?;
        // The worker orders datagrams, or need not: one way for all tracks of a camera.
        let others = announced.tracks.iter().enumerate().filter(|(other, _)| *other != index);
        let carriage = others.filter_map(|(_, (_, way))| *way).map(Way::carriage).next();
        let way = offers.iter().find_map(|offer| match *offer {
            Offer::Interleaved(wish) if carriage != Some(Carriage::Udp) => {
                announced.free_channels(index, wish).map(|(first, second)| Way::Interleaved(first, second))
            }
            Offer::Udp(ports) if udp && carriage != Some(Carriage::Tcp) => Some(Way::Udp(ports)),
            _ => None,
        });
        let way = way.ok_or_else(|| Refusal::new(461, "Unsupported Transport"))?;
        Ok((index, way))
    }

    /// What [`Session::setup`] chose holds.
    pub(super) fn fix(&mut self, index: usize, way: Way) {
        if let Some((_, chosen)) =
            self.announced.as_mut().and_then(|announced| announced.tracks.get_mut(index))
        {
            *chosen = Some(way);
        }
    }

    /// What is to be recorded: the tracks that were set up. Then [`Session::recording`] once that has begun.
    pub(super) fn record(&self) -> Result<Plan, Refusal> {
        let announced = match &self.announced {
            Some(announced) if !self.recording => announced,
            Some(_) => return Err(Refusal::out_of_order("Already recording")),
            None => return Err(Refusal::out_of_order("ANNOUNCE and SETUP come first")),
        };
        let mut channels = Channels::default();
        let (mut tracks, mut indices, mut carriage) = (Vec::new(), Vec::new(), Carriage::Tcp);
        for (index, (track, way)) in announced.tracks.iter().enumerate() {
            let Some(way) = way else { continue };
            // At most TRACKS_MAX.
            let number = tracks.len() as u8;
            if let Way::Interleaved(media, reports) = *way {
                channels.set(media, number, PacketKind::Rtp);
                channels.set(reports, number, PacketKind::Rtcp);
            }
            carriage = way.carriage();
            tracks.push(track.clone());
            indices.push(index);
        }
        if tracks.is_empty() {
            return Err(Refusal::out_of_order("SETUP comes first"));
        }
        Ok(Plan {
            stream: announced.stream.clone(),
            auto_create: announced.auto_create,
            open: Open { tracks, carriage, chunk_ms: CHUNK_MS, source: None },
            channels,
            announced: indices,
        })
    }

    /// The recording has begun.
    pub(super) fn recording(&mut self) {
        self.recording = true;
    }
}

impl Announced {
    /// The track that a URL's end names; the only one needs no name.
    fn find(&self, control: &str) -> Option<usize> {
        let named = self.tracks.iter().position(|(track, _)| {
            // An absolute one is compared by what comes behind the stream's name.
            let own = match track.control.contains("://") {
                true => &Target::of_text(&track.control).control,
                false => &track.control,
            };
            !own.is_empty() && own.trim_matches('/') == control
        });
        named.or_else(|| (self.tracks.len() == 1).then_some(0))
    }

    /// The channels that a client wishes, or the first that are free.
    fn free_channels(&self, index: usize, wish: Option<(u8, u8)>) -> Option<(u8, u8)> {
        let others = self.tracks.iter().enumerate().filter(|(other, _)| *other != index);
        let taken: Vec<u8> = others
            .filter_map(|(_, (_, way))| match way {
                Some(Way::Interleaved(first, second)) => Some([*first, *second]),
                _ => None,
            })
            .flatten()
            .collect();
        let free = |pair: &(u8, u8)| !taken.contains(&pair.0) && !taken.contains(&pair.1);
        wish.filter(free).or_else(|| (0..128).map(|pair| (2 * pair, 2 * pair + 1)).find(free))
    }
}

/// Which track and kind of packet a channel carries.
#[derive(Debug)]
pub(super) struct Channels([Option<(u8, PacketKind)>; 256]);

impl Default for Channels {
    fn default() -> Self {
        Self([None; 256])
    }
}

impl Channels {
    fn set(&mut self, channel: u8, track: u8, kind: PacketKind) {
        self.0[usize::from(channel)] = Some((track, kind));
    }

    pub(super) fn get(&self, channel: u8) -> Option<(u8, PacketKind)> {
        self.0[usize::from(channel)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::rtp::Encoding;
    use std::collections::BTreeMap;

    fn track(control: &str) -> RtpTrack {
        RtpTrack {
            encoding: Encoding::H264,
            payload_type: 96,
            clock_rate: 90_000,
            channels: 0,
            fmtp: BTreeMap::new(),
            ntp_extension: None,
            control: control.to_owned(),
        }
    }

    fn announced(controls: &[&str]) -> Session {
        let mut session = Session::default();
        session.announce("cam", true, controls.iter().map(|control| track(control)).collect()).unwrap();
        session
    }

    fn url(control: &str) -> Target {
        Target::of_text(&format!("rtsp://h/cam/{control}"))
    }

    const TCP: &[Offer] = &[Offer::Interleaved(None)];
    const UDP: &[Offer] = &[Offer::Udp(None)];

    #[test]
    fn announce_set_up_record() {
        let mut session = announced(&["streamid=0", "rtsp://h/cam/streamid=1", "streamid=2"]);
        for (control, expected) in
            [("streamid=2", (2, Way::Interleaved(0, 1))), ("streamid=1", (1, Way::Interleaved(6, 7)))]
        {
            let offers = [Offer::Interleaved((control == "streamid=1").then_some((6, 7)))];
            let (index, way) = session.setup(&url(control), &offers, true).unwrap();
            assert_eq!((index, way), expected);
            session.fix(index, way);
        }
        let plan = session.record().unwrap();
        assert_eq!((plan.stream.as_str(), plan.open.carriage), ("cam", Carriage::Tcp));
        assert_eq!(
            plan.announced,
            [1, 2],
            "in the order of the description; what was not set up is left out"
        );
        assert_eq!(plan.channels.get(0), Some((1, PacketKind::Rtp)));
        assert_eq!(plan.channels.get(7), Some((0, PacketKind::Rtcp)));
        assert_eq!(plan.channels.get(2), None);
    }

    #[test]
    fn steps_in_the_wrong_order_are_refused() {
        let status = |refused: Result<(), Refusal>| refused.unwrap_err().status;
        let mut session = Session::default();
        assert_eq!(status(session.setup(&url(""), TCP, true).map(drop)), 455);
        assert_eq!(status(session.record().map(drop)), 455);
        assert_eq!(status(session.announce("cam", true, Vec::new())), 415);
        assert_eq!(status(session.announce("cam", true, vec![track(""); 9])), 415);
        session.announce("cam", true, vec![track("a"), track("b")]).unwrap();
        assert_eq!(status(session.record().map(drop)), 455);
        assert_eq!(status(session.setup(&url("c"), TCP, true).map(drop)), 404);
        session.fix(0, Way::Interleaved(0, 1));
        session.record().unwrap();
        session.recording();
        assert_eq!(status(session.record().map(drop)), 455);
        assert_eq!(status(session.setup(&url("b"), TCP, true).map(drop)), 455);
        assert_eq!(status(session.announce("cam", true, vec![track("a")])), 455);
    }

    #[test]
    fn the_way_is_one_that_both_know_and_the_same_for_all_tracks() {
        let mut session = announced(&["a", "b"]);
        let refused = |session: &Session, offers: &[Offer], udp| {
            session.setup(&url("b"), offers, udp).map_err(|refusal| refusal.status)
        };
        assert_eq!(refused(&session, &[], true), Err(461));
        assert_eq!(refused(&session, UDP, false), Err(461));
        assert_eq!(refused(&session, UDP, true), Ok((1, Way::Udp(None))));
        session.fix(0, Way::Interleaved(4, 5));
        assert_eq!(refused(&session, UDP, true), Err(461));
        let taken = [Offer::Udp(None), Offer::Interleaved(Some((5, 6)))];
        assert_eq!(
            refused(&session, &taken, true),
            Ok((1, Way::Interleaved(0, 1))),
            "taken channels are not given twice"
        );
        session.fix(0, Way::Udp(None));
        assert_eq!(refused(&session, TCP, true), Err(461));
        assert_eq!(refused(&session, &[TCP, UDP].concat(), true), Ok((1, Way::Udp(None))));
    }

    #[test]
    fn the_only_track_needs_no_name() {
        assert!(announced(&[""]).setup(&url(""), TCP, true).is_ok());
        assert!(announced(&["track1"]).setup(&url("other"), TCP, true).is_ok());
        assert!(announced(&["", ""]).setup(&url(""), TCP, true).is_err());
    }
}
