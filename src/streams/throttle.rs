//! How much a shard takes and gives per second, and who is told to come again later.
//!
//! A bucket holds what may be taken at once: a second's worth. It is kept as the instant at which it will be full again,
//! so that it needs no task to fill it. What is larger than a bucket is let through when the bucket is full, and what it
//! takes too much is waited for by the next: so a record of ten seconds' worth passes now and then, and the rate still
//! holds over time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one shard takes and gives per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardRates {
    /// Bytes of records that are appended.
    pub in_bytes: u64,
    /// Records that are appended.
    pub in_records: u64,
    /// Bytes of records that all readers get who have no rate of their own.
    pub out_bytes: u64,
    /// Reads of them.
    pub out_reads: u64,
    /// Bytes of records that each registered consumer gets.
    pub consumer_bytes: u64,
}

impl Default for ShardRates {
    /// As the original service has it.
    fn default() -> Self {
        Self {
            in_bytes: 1 << 20,
            in_records: 1000,
            out_bytes: 2 << 20,
            out_reads: 5,
            consumer_bytes: 2 << 20,
        }
    }
}

/// Something that is used up and grows again: it holds a second's worth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// When it will be full again: monotonic time.
    full_at: Duration,
}

/// What a bucket holds, in the time it takes to fill.
const DEPTH: Duration = Duration::from_secs(1);

fn time_for(amount: u64, per_second: u64) -> Duration {
    let nanos = u128::from(amount) * 1_000_000_000 / u128::from(per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Bucket {
    /// Whether so much may be taken now.
    fn has(&self, amount: u64, per_second: u64, now: Duration) -> bool {
        let missing = self.full_at.saturating_sub(now);
        missing.is_zero() || missing.saturating_add(time_for(amount, per_second)) <= DEPTH
    }

    /// Takes one of what grows by so many per second, if there is one. `now`: monotonic time, as everywhere here.
    pub fn try_take(&mut self, per_second: u64, now: Duration) -> bool {
        let there = self.has(1, per_second, now);
        if there {
            self.take(1, per_second, now);
        }
        there
    }

    /// Whether nothing is missing: one that was never used is the same.
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }

    /// Takes so much, there or not.
    pub(crate) fn take(&mut self, amount: u64, per_second: u64, now: Duration) {
        self.full_at = self.full_at.max(now).saturating_add(time_for(amount, per_second));
    }

    /// How long it is until something is in it.
    pub(crate) fn empty_for(&self, now: Duration) -> Duration {
        self.full_at.saturating_sub(now).saturating_sub(DEPTH)
    }
}

/// The buckets of a shard, and what was asked of it.
#[derive(Default)]
pub(crate) struct Meter {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_bytes: Bucket,
    in_records: Bucket,
    out_bytes: Bucket,
    out_reads: Bucket,
    asked: Asked,
}

/// What was to be appended, whether it was or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

impl Meter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of these records, by their bytes, may be appended now: the first ones, so that those of a key keep their
    /// order. All of them without rates.
    pub(crate) fn admit(
        &self,
        rates: Option<&ShardRates>,
        records: impl ExactSizeIterator<Item = u64> + Clone,
        now: Duration,
    ) -> usize {
        let mut state = self.state();
        state.asked.records += records.len() as u64;
        state.asked.bytes += records.clone().sum::<u64>();
        let Some(rates) = rates else { return records.len() };
        let mut admitted = 0;
        for bytes in records {
            if !state.in_records.has(1, rates.in_records, now)
                || !state.in_bytes.has(bytes, rates.in_bytes, now)
            {
                break;
            }
            state.in_records.take(1, rates.in_records, now);
            state.in_bytes.take(bytes, rates.in_bytes, now);
            admitted += 1;
        }
        admitted
    }

    /// What was asked since it was last asked for.
    pub(crate) fn asked(&self) -> Asked {
        std::mem::take(&mut self.state().asked)
    }

    /// Whether a reader may read now.
    pub(crate) fn admit_read(&self, rates: &ShardRates, now: Duration) -> bool {
        let mut state = self.state();
        let admitted =
            state.out_reads.has(1, rates.out_reads, now) && state.out_bytes.empty_for(now).is_zero();
        if admitted {
            state.out_reads.take(1, rates.out_reads, now);
        }
        admitted
    }

    /// A reader got so many bytes.
    pub(crate) fn was_read(&self, rates: &ShardRates, bytes: u64, now: Duration) {
        self.state().out_bytes.take(bytes, rates.out_bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATES: ShardRates =
        ShardRates { in_bytes: 1000, in_records: 10, out_bytes: 2000, out_reads: 5, consumer_bytes: 2000 };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn admit(meter: &Meter, records: &[u64], now: Duration) -> usize {
        meter.admit(Some(&RATES), records.iter().copied(), now)
    }

    #[test]
    fn a_second_is_taken_at_once_and_grows_again() {
        let meter = Meter::default();
        assert_eq!(admit(&meter, &[100; 12], ms(0)), 10);
        assert_eq!(admit(&meter, &[1], ms(0)), 0);
        assert_eq!(admit(&meter, &[1; 12], ms(300)), 3);
        assert_eq!(admit(&meter, &[100; 12], ms(10_000)), 10);
        let all = Asked { bytes: 1200 + 1 + 12 + 1200, records: 37 };
        assert_eq!((meter.asked(), meter.asked()), (all, Asked::default()));
        assert_eq!(meter.admit(None, [7; 400].into_iter(), ms(10_000)), 400);
    }

    #[test]
    fn what_is_larger_than_a_bucket_passes_when_it_is_full() {
        let meter = Meter::default();
        assert_eq!(admit(&meter, &[5000, 1], ms(0)), 1);
        assert_eq!(admit(&meter, &[1], ms(4000)), 0);
        assert_eq!(admit(&meter, &[1], ms(4001)), 1);
        assert_eq!(admit(&meter, &[5000], ms(4500)), 0);
        assert_eq!(admit(&meter, &[5000], ms(5002)), 1);
    }

    #[test]
    fn the_first_records_pass_or_none() {
        let meter = Meter::default();
        assert_eq!(admit(&meter, &[600, 500, 1], ms(0)), 1);
    }

    #[test]
    fn reads_are_counted_and_pay_for_what_they_got() {
        let meter = Meter::default();
        assert_eq!((0..8).filter(|_| meter.admit_read(&RATES, ms(0))).count(), 5);
        assert!(meter.admit_read(&RATES, ms(200)) && !meter.admit_read(&RATES, ms(200)));
        meter.was_read(&RATES, 10_000, ms(1000));
        assert!(!meter.admit_read(&RATES, ms(4999)));
        assert!(meter.admit_read(&RATES, ms(5000)));
    }

    proptest! {
        #[test]
        fn over_time_the_rate_holds(steps in proptest::collection::vec((0u64..3000, 0u64..400), 1..200)) {
            let meter = Meter::default();
            let (mut now, mut taken) = (0, 0);
            for (bytes, pause) in steps {
                now += pause;
                if admit(&meter, &[bytes], ms(now)) == 1 {
                    taken += bytes;
                }
                // A second's worth at once, and one record that was larger than the bucket.
                prop_assert!(taken <= 1000 + now + 3000);
            }
        }
    }
}
