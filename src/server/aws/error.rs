//! What an operation answers when it does not do what was asked.

use super::wire::{Format, Value, structure};
use bytes::Bytes;
use http::StatusCode;
use std::borrow::Cow;

/// An error of the service's model. Clients branch on the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsError {
    status: StatusCode,
    code: &'static str,
    message: Option<Cow<'static, str>>,
}

const SERIALIZATION: &str = "SerializationException";

impl AwsError {
    /// The caller's fault: status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: Some(message.into()) }
    }

    /// A constraint that is not kept.
    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("ValidationException", message)
    }

    /// An argument that cannot be, for reasons that no constraint states.
    pub(crate) fn invalid_argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidArgumentException", message)
    }

    /// A member of the wrong type.
    pub(crate) fn serialization(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SERIALIZATION, message)
    }

    /// A body that cannot be read at all.
    pub(crate) fn malformed() -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: SERIALIZATION, message: None }
    }

    /// An operation that there is not.
    pub(crate) fn unknown_operation() -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "UnknownOperationException", message: None }
    }

    /// Our fault. The cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "an operation failed");
        let message = "The request processing has failed because of an unknown error, exception or failure.";
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "InternalFailure",
            message: Some(message.into()),
        }
    }

    /// Not now; clients try again by themselves.
    pub(crate) fn unavailable(message: &'static str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "ServiceUnavailable",
            message: Some(message.into()),
        }
    }

    /// Status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What is said about it.
    pub(crate) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The body of the answer.
    pub(crate) fn body(&self, format: Format) -> Bytes {
        let message = Value::from(self.message.as_deref());
        // The one error whose message begins with a capital letter.
        let name = if self.code == SERIALIZATION { "Message" } else { "message" };
        format.encode(&structure([("__type", Value::from(self.code)), (name, message)])).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let text = |error: AwsError| String::from_utf8(error.body(Format::Json).to_vec()).unwrap();
        assert_eq!(text(AwsError::validation("x")), r#"{"__type":"ValidationException","message":"x"}"#);
        assert_eq!(
            text(AwsError::serialization("x")),
            r#"{"__type":"SerializationException","Message":"x"}"#
        );
        assert_eq!(text(AwsError::malformed()), r#"{"__type":"SerializationException"}"#);
        let cbor = AwsError::unknown_operation().body(Format::Cbor);
        assert_eq!(&cbor[..9], b"\xa1\x66__type\x78");
    }
}
