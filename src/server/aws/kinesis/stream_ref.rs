//! Which stream a request is about.

use super::faults;
use crate::aws::arn::{Arn, arn};
use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use std::sync::Arc;
use streams::{StreamInfo, StreamKind, StreamStatus};

/// The service in ARNs.
pub(super) const SERVICE: &str = "kinesis";

/// The ARN of a stream.
pub(super) fn stream_arn(call: &Call<'_>, name: &str) -> String {
    arn(&call.app.config, SERVICE, &format!("stream/{name}"))
}

/// The name that an ARN of a stream carries.
pub(super) fn name_in_arn<'a>(call: &Call<'_>, text: &'a str) -> Result<&'a str, AwsError> {
    let not_ours = || {
        let message = format!("Stream {text} not found: it is not of account {}", call.app.config.account_id);
        AwsError::new("ResourceNotFoundException", message)
    };
    let arn = Arn::parse(text).filter(|arn| arn.is_here(&call.app.config, SERVICE)).ok_or_else(not_ours)?;
    arn.resource.strip_prefix("stream/").filter(|name| !name.contains('/')).ok_or_else(not_ours)
}

/// The name of the stream that `StreamName`, `StreamARN` or both say.
pub(super) fn stream_name<'a>(call: &Call<'a>) -> Result<&'a str, AwsError> {
    let by_name = call.input.text("StreamName");
    let by_arn = call.input.text("StreamARN").map(|arn| name_in_arn(call, arn)).transpose()?;
    match (by_name, by_arn) {
        (Some(name), Some(of_arn)) if name != of_arn => Err(AwsError::invalid_argument(format!(
            "StreamName {name} does not match the stream in StreamARN, which is {of_arn}."
        ))),
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => Err(AwsError::invalid_argument("Either StreamName or StreamARN must be specified.")),
    }
}

/// The ARN of the stream a request is about.
pub(super) fn of_stream(call: &Call<'_>) -> Result<String, AwsError> {
    Ok(stream_arn(call, stream_name(call)?))
}

/// The ARN of the stream that an iterator reads.
pub(super) fn of_iterator(call: &Call<'_>) -> Result<String, AwsError> {
    let position = super::get_records::position(call)?;
    Ok(stream_arn(call, &super::get_records::stream_of(call, &position)?.name))
}

/// Nothing in particular.
#[expect(clippy::unnecessary_wraps, reason = "one of several ways to find a resource")]
pub(super) fn anything(_: &Call<'_>) -> Result<String, AwsError> {
    Ok("*".to_owned())
}

/// The stream a request is about, in whatever status.
pub(super) fn look(call: &Call<'_>) -> Result<Arc<StreamInfo>, AwsError> {
    let name = stream_name(call)?;
    let info = call.app.streams.look(name).ok().filter(|info| info.kind == StreamKind::Data);
    info.ok_or_else(|| faults::no_such_stream(call, name))
}

/// The stream a request is about, if records can be written to it and read: one that is being made counts as absent.
pub(super) fn usable(call: &Call<'_>) -> Result<Arc<StreamInfo>, AwsError> {
    let info = look(call)?;
    match info.status {
        StreamStatus::Active | StreamStatus::Updating => Ok(info),
        StreamStatus::Creating | StreamStatus::Deleting => Err(faults::no_such_stream(call, &info.name)),
    }
}
