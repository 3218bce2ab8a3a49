//! What can go wrong, and what it means.
//!
//! | what comes | at a start | later |
//! |---|---|---|
//! | no connection, no answer in time, 5xx, throttled, the key's hardware unavailable | asked again for a while, then an error | the server goes on |
//! | the signature or the credentials' term is not accepted | an error | the server goes on: nothing was said of the key |
//! | the key is disabled, waits to be deleted, is not there; access is denied; the access key is unknown | an error | streams are neither read nor written |
//! | anything else | an error | the server goes on |

use serde_json::Value;
use vault::RootRefusal;

/// Why there is no root key from the KMS.
#[derive(Debug, thiserror::Error)]
pub enum RootKmsError {
    /// Nobody answered; asking again may help.
    #[error("the KMS that holds the root key gave no answer: {0}")]
    Unanswered(#[from] Unanswered),
    /// The KMS does not let the key be used.
    #[error("{refusal} ({key}: {why})")]
    Refused {
        /// What it comes to.
        refusal: RootRefusal,
        /// The key.
        key: String,
        /// In the words of the KMS.
        why: String,
    },
    /// An error that asking again does not mend.
    #[error("the KMS that holds the root key answered {operation} with {code}: {message}")]
    Failed {
        /// What it was asked for.
        operation: &'static str,
        /// The type of its error.
        code: String,
        /// In its words.
        message: String,
    },
    /// The settings name another key than the one that the root is under.
    #[error(
        "the keystore's root key is held by {holds}, but root_kms_key = {configured} names {named}; \
         `kinetoscope rewrap` moves a keystore to another key"
    )]
    OtherKey {
        /// The setting.
        configured: String,
        /// The key that it names.
        named: String,
        /// The key that the keystore was made with.
        holds: String,
    },
    /// An answer lacks something.
    #[error("the KMS that holds the root key gave an answer without a good {0}")]
    Strange(&'static str),
    /// The keystore carries something else.
    #[error("what the keystore carries of its root key is damaged or of a newer program")]
    Carried,
    /// No access key to sign with.
    #[error("no access key for the KMS that holds the root key: {0}")]
    Credentials(String),
}

/// Why nobody answered.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub(super) String);

/// What an answer with this status and body means, which is no success.
pub(super) fn failure(
    operation: &'static str,
    key: &str,
    status: http::StatusCode,
    body: &[u8],
) -> RootKmsError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    // `com.amazonaws.kms#DisabledException` and the bare name are both said.
    let code = body["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default();
    let message = ["message", "Message"].iter().find_map(|name| body[name].as_str()).unwrap_or_default();
    let refused = |refusal| RootKmsError::Refused {
        refusal,
        key: key.to_owned(),
        why: format!("{operation}: {code} {message}").trim_end().to_owned(),
    };
    match code {
        "DisabledException" => refused(RootRefusal::Disabled),
        "KMSInvalidStateException" => refused(RootRefusal::InvalidState),
        "NotFoundException" => refused(RootRefusal::NotFound),
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "OptInRequired" => refused(RootRefusal::AccessDenied),
        "ThrottlingException"
        | "LimitExceededException"
        | "KeyUnavailableException"
        | "DependencyTimeoutException" => Unanswered(format!("{operation}: {code} {message}")).into(),
        _ if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS => {
            Unanswered(format!("{operation}: {status} {code} {message}").trim_end().to_owned()).into()
        }
        _ => {
            let code = if code.is_empty() { status.to_string() } else { code.to_owned() };
            RootKmsError::Failed { operation, code, message: message.to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn answers_are_told_apart() {
        let of = |status: u16, code: &str| {
            let body = format!(r#"{{"__type":"{code}","message":"why"}}"#);
            failure("Decrypt", "k", StatusCode::from_u16(status).unwrap(), body.as_bytes())
        };
        for (code, expected) in [
            ("DisabledException", RootRefusal::Disabled),
            ("com.amazonaws.kms#DisabledException", RootRefusal::Disabled),
            ("KMSInvalidStateException", RootRefusal::InvalidState),
            ("NotFoundException", RootRefusal::NotFound),
            ("AccessDeniedException", RootRefusal::AccessDenied),
            ("UnrecognizedClientException", RootRefusal::AccessDenied),
        ] {
            let error = of(400, code);
            assert!(matches!(error, RootKmsError::Refused { refusal, .. } if refusal == expected), "{error}");
            assert!(error.to_string().contains("why"), "{error}");
        }
        for (status, code) in
            [(400, "ThrottlingException"), (500, "KMSInternalException"), (503, ""), (429, "")]
        {
            assert!(matches!(of(status, code), RootKmsError::Unanswered(_)), "{status} {code}");
        }
        for code in ["ExpiredTokenException", "InvalidSignatureException", "ValidationException", ""] {
            assert!(matches!(of(400, code), RootKmsError::Failed { .. }), "{code}");
        }
        let page = failure("Decrypt", "k", StatusCode::FORBIDDEN, b"<html>");
        assert!(page.to_string().contains("403"), "{page}");
    }
}
