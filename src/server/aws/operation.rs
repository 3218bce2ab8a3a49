//! Operations as tables list them.

use super::error::AwsError;
use super::rates::{Per, Rate};
use super::wire::{Input, Member, Value};
use crate::app::App;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// A service: what its requests' targets begin with, and what it can do.
pub(crate) struct Service {
    /// What stands before the dot in `X-Amz-Target`.
    pub(crate) target: &'static str,
    /// Its name in the scope of signatures.
    pub(crate) signing_name: &'static str,
    /// What it can do.
    pub(crate) operations: &'static [Operation],
}

/// One operation.
pub(crate) struct Operation {
    /// What a policy calls it: the service's name, a colon, and what stands behind the dot in `X-Amz-Target`.
    pub(crate) action: &'static str,
    /// Its input.
    pub(crate) input: &'static [Member],
    /// The ARN of what it is about, `*` if it is about nothing in particular. Asked before the caller's right is.
    pub(crate) resource: fn(&Call<'_>) -> Result<String, AwsError>,
    /// Does it.
    pub(crate) run: for<'a> fn(Call<'a>) -> BoxFuture<'a, Outcome>,
    /// How often it may be called, if that is limited.
    pub(crate) rate: Option<Rate>,
}

/// A line of a service's table.
pub(crate) const fn operation(
    action: &'static str,
    input: &'static [Member],
    resource: fn(&Call<'_>) -> Result<String, AwsError>,
    run: for<'a> fn(Call<'a>) -> BoxFuture<'a, Outcome>,
) -> Operation {
    Operation { action, input, resource, run, rate: None }
}

impl Operation {
    /// The same, called no more than so many times per second.
    pub(crate) const fn at_most(self, per_second: u64, per: Per) -> Self {
        Self { rate: Some(Rate { per_second, per }), ..self }
    }

    /// What stands behind the dot in `X-Amz-Target`.
    pub(crate) fn name(&self) -> &'static str {
        self.action.split_once(':').map_or(self.action, |(_, name)| name)
    }
}

/// A request for an operation, signed, conformed and validated.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The service.
    pub(crate) app: &'a App,
    /// What is asked for.
    pub(crate) input: Input<'a>,
}

/// What an operation comes to.
pub(crate) type Outcome = Result<Reply, AwsError>;

/// What an operation answers when it has done what was asked.
pub(crate) enum Reply {
    /// Nothing: an empty body.
    Empty,
    /// A structure.
    Value(Value<'static>),
    /// Frames of an event stream, one after the other.
    Events(BoxStream<'static, Bytes>),
}

impl From<Value<'static>> for Reply {
    fn from(value: Value<'static>) -> Self {
        Self::Value(value)
    }
}

impl Call<'_> {
    /// Ends an operation that was only tried out, once everything that could refuse it has been asked.
    pub(crate) fn stop_if_dry_run(&self) -> Result<(), AwsError> {
        if self.input.flag("DryRun") {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Err(AwsError::new("DryRunOperationException", message));
        }
        Ok(())
    }
}
