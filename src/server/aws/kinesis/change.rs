//! Changing the settings of a stream.

use super::faults;
use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use streams::{DataSettings, StreamInfo, StreamStatus, UpdateError};

/// Why settings were not changed.
enum NotChanged {
    /// The change itself refused.
    Refused(AwsError),
    /// It could not be written.
    Failed(UpdateError),
}

impl From<UpdateError> for NotChanged {
    fn from(error: UpdateError) -> Self {
        Self::Failed(error)
    }
}

/// Changes a stream's settings; durable on return. `edit` sees them as they stand and may run more than once.
pub(super) async fn change<T: Send + 'static>(
    call: &Call<'_>,
    stream: &StreamInfo,
    mut edit: impl FnMut(&mut DataSettings) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let edit = move |data: &mut DataSettings| edit(data).map_err(NotChanged::Refused);
    call.app.streams.change_data(&stream.name, edit).await.map_err(|not_changed| match not_changed {
        NotChanged::Refused(error) => error,
        NotChanged::Failed(error) => faults::update(call, &error),
    })
}

/// Refuses unless the stream is active or its shards are being split or merged.
pub(super) fn must_be_usable(call: &Call<'_>, stream: &StreamInfo) -> Result<(), AwsError> {
    match stream.status {
        StreamStatus::Updating => Ok(()),
        _ => must_be_active(call, stream),
    }
}

/// Refuses unless the stream is active.
pub(super) fn must_be_active(call: &Call<'_>, stream: &StreamInfo) -> Result<(), AwsError> {
    match stream.status {
        StreamStatus::Active => Ok(()),
        status => Err(faults::not_active(call, &stream.name, status)),
    }
}
