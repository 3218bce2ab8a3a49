//! What clients were told is durable, and whether it is there: every acknowledged fragment, in order, once, with the bytes
//! that were pushed.

use super::boxes::{fragments, samples};
use super::client::Client;
use super::footage::numbered_h264;
use super::pusher::Pusher;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

/// Fragments fetched at the same time.
const FETCHES: usize = 8;

/// Footage of which every fragment can be told from every other by its bytes.
pub struct Pieces {
    init: Vec<u8>,
    fragments: Vec<Vec<u8>>,
    /// Which fragment has these samples.
    places: HashMap<Vec<u8>, usize>,
}

impl Pieces {
    /// Makes `count` fragments of `frames` small frames each, in `folder`.
    pub fn make(folder: &Path, count: u32, frames: u32) -> Self {
        let file = folder.join("pieces.mp4");
        numbered_h264(&file, (320, 180), 25, frames, (count * frames).div_ceil(25));
        let (init, mut fragments) = fragments(&std::fs::read(&file).expect("footage"));
        fragments.truncate(count as usize);
        let places: HashMap<_, _> =
            fragments.iter().map(|bytes| samples(bytes)).zip(0..fragments.len()).collect();
        assert_eq!((places.len(), fragments.len()), (count as usize, count as usize));
        Self { init, fragments, places }
    }

    /// All of it, as one file.
    pub fn whole(&self) -> Vec<u8> {
        [self.init.as_slice(), &self.fragments.concat()].concat()
    }

    /// Which piece a fragmented file holds.
    pub fn which(&self, file: &[u8]) -> Option<usize> {
        self.places.get(&samples(file)).copied()
    }

    /// Pushes all of it, a fragment every `pace`.
    pub fn push(&self, client: &Client, stream: &str, pace: Duration) -> Pusher {
        Pusher::start(client, stream, self.init.clone(), self.fragments.clone(), pace)
    }
}

/// The promises that were made for one stream.
#[derive(Clone, Default)]
pub struct Promises {
    /// Fragment number → which piece was pushed as it.
    pieces: BTreeMap<u64, usize>,
    /// The newest fragment that [`Promises::hold_since`] has seen, and which piece it is.
    seen: Option<(u64, usize)>,
}

impl Promises {
    /// A push from the first piece on had these fragments acknowledged.
    pub fn add(&mut self, acknowledged: &[u64]) {
        for (piece, number) in acknowledged.iter().enumerate() {
            let known = self.pieces.insert(*number, piece);
            assert_eq!(known, None, "fragment {number} was acknowledged to two pushes");
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether none was made.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Which piece a fragment was promised to be.
    pub fn piece(&self, number: u64) -> Option<usize> {
        self.pieces.get(&number).copied()
    }

    /// Their fragment numbers, in order.
    pub fn numbers(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.pieces.keys().copied()
    }

    /// Whether all of them hold.
    pub async fn hold(&mut self, client: &Client, stream: &str, pieces: &Pieces) -> Result<(), String> {
        self.seen = None;
        self.hold_since(client, stream, pieces).await
    }

    /// Whether those hold that are newer than what was looked at the last time.
    pub async fn hold_since(&mut self, client: &Client, stream: &str, pieces: &Pieces) -> Result<(), String> {
        let after = self.seen.map(|(number, _)| number);
        let listed = listed(client, stream, after).await?;
        if let Some(pair) = listed.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(format!("{stream} lists fragments {pair:?} in this order"));
        }
        let newer = self.pieces.keys().filter(|number| after.is_none_or(|after| **number > after));
        if let Some(lost) = newer.clone().find(|number| listed.binary_search(number).is_err()) {
            return Err(format!("{stream}: acknowledged fragment {lost} is gone; listed are {listed:?}"));
        }
        let found = found(client, stream, &listed, pieces).await?;
        for (number, piece) in listed.into_iter().zip(found) {
            let promised = self.pieces.get(&number).copied();
            if promised.is_some_and(|promised| promised != piece) {
                return Err(format!(
                    "{stream}: fragment {number} is piece {piece}, and was piece {promised:?}"
                ));
            }
            // Acknowledged or not: nothing is there twice, and what is there follows what was pushed before it.
            let before = self.seen.map(|(_, piece)| piece);
            if piece > 0 && before != Some(piece - 1) {
                return Err(format!("{stream}: fragment {number} is piece {piece} after {before:?}"));
            }
            self.seen = Some((number, piece));
        }
        Ok(())
    }
}

/// Numbers of the fragments that a stream has, as they are listed, after one of them.
async fn listed(client: &Client, stream: &str, after: Option<u64>) -> Result<Vec<u64>, String> {
    let mut numbers = Vec::new();
    let mut after = after.map(|after| after.to_string());
    loop {
        let from = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = client.json(&format!("/v1/video/{stream}/fragments?limit=1000{from}")).await;
        for fragment in page["fragments"].as_array().ok_or_else(|| page.to_string())? {
            let number = fragment["fragment_number"].as_str().and_then(|number| number.parse().ok());
            numbers.push(number.ok_or_else(|| page.to_string())?);
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(numbers),
        }
    }
}

/// Which pieces the fragments of a stream are.
async fn found(
    client: &Client,
    stream: &str,
    numbers: &[u64],
    pieces: &Pieces,
) -> Result<Vec<usize>, String> {
    let fetches = numbers.iter().map(|number| async move {
        let bytes = client.bytes(&format!("/v1/video/{stream}/hls/segment/{number}.m4s")).await;
        pieces
            .which(&bytes)
            .ok_or_else(|| format!("{stream}: fragment {number} holds what nobody has pushed"))
    });
    stream::iter(fetches).buffered(FETCHES).try_collect().await
}
