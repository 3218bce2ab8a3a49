//! Requests in, answers out.

use crate::deadline::{Deadline, cpu_ms};
use crate::decoder::{Decoder, Raw};
use crate::elements;
use crate::encoder::{Encoder, Image, NoImage};
use crate::failure::{Failure, Stopped};
use crate::footage::Footage;
use crate::plan::{Plan, Run, Target};
use bytes::Bytes;
use media::worker_protocol::{
    ErrorCode, Frame, Missing, MissingReason, PREFIX_BYTES, ProtocolError, REQUEST_BYTES_MAX, Request,
    Response, message_len,
};
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// Answers requests until stdin ends.
pub(crate) fn run(answers: File) -> io::Result<()> {
    let (sender, requests) = sync_channel(1);
    std::thread::Builder::new().name("requests".into()).spawn(move || read_requests(&sender))?;
    let mut worker = Worker { answers, decoder: None, encoder: None };
    worker.write(&Response::Hello(elements::description()))?;
    for request in requests {
        match request {
            Ok(request) => worker.answer(&request)?,
            Err(error) => {
                let detail = error.to_string();
                worker.write(&Response::Error { id: 0, code: ErrorCode::BadRequest, detail })?;
            }
        }
    }
    Ok(())
}

/// Reads ahead by one request, so as to see at once when the server goes away, even while a codec is busy or stuck: then
/// the process ends, whatever else it is doing.
fn read_requests(sender: &SyncSender<Result<Request, ProtocolError>>) {
    let mut input = io::stdin().lock();
    loop {
        let message = match read_message(&mut input) {
            Ok(Ok(message)) => message,
            // Where the next message would start is not known.
            Ok(Err(error)) => {
                let _ = sender.send(Err(error));
                return;
            }
            Err(_) => std::process::exit(0),
        };
        if sender.send(Request::decode(message)).is_err() {
            return;
        }
    }
}

fn read_message(input: &mut impl Read) -> io::Result<Result<Bytes, ProtocolError>> {
    let mut prefix = [0; PREFIX_BYTES];
    input.read_exact(&mut prefix)?;
    let len = match message_len(prefix, REQUEST_BYTES_MAX) {
        Ok(len) => len,
        Err(error) => return Ok(Err(error)),
    };
    let mut message = vec![0; len];
    input.read_exact(&mut message)?;
    Ok(Ok(message.into()))
}

/// The one that answers, with what it keeps from request to request.
struct Worker {
    answers: File,
    decoder: Option<Decoder>,
    encoder: Option<Encoder>,
}

impl Worker {
    fn write(&mut self, response: &Response) -> io::Result<()> {
        for part in response.encode() {
            self.answers.write_all(&part)?;
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request) -> io::Result<()> {
        let id = request.id;
        let (code, detail) = match self.frames(request) {
            Ok((items, decoder)) => {
                return self.write(&Response::Done { id, items, cpu_ms: cpu_ms(), decoder });
            }
            Err(Failure::Gone(error)) => return Err(error),
            Err(Failure::Refused(code, detail)) => (code, detail),
            Err(Failure::Timeout) => {
                let detail = format!("no frame for {} ms", request.timeout_ms);
                (ErrorCode::Timeout, detail)
            }
        };
        self.write(&Response::Error { id, code, detail })?;
        if code == ErrorCode::Timeout {
            // A pipeline with a stuck thread cannot be stopped, only left.
            std::process::exit(1);
        }
        Ok(())
    }

    /// Answers every entry of the request; how many there were, and the decoder.
    fn frames(&mut self, request: &Request) -> Result<(u32, String), Failure> {
        let work = &request.work;
        let mut deadline = Deadline::new(Duration::from_millis(request.timeout_ms.into()));
        let footage = Footage::read(&work.init, &work.chunks)?;
        let Some(plan) = Plan::new(&footage.units, &work.wanted) else {
            return Err(Failure::Refused(ErrorCode::BadInput, "the chunks hold no key frame".into()));
        };
        let mut items = 0;
        let mut description = String::new();
        for run in &plan.runs {
            let decoder = match self.decoder.take() {
                Some(decoder) if decoder.fits(&footage) => decoder,
                _ => Decoder::new(&footage)?,
            };
            description = decoder.description().to_owned();
            let mut answers = Answers { worker: self, request, footage: &footage, next: 0, run };
            let ended = answers.take_from(&decoder, &plan, &mut deadline);
            items += run.targets.iter().map(|target| target.entries.clone().count() as u32).sum::<u32>();
            // A decoder that has stopped or cannot be flushed is not used again.
            if ended? && decoder.flush() {
                self.decoder = Some(decoder);
            }
        }
        Ok((items, description))
    }
}

/// The answers to one run, given in the order asked for.
struct Answers<'a> {
    worker: &'a mut Worker,
    request: &'a Request,
    footage: &'a Footage,
    run: &'a Run,
    /// The first target that is not answered.
    next: usize,
}

impl Answers<'_> {
    /// Decodes the run and answers all its targets. `false` when the decoder stopped with an error, which costs only the
    /// frames that it did not give.
    fn take_from(
        &mut self,
        decoder: &Decoder,
        plan: &Plan,
        deadline: &mut Deadline,
    ) -> Result<bool, Failure> {
        let ended = self.decode(decoder, plan, deadline);
        let (reason, detail, intact) = match ended {
            Ok(()) => (MissingReason::NoPicture, "the decoder gave no picture".to_owned(), true),
            Err(NoImage::Stopped(Stopped::Error(error))) => (MissingReason::DecodeError, error, false),
            Err(NoImage::Stopped(Stopped::Timeout)) => return Err(Failure::Timeout),
            Err(NoImage::Failed(failure)) => return Err(failure),
        };
        while let Some(target) = self.run.targets.get(self.next) {
            self.missing(target, reason, &detail)?;
        }
        Ok(intact)
    }

    fn decode(&mut self, decoder: &Decoder, plan: &Plan, deadline: &mut Deadline) -> Result<(), NoImage> {
        decoder.push(self.footage, plan, self.run).map_err(NoImage::Stopped)?;
        while self.next < self.run.targets.len() {
            let Some(raw) = decoder.pull(plan, deadline).map_err(NoImage::Stopped)? else { break };
            let Some(rank) = raw.rank else { continue };
            // Frames come in the order of presentation: those before this one will not come any more.
            while let Some(target) = self.run.targets.get(self.next).filter(|target| target.rank < rank) {
                self.missing(target, MissingReason::NoPicture, "the decoder gave no picture")
                    .map_err(NoImage::Failed)?;
            }
            if let Some(target) = self.run.targets.get(self.next).filter(|target| target.rank == rank) {
                self.frame(target, &raw, deadline).map_err(NoImage::Failed)?;
                deadline.renew();
            }
        }
        Ok(())
    }

    fn frame(&mut self, target: &Target, raw: &Raw, deadline: &Deadline) -> Result<(), Failure> {
        let image = match self.encode(raw, deadline) {
            Ok(image) => image,
            Err(NoImage::Failed(failure)) => return Err(failure),
            Err(NoImage::Stopped(Stopped::Timeout)) => return Err(Failure::Timeout),
            Err(NoImage::Stopped(Stopped::Error(error))) => {
                self.worker.encoder = None;
                return self.missing(target, MissingReason::EncodeError, &error);
            }
        };
        let unit = &self.footage.units[target.unit];
        for index in target.entries.clone() {
            let frame = Frame {
                index,
                pts: unit.pts,
                key: unit.key.is_key(),
                damaged: raw.damaged,
                width: image.width,
                height: image.height,
                image: image.bytes.clone(),
            };
            self.worker.write(&Response::Frame { id: self.request.id, frame })?;
        }
        self.next += 1;
        Ok(())
    }

    fn encode(&mut self, raw: &Raw, deadline: &Deadline) -> Result<Image, NoImage> {
        let spec = self.request.work.image;
        if !self.worker.encoder.as_ref().is_some_and(|encoder| encoder.fits(&raw.sample, spec)) {
            self.worker.encoder = Some(Encoder::new(&raw.sample, spec).map_err(NoImage::Failed)?);
        }
        match &self.worker.encoder {
            Some(encoder) => encoder.encode(&raw.sample, deadline),
            None => Err(NoImage::Stopped(Stopped::Error("no encoder".into()))),
        }
    }

    fn missing(&mut self, target: &Target, reason: MissingReason, detail: &str) -> Result<(), Failure> {
        for index in target.entries.clone() {
            let missing = Missing { index, reason, detail: detail.to_owned() };
            self.worker.write(&Response::Missing { id: self.request.id, missing })?;
        }
        self.next += 1;
        Ok(())
    }
}
