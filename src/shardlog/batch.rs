//! What every engine checks before it takes a batch.

use crate::error::StoreError;
use crate::types::{Arrival, Limits, SealedRecord};

impl Limits {
    /// Refuses a batch that is too large in any way. Returns the bytes of its heads and bodies.
    pub(crate) fn check(&self, batch: &[SealedRecord]) -> Result<usize, StoreError> {
        within("records in a batch", batch.len(), self.batch_records_max)?;
        let mut bytes = 0;
        for record in batch {
            within("bytes of a head", record.head.len(), self.head_bytes_max)?;
            within("bytes of a body", record.body.len(), self.body_bytes_max)?;
            bytes += record.head.len() + record.body.len();
        }
        within("bytes in a batch", bytes, self.batch_bytes_max)?;
        Ok(bytes)
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size <= limit {
        return Ok(());
    }
    Err(StoreError::TooLarge { what, size: size as u64, limit: limit as u64 })
}

/// Refuses a batch whose arrivals go back. Returns the newest arrival, batch included.
pub(crate) fn check_arrivals(
    mut last: Option<Arrival>,
    batch: &[SealedRecord],
) -> Result<Option<Arrival>, StoreError> {
    for record in batch {
        match last {
            Some(last) if record.arrival < last => {
                return Err(StoreError::ArrivalBefore { last, asked: record.arrival });
            }
            _ => last = Some(record.arrival),
        }
    }
    Ok(last)
}
