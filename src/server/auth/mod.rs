//! Who may do what, checked before a request's body is read.
//!
//! ```text
//! access key ─► identity: root (may do everything), or a user ─► policies: what the user may do, in the words of `action`
//! token      ─► grant of the key that made it: allows what both the grant and the key's user may
//! ```

mod access;
mod action;
mod credentials;
mod identity;
mod keys;
mod names;
pub mod policy;
mod request;
mod token;

pub use access::{Access, Circumstances, Target, Token, judge};
pub use action::{Action, Kind};
pub use credentials::Credentials;
pub(crate) use credentials::{profile_value, read_profiles};
pub use identity::{ChangeError, Identities, Identity, KeyInfo, StoredPolicy, User};
pub use keys::{KeysError, preset};
pub use names::Names;
pub use request::*;
pub use token::{Grant, UserPassword, Verb, Verbs};
