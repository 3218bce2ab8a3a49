//! What a camera may ask for, and the answers.

use super::connection::{Connection, Over};
use super::refusal::Refusal;

use super::session::Way;
use super::sign_in::Unsigned;
use super::target::Target;
use super::transport::{Offer, offers};
use super::udp::Ports;
use crate::audit::Entry;
use crate::auth::{Action, Target as Subject, check_stream_name};
use media::rtp::sdp::{self, SdpRefusal};
use rtsp_types::headers::{CONTENT_TYPE, CSEQ, SESSION, TRANSPORT};
use rtsp_types::{Method, Request, Version};
use std::fmt::Write;
use tokio::io::{AsyncRead, AsyncWrite};

const METHODS: &str = "OPTIONS, ANNOUNCE, SETUP, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
/// Seconds after which a session without keep-alive might end. Ours end when no media comes.
const TIMEOUT_S: u32 = 60;
/// Wrong sign-ins after which a client has to connect anew.
const FAILURES_MAX: u32 = 5;
/// Longer ones are not repeated in answers.
const CSEQ_BYTES_MAX: usize = 32;

/// What is answered to a request.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    phrase: String,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    fn ok() -> Self {
        Self { status: 200, phrase: "OK".to_owned(), headers: Vec::new() }
    }

    pub(super) fn new(refusal: &Refusal) -> Self {
        Self { status: refusal.status, phrase: refusal.phrase(), headers: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As it is sent. Written here and not by `rtsp-types`, which joins headers of the same name into one: clients that
    /// know one challenge would not find it.
    pub(super) fn text(&self, cseq: Option<&str>) -> String {
        let mut text = format!("RTSP/1.0 {} {}\r\n", self.status, self.phrase);
        let common = [("CSeq", cseq.unwrap_or_default()), ("Server", "kinetoscope")];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in common.into_iter().chain(own).filter(|(_, value)| !value.is_empty()) {
            // Writing to a string does not fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text
    }
}

/// Why a request is not granted.
enum Denied {
    Unsigned(Unsigned),
    Refused(Refusal),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection<T> {
    /// Does what is asked and answers.
    pub(super) async fn request(&mut self, request: &Request<Vec<u8>>) -> Result<(), Over> {
        let cseq = request.header(&CSEQ).map(|cseq| cseq.as_str().to_owned());
        let cseq = cseq
            .filter(|cseq| cseq.len() <= CSEQ_BYTES_MAX && cseq.bytes().all(|byte| byte.is_ascii_graphic()));
        let target = request.request_uri().map(Target::of_url).unwrap_or_default();
        let recording = self.media.is_some();
        let granted = self.grant(request, &target).await;
        let torn_down = granted.is_ok() && *request.method() == Method::Teardown;
        let answer = match granted {
            Ok(answer) => answer,
            Err(denied) => self.deny(&target, denied),
        };
        tracing::debug!(
            peer = %self.peer, method = <&str>::from(request.method()), stream = target.stream,
            status = answer.status, "rtsp request"
        );
        self.write(&answer, cseq.as_deref()).await?;
        if torn_down {
            return Err(Over::TornDown);
        }
        if self.failures >= FAILURES_MAX {
            return Err(Over::Refused);
        }
        if !recording && self.media.is_none() {
            self.idle.touch();
        }
        Ok(())
    }

    fn deny(&mut self, target: &Target, denied: Denied) -> Answer {
        let (refusal, stale) = match denied {
            Denied::Refused(refusal) => (refusal, None),
            Denied::Unsigned(Unsigned::Wrong(refusal)) => {
                self.app.audit.note(&Entry::nobody(Some(self.peer.ip()), "SIGN_IN_FAILED"));
                (refusal, Some(false))
            }
            Denied::Unsigned(unsigned) => {
                // The usual first step; a refusal only if the client leaves it at that.
                self.challenged = true;
                let stale = matches!(unsigned, Unsigned::Stale);
                return self.challenge(Answer::new(&Refusal::new(401, "Unauthorized")), stale);
            }
        };
        let stream = target.stream.as_deref().or(self.session.stream());
        self.app.rtsp.refuse(self.app.env.clock.now_ms(), self.peer, stream, &refusal);
        let mut answer = Answer::new(&refusal);
        if refusal.status == 405 {
            answer = answer.with("Allow", METHODS);
        }
        match stale {
            Some(stale) => {
                self.challenged = false;
                self.failures += 1;
                self.challenge(answer, stale)
            }
            None => answer,
        }
    }

    fn challenge(&self, answer: Answer, stale: bool) -> Answer {
        self.sign_in
            .challenges(stale)
            .into_iter()
            .fold(answer, |answer, challenge| answer.with("WWW-Authenticate", challenge))
    }

    async fn grant(&mut self, request: &Request<Vec<u8>>, target: &Target) -> Result<Answer, Denied> {
        if request.version() != Version::V1_0 {
            return Err(Refusal::new(505, "RTSP Version Not Supported").into());
        }
        let options = *request.method() == Method::Options;
        let mut may_create = false;
        match self.sign_in.check(&self.app, request, target) {
            Ok(access) => {
                self.challenged = false;
                if !options {
                    let stream = self.stream_of(target)?;
                    let permitted =
                        access.permit(&self.app.clone(), Action::PutMedia, Subject::Stream(&stream)).await;
                    permitted.map_err(Refusal::from)?;
                    self.admit(request, &stream)?;
                    may_create = access.may_create(&self.app, &stream);
                }
            }
            Err(Unsigned::Nothing) if options => {}
            Err(unsigned) => return Err(Denied::Unsigned(unsigned)),
        }
        let refused = |status, reason: &str| Err(Refusal::new(status, reason).into());
        match request.method() {
            Method::Options => Ok(Answer::ok().with("Public", METHODS)),
            Method::Announce => self.announce(request, target, may_create),
            Method::Setup => self.set_up(request, target).await,
            Method::Record => {
                let plan = self.session.record()?;
                self.begin(plan).await?;
                Ok(Answer::ok().with("Session", self.session_header()))
            }
            Method::Teardown | Method::GetParameter | Method::SetParameter => {
                Ok(Answer::ok().with("Session", self.session_header()))
            }
            Method::Pause => refused(455, "A recording cannot be paused: TEARDOWN, and come again"),
            Method::Describe | Method::Play => refused(
                405,
                "Playing over RTSP is not offered: take /v1/video/STREAM/hls/live.m3u8 over HTTP",
            ),
            _ => refused(501, "Not Implemented"),
        }
    }

    /// The stream that a request is about.
    fn stream_of(&self, target: &Target) -> Result<String, Refusal> {
        let stream = target.stream.as_deref().or(self.session.stream());
        stream
            .map(str::to_owned)
            .ok_or_else(|| Refusal::new(404, "The URL names no stream: rtsp://HOST/STREAM"))
    }

    /// Whether who may push to the stream may do so on this connection.
    fn admit(&self, request: &Request<Vec<u8>>, stream: &str) -> Result<(), Refusal> {
        check_stream_name(stream)?;
        let announces = *request.method() == Method::Announce;
        if !announces && self.session.stream().is_some_and(|announced| announced != stream) {
            return Err(Refusal::new(400, "Another stream was announced on this connection"));
        }
        let session = request.header(&SESSION).map(rtsp_types::HeaderValue::as_str);
        let session = session.map(|session| session.split(';').next().unwrap_or_default().trim());
        if session.is_some_and(|session| session != self.id) {
            return Err(Refusal::new(454, "Session Not Found"));
        }
        Ok(())
    }

    fn announce(
        &mut self,
        request: &Request<Vec<u8>>,
        target: &Target,
        may_create: bool,
    ) -> Result<Answer, Denied> {
        let kind = request.header(&CONTENT_TYPE).map_or("application/sdp", |kind| kind.as_str());
        if !kind.trim().to_ascii_lowercase().starts_with("application/sdp") {
            return Err(Refusal::new(415, "A session is described in application/sdp").into());
        }
        let Some(stream) = &target.stream else { return Err(Refusal::new(404, "No stream").into()) };
        if !target.control.is_empty() {
            return Err(Refusal::new(404, "A stream is one segment of the path: rtsp://HOST/STREAM").into());
        }
        let tracks = sdp::tracks(request.body()).and_then(sdp::SdpTracks::all);
        let tracks = tracks.map_err(|refusal| {
            let status = match refusal {
                SdpRefusal::Unsupported(_) | SdpRefusal::NoMedia => 415,
                SdpRefusal::TooLong(_) | SdpRefusal::Malformed(_) | SdpRefusal::TooMany(_) => 400,
            };
            Refusal::new(status, refusal.to_string())
        })?;
        self.session.announce(stream, may_create && target.auto_create != Some(false), tracks)?;
        self.ports.clear();
        Ok(Answer::ok())
    }

    async fn set_up(&mut self, request: &Request<Vec<u8>>, target: &Target) -> Result<Answer, Denied> {
        let offers: Vec<Offer> =
            request.header(&TRANSPORT).map_or_else(Vec::new, |header| offers(header.as_str()));
        // Datagrams are not encrypted, and a client that took care to encrypt its connection would not expect that.
        let (index, way) = self.session.setup(target, &offers, !self.secured)?;
        self.ports.retain(|(announced, _)| *announced != index);
        let transport = match way {
            Way::Interleaved(media, reports) => {
                format!("RTP/AVP/TCP;unicast;interleaved={media}-{reports};mode=record")
            }
            Way::Udp(client) => {
                let opened = Ports::open(self.local).await;
                let ports = opened.map_err(|error| Refusal::new(503, format!("No UDP ports: {error}")))?;
                let first = ports.first;
                self.ports.push((index, ports));
                let client = client.map(|(a, b)| format!(";client_port={a}-{b}")).unwrap_or_default();
                format!("RTP/AVP;unicast{client};server_port={first}-{};mode=record", u32::from(first) + 1)
            }
        };
        self.session.fix(index, way);
        Ok(Answer::ok().with("Session", self.session_header()).with("Transport", transport))
    }

    fn session_header(&self) -> String {
        format!("{};timeout={TIMEOUT_S}", self.id)
    }
}
