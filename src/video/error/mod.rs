//! What can go wrong, one enum per area, and what each means for a caller.

mod ingest;
mod manage;
mod read;

pub use ingest::IngestError;
pub use manage::ManageError;
pub use read::ReadError;

/// What an error means, whatever protocol tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was asked for is not there.
    NotFound,
    /// It was there; retention has removed it.
    Gone,
    /// It does not fit the state of the stream; another time it may.
    Conflict,
    /// The request or the media is wrong; sending it again does not help.
    Invalid,
    /// It is more than is taken or given at once.
    TooLarge,
    /// Not now; try again.
    Unavailable,
    /// The disk is full; once there is room, try again.
    Full,
    /// A fault of ours, or damage.
    Internal,
}
