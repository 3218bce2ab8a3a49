//! Sequence numbers: 56 decimal digits that clients compare as numbers, and that say where a record is.
//!
//! As 47 hexadecimal digits (186 bits), the layout that consumer libraries check:
//!
//! ```text
//! 2 | when its shard was made, s:9 | lowest digit of the shard's index:1 | place:16 | 00 | when it arrived, s:9 | shard's index:8 | 2
//! ```
//! The place is one more than the record's sequence in the log, so that 0 is free for what lies before the first record: the
//! number at which a shard starts. The largest signed one is the number at which a closed shard ends. A number is thus a pure
//! function of its record and its shard, nothing is counted for it, and it leads back to the record.
//!
//! Within a shard the place decides, and it rises; from parent to child the time decides at which the shard was made, and that
//! rises by at least a second.

use super::decimal;
use streams::{Arrival, Seq, ShardInfo};

const VERSION: u8 = 2;
/// Hexadecimal digits of a number.
const HEX_DIGITS: usize = 47;
/// The place at which a closed shard ends.
const END: u64 = i64::MAX as u64;
/// Largest number of seconds that there is room for (in the year 4147).
const SECONDS_MAX: u64 = (1 << 36) - 1;

/// A sequence number, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SequenceNumber {
    /// When its shard was made, in seconds since the Unix epoch.
    shard_created_s: u64,
    /// Its shard's index.
    pub(crate) shard_index: u32,
    /// One more than the sequence in the log; 0 before the first record.
    place: u64,
    /// When the record arrived, in seconds since the Unix epoch.
    arrived_s: u64,
}

impl SequenceNumber {
    /// The number of a record.
    pub(crate) fn of(shard: &ShardInfo, seq: Seq, arrival: Arrival) -> Self {
        Self {
            place: seq.0.saturating_add(1).min(END - 1),
            arrived_s: seconds(arrival.0),
            ..Self::start(shard)
        }
    }

    /// The number at which a shard starts.
    pub(crate) fn start(shard: &ShardInfo) -> Self {
        let shard_created_s = seconds(shard.created_ms);
        Self { shard_created_s, shard_index: shard.index, place: 0, arrived_s: shard_created_s }
    }

    /// The number at which a closed shard ends.
    pub(crate) fn end(shard: &ShardInfo) -> Option<Self> {
        let closed = shard.closed?;
        Some(Self { place: END, arrived_s: seconds(closed.at_ms), ..Self::start(shard) })
    }

    /// Reads the decimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = hex_digits(text)?;
        let field = |from: usize, len: usize| {
            hex[from..from + len].iter().fold(0_u64, |number, digit| number << 4 | u64::from(*digit))
        };
        let number = Self {
            shard_created_s: field(1, 9),
            place: field(11, 16),
            arrived_s: field(29, 9),
            shard_index: u32::try_from(field(38, 8)).ok()?,
        };
        let fixed = hex[0] == VERSION && field(27, 2) == 0 && hex[46] == 2;
        let same_shard = u64::from(number.shard_index & 15) == field(10, 1);
        (fixed && same_shard && number.place <= END).then_some(number)
    }

    /// The first record at or after this number.
    pub(crate) fn at(&self) -> Seq {
        Seq(self.place.saturating_sub(1))
    }

    /// The first record after this number.
    pub(crate) fn after(&self) -> Seq {
        Seq(self.place)
    }

    /// Whether the shard that it names is this one.
    pub(crate) fn is_of(&self, shard: &ShardInfo) -> bool {
        self.shard_index == shard.index && self.shard_created_s == seconds(shard.created_ms)
    }

    /// When the record arrived, in seconds since the Unix epoch.
    pub(crate) fn arrived_s(&self) -> u64 {
        self.arrived_s
    }
}

fn seconds(ms: u64) -> u64 {
    (ms / 1000).min(SECONDS_MAX)
}

/// Numbers of up to 192 bits, most significant limb first.
type Limbs = [u64; 3];

/// The 47 hexadecimal digits of a number in decimal digits.
fn hex_digits(text: &str) -> Option<[u8; HEX_DIGITS]> {
    // 2^188 has 57 digits.
    if text.is_empty() || text.len() > 57 {
        return None;
    }
    let mut limbs: Limbs = [0; 3];
    for symbol in text.bytes() {
        let mut carry = u128::from(symbol.checked_sub(b'0').filter(|digit| *digit < 10)?);
        for limb in limbs.iter_mut().rev() {
            let sum = u128::from(*limb) * 10 + carry;
            *limb = sum as u64;
            carry = sum >> 64;
        }
        if carry > 0 {
            return None;
        }
    }
    // 192 bits are 48 digits; the first one must be zero.
    let all: Vec<u8> = limbs
        .iter()
        .flat_map(|limb| (0..16).rev().map(move |place| (limb >> (4 * place) & 15) as u8))
        .collect();
    let (first, rest) = all.split_first()?;
    if *first != 0 { None } else { rest.try_into().ok() }
}

/// Decimal digits of every number: a version of 2 makes it one of 56.
const DIGITS: usize = 56;
/// Decimal digits that are taken from a number at a time.
const CHUNK_DIGITS: usize = 19;
const CHUNK: u128 = 10_u128.pow(CHUNK_DIGITS as u32);

impl SequenceNumber {
    fn limbs(&self) -> Limbs {
        let index = u64::from(self.shard_index);
        // From the right: 2 | index:8 | arrived:9 | 00 | place:16 | index:1 | created:9 | 2.
        let low = u128::from(self.arrived_s) << 36 | u128::from(index) << 4 | 2;
        let place = u128::from(self.place);
        // `place` begins at bit 80.
        let low = low | place << 80;
        let high =
            (place >> 48) as u64 | (index & 15) << 16 | self.shard_created_s << 20 | u64::from(VERSION) << 56;
        [high, (low >> 64) as u64, low as u64]
    }
}

impl std::fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut limbs, mut digits) = (self.limbs(), [0; DIGITS]);
        // Each record of a call has its number written: one division a limb, and no other formatting.
        for place in digits.rchunks_mut(CHUNK_DIGITS) {
            let mut rest = 0;
            for limb in &mut limbs {
                let part = rest << 64 | u128::from(*limb);
                let quotient = part / CHUNK;
                (*limb, rest) = (quotient as u64, part - quotient * CHUNK);
            }
            decimal::write(rest as u64, place);
        }
        f.write_str(decimal::text(&digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use streams::{Closed, HashRange, ShardId};

    fn shard(index: u32, created_ms: u64) -> ShardInfo {
        ShardInfo {
            index,
            id: ShardId(1),
            hash_range: HashRange { first: 0, last: u128::MAX },
            parent: None,
            adjacent_parent: None,
            created_ms,
            closed: None,
        }
    }

    /// The hexadecimal digits, put together as the layout draws them.
    fn drawn(created_s: u64, index: u32, place: u64, arrived_s: u64) -> String {
        format!("2{created_s:09x}{:01x}{place:016x}00{arrived_s:09x}{index:08x}2", index & 15)
    }

    fn hex(number: SequenceNumber) -> String {
        let digits = hex_digits(&number.to_string()).unwrap();
        digits.iter().map(|digit| char::from_digit(u32::from(*digit), 16).unwrap()).collect()
    }

    /// A number that the original service gave out, as its documentation shows it: of shard 6, arrived at 1545084650.987.
    #[test]
    fn a_real_number_has_this_layout() {
        let text = "49590338271490256608559692538361571095921575989136588898";
        let number = SequenceNumber::parse(text).unwrap();
        assert_eq!(number.to_string(), text);
        assert_eq!((number.shard_index, number.arrived_s), (6, 1_545_084_650));
    }

    /// As measured at the original service.
    #[test]
    fn neighbouring_shards_start_a_fixed_distance_apart() {
        let start = |index| SequenceNumber::start(&shard(index, 1_700_000_000_000)).to_string();
        let (first, second) = (hex_digits(&start(0)).unwrap(), hex_digits(&start(1)).unwrap());
        // 2^144 + 16: one more in the digit behind the time, and one more in the index.
        let differing: Vec<usize> = (0..HEX_DIGITS).filter(|place| first[*place] != second[*place]).collect();
        assert_eq!(differing, [10, 45]);
        assert_eq!(start(0).len(), 56);
    }

    #[test]
    fn starts_records_and_ends_follow_each_other() {
        let mut one = shard(3, 1_700_000_000_000);
        let record = |seq| SequenceNumber::of(&one, Seq(seq), Arrival(1_700_000_000_000)).to_string();
        let (start, first, second) = (SequenceNumber::start(&one).to_string(), record(0), record(1));
        one.closed = Some(Closed { at_ms: 1_700_000_009_000, next: Seq(2) });
        let end = SequenceNumber::end(&one).unwrap().to_string();
        let child = SequenceNumber::start(&shard(4, 1_700_000_010_000)).to_string();
        let all = [start, first, second, end, child];
        assert!(all.windows(2).all(|pair| pair[0] < pair[1] && pair[0].len() == 56), "{all:?}");
        let place =
            |number: &str| SequenceNumber::parse(number).map(|number| (number.at(), number.after())).unwrap();
        assert_eq!(place(&all[0]), (Seq(0), Seq(0)), "the first record comes after the start");
        assert_eq!(place(&all[1]), (Seq(0), Seq(1)));
        assert_eq!(place(&all[2]), (Seq(1), Seq(2)));
        assert!(SequenceNumber::parse(&all[1]).unwrap().is_of(&one));
        assert!(!SequenceNumber::parse(&all[1]).unwrap().is_of(&shard(3, 1_700_000_001_000)));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in ["", "0", "1", "a", "-1", &"9".repeat(57), &"9".repeat(56), &"9".repeat(129)] {
            assert_eq!(SequenceNumber::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_drawn_as_said_and_read_back(created in 0..SECONDS_MAX, index in any::<u32>(), seq in 0..END - 2, arrived in 0..SECONDS_MAX) {
            let number = SequenceNumber::of(&shard(index, created * 1000), Seq(seq), Arrival(arrived * 1000));
            prop_assert_eq!(hex(number), drawn(created, index, seq + 1, arrived));
            prop_assert_eq!(SequenceNumber::parse(&number.to_string()), Some(number));
            prop_assert_eq!(number.at(), Seq(seq));
        }

        #[test]
        fn any_digits_are_refused_or_read_back(text in "[0-9]{1,60}") {
            if let Some(number) = SequenceNumber::parse(&text) {
                prop_assert_eq!(number.to_string(), text.trim_start_matches('0'));
            }
        }
    }
}
