//! The value of `rtsp_listen`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Where RTSP is served: an address, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum RtspListen {
    /// Nowhere.
    Off,
    /// There.
    On(SocketAddr),
}

impl FromStr for RtspListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        text.parse().map(Self::On).map_err(|_| format!("{text:?} is neither ADDRESS:PORT nor `off`"))
    }
}

impl TryFrom<String> for RtspListen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for RtspListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(address) => address.fmt(f),
        }
    }
}

impl From<RtspListen> for String {
    fn from(listen: RtspListen) -> Self {
        listen.to_string()
    }
}
