//! NTP time, as senders give it.

use crate::fmp4::ntp_to_unix_us;

/// The year 2000; a sender whose clock stands earlier does not know the time of day.
const KNOWS_THE_DAY_US: i64 = 946_684_800_000_000;

/// A time by the sender's clock. Two of them, of any tracks of one sender, are so far apart as they say; only some know
/// what day it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime {
    us: i64,
}

impl NtpTime {
    /// A 64-bit NTP timestamp: seconds since 1900 in the upper half, the fraction in the lower. `None` for zero, which says
    /// that the sender has no clock (RFC 3550, section 6.4.1).
    pub fn said(ntp: u64) -> Option<Self> {
        (ntp != 0).then(|| Self { us: ntp_to_unix_us(ntp) })
    }

    /// Microseconds since the Unix epoch, if the sender seems to know what day it is. What counts from the sender's start,
    /// as uptimes do, reads as of 2036, when the 32 bits of seconds begin anew: compare it with the time of arrival.
    pub fn unix_us(self) -> Option<i64> {
        (self.us >= KNOWS_THE_DAY_US).then_some(self.us)
    }

    /// Microseconds since a time that is the same for all of a sender's times.
    pub(super) fn us(self) -> i64 {
        self.us
    }

    #[cfg(test)]
    pub(super) fn at_unix_us(us: i64) -> Self {
        Self { us }
    }
}
