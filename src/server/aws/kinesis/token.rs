//! What clients carry for us: sealed, so that nobody can make one or look into it.

use crate::app::App;
use crate::aws::error::AwsError;
use base64_simd::STANDARD;

/// Longest text that is looked at.
const TEXT_BYTES_MAX: usize = 4096;

/// Seals bytes for a purpose, as text. No two are the same.
pub(super) fn seal(app: &App, purpose: &str, plain: &[u8]) -> Result<String, AwsError> {
    let sealed =
        app.vault.seal_blob(purpose.as_bytes(), plain).map_err(|error| AwsError::internal(&error))?;
    Ok(STANDARD.encode_to_string(sealed))
}

/// Opens what [`seal`] sealed for the same purpose; `None` if it did not.
pub(super) fn open(app: &App, purpose: &str, text: &str) -> Option<Vec<u8>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let sealed = STANDARD.decode_to_vec(text).ok()?;
    app.vault.open_blob(purpose.as_bytes(), &sealed).ok()
}
