//! Why a request is not taken for signed. SDKs branch on the codes, and some read the clock out of the messages.

use std::borrow::Cow;

/// A refusal: the model's error code and the service's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// Nothing that looks like a signature.
    pub(crate) fn missing() -> Self {
        Self::new("MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    /// A signature with parts missing or unreadable.
    pub(crate) fn incomplete(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("IncompleteSignatureException", message)
    }

    /// A signature that cannot hold.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidSignatureException", message)
    }

    /// A signature that does not hold.
    pub(crate) fn mismatch() -> Self {
        Self::invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
             and signing method. Consult the service documentation for details.",
        )
    }

    /// An access key that nobody has, or a session that was never begun.
    pub(crate) fn unrecognized() -> Self {
        Self::new("UnrecognizedClientException", "The security token included in the request is invalid.")
    }
}
