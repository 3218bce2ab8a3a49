//! What a request's URL says: `rtsp://host/STREAM[/CONTROL][?token=…&auto_create=…]`.

use rtsp_types::Url;

/// The parts of a URL. Clients hang a track's name at the end of whatever URL they were given, its query included:
/// `rtsp://host/cam?token=kt_…/streamid=0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// The first segment of the path; nothing is said about whether it is a stream's name.
    pub(super) stream: Option<String>,
    /// What stands behind it: which track.
    pub(super) control: String,
    /// For sign-in.
    pub(super) token: Option<String>,
    /// Whether a stream that is not there is made, if the client cares.
    pub(super) auto_create: Option<bool>,
}

impl Target {
    pub(super) fn of_url(url: &Url) -> Self {
        Self::of_parts(url.path(), url.query())
    }

    /// Of a whole URL or of a path alone: clients write either where they say what they signed.
    pub(super) fn of_text(text: &str) -> Self {
        match Url::parse(text) {
            Ok(url) => Self::of_url(&url),
            Err(_) => match text.split_once('?') {
                Some((path, query)) => Self::of_parts(path, Some(query)),
                None => Self::of_parts(text, None),
            },
        }
    }

    fn of_parts(path: &str, query: Option<&str>) -> Self {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let stream = segments.next().filter(|segment| *segment != "*").map(str::to_owned);
        let mut control = segments.collect::<Vec<_>>().join("/");
        let (query, behind) =
            query.unwrap_or_default().split_once('/').unwrap_or((query.unwrap_or_default(), ""));
        if control.is_empty() {
            control = behind.trim_end_matches('/').to_owned();
        }
        let value = |wanted: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(name, value)| (name == wanted).then_some(value))
        };
        let auto_create = value("auto_create").and_then(|value| value.parse().ok());
        Self { stream, control, token: value("token").map(str::to_owned), auto_create }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_track_and_query() {
        let cases = [
            ("rtsp://h:8554/cam", Some("cam"), "", None, None),
            ("rtsp://u:p@h/cam/", Some("cam"), "", None, None),
            ("rtsp://h//cam//streamid=0", Some("cam"), "streamid=0", None, None),
            ("rtsp://h/live/cam", Some("live"), "cam", None, None),
            ("rtsp://h/cam?token=kt_A-b", Some("cam"), "", Some("kt_A-b"), None),
            (
                "rtsp://h/cam?auto_create=false&token=kt_A/streamid=1",
                Some("cam"),
                "streamid=1",
                Some("kt_A"),
                Some(false),
            ),
            ("/cam/trackID=1?x", Some("cam"), "trackID=1", None, None),
            ("rtsp://h", None, "", None, None),
            ("*", None, "", None, None),
        ];
        for (text, stream, control, token, auto_create) in cases {
            let expected = Target {
                stream: stream.map(str::to_owned),
                control: control.to_owned(),
                token: token.map(str::to_owned),
                auto_create,
            };
            assert_eq!(Target::of_text(text), expected, "{text}");
        }
    }
}
