//! `ListStreams`

use super::describe::{created, mode};
use super::faults::status_name;
use super::shapes::{LIMIT, NEXT_TOKEN, STREAM_NAME};
use super::stream_ref::stream_arn;
use super::token;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Value, optional, structure};
use streams::StreamKind;

pub(super) const INPUT: &[Member] = &[
    optional("Limit", LIMIT),
    optional("ExclusiveStartStreamName", STREAM_NAME),
    optional("NextToken", NEXT_TOKEN),
];

/// Streams of one answer.
const STREAMS_MAX: usize = 100;
const PURPOSE: &str = "next token of ListStreams";

/// `ListStreams`. The token is the sealed name of the last stream of the answer.
pub(super) fn list_streams(call: Call<'_>) -> Outcome {
    let opened = call.input.text("NextToken").map(|text| {
        let name = token::open(call.app, PURPOSE, text).and_then(|name| String::from_utf8(name).ok());
        name.ok_or_else(|| AwsError::invalid_argument("Invalid NextToken."))
    });
    let opened = opened.transpose()?;
    let after = match (&opened, call.input.text("ExclusiveStartStreamName")) {
        (Some(_), Some(_)) => {
            let message = "NextToken and ExclusiveStartStreamName cannot be provided together.";
            return Err(AwsError::invalid_argument(message));
        }
        (Some(name), None) => Some(name.as_str()),
        (None, name) => name,
    };
    let limit = call.input.integer("Limit").and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(STREAMS_MAX).min(STREAMS_MAX);
    let page = call.app.streams.list_all(Some(StreamKind::Data), after, limit);
    let next = page.next.as_ref().map(|name| token::seal(call.app, PURPOSE, name.as_bytes())).transpose()?;
    let names: Vec<Value<'_>> = page.streams.iter().map(|info| info.name.clone().into()).collect();
    let summaries = page.streams.iter().map(|info| {
        structure([
            ("StreamName", info.name.clone().into()),
            ("StreamARN", stream_arn(&call, &info.name).into()),
            ("StreamStatus", status_name(info.status).into()),
            ("StreamModeDetails", mode(info)),
            ("StreamCreationTimestamp", created(info)),
        ])
    });
    let summaries: Vec<_> = summaries.collect();
    Ok(structure([
        ("StreamNames", names.into()),
        ("HasMoreStreams", page.next.is_some().into()),
        ("NextToken", next.into()),
        ("StreamSummaries", summaries.into()),
    ])
    .into())
}
