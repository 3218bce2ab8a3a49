//! What can be done on native paths and over RTSP, in the words of policies and of tokens: one table.

use super::token::Verb;

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names in the table say it")]
pub enum Action {
    ListStreams,
    DescribeStream,
    CreateStream,
    UpdateStream,
    UpdateDataRetention,
    DeleteStream,
    PutMedia,
    GetHls,
    GetClip,
    GetMedia,
    ListFragments,
    GetImages,
    ProbeSource,
    DescribeRtsp,
    GetMetrics,
    CreateToken,
    ListUsers,
    GetUser,
    CreateUser,
    DeleteUser,
    CreateKey,
    ListKeys,
    UpdateKey,
    DeleteKey,
    PutPolicy,
    GetPolicy,
    DeletePolicy,
    SimulatePolicy,
    ListKeyStreams,
    GetAuditLog,
}

/// What an action is for those who look at it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changes what others meet later: each is written down before it is answered.
    Control,
    /// Reads, or carries media: counted.
    Use,
}

/// A line of the table.
struct Row {
    action: Action,
    name: &'static str,
    /// What a token must say; `None`: no token allows it.
    verb: Option<Verb>,
    kind: Kind,
}

const fn row(action: Action, name: &'static str, verb: Option<Verb>, kind: Kind) -> Row {
    Row { action, name, verb, kind }
}

/// In the order of [`Action`].
const TABLE: &[Row] = &[
    row(Action::ListStreams, "kinesisvideo:ListStreams", Some(Verb::Play), Kind::Use),
    row(Action::DescribeStream, "kinesisvideo:DescribeStream", Some(Verb::Play), Kind::Use),
    row(Action::CreateStream, "kinesisvideo:CreateStream", Some(Verb::Manage), Kind::Control),
    row(Action::UpdateStream, "kinesisvideo:UpdateStream", Some(Verb::Manage), Kind::Control),
    row(Action::UpdateDataRetention, "kinesisvideo:UpdateDataRetention", Some(Verb::Manage), Kind::Control),
    row(Action::DeleteStream, "kinesisvideo:DeleteStream", Some(Verb::Manage), Kind::Control),
    row(Action::PutMedia, "kinesisvideo:PutMedia", Some(Verb::Ingest), Kind::Use),
    row(Action::GetHls, "kinesisvideo:GetHLSStreamingSessionURL", Some(Verb::Play), Kind::Use),
    row(Action::GetClip, "kinesisvideo:GetClip", Some(Verb::Play), Kind::Use),
    row(Action::GetMedia, "kinesisvideo:GetMedia", Some(Verb::Play), Kind::Use),
    row(Action::ListFragments, "kinesisvideo:ListFragments", Some(Verb::Play), Kind::Use),
    row(Action::GetImages, "kinesisvideo:GetImages", Some(Verb::Frames), Kind::Use),
    row(Action::ProbeSource, "kinetoscope:ProbeSource", Some(Verb::Manage), Kind::Control),
    row(Action::DescribeRtsp, "kinetoscope:DescribeRtsp", Some(Verb::Manage), Kind::Use),
    row(Action::GetMetrics, "kinetoscope:GetMetrics", Some(Verb::Metrics), Kind::Use),
    row(Action::CreateToken, "kinetoscope:CreateToken", None, Kind::Control),
    row(Action::ListUsers, "iam:ListUsers", None, Kind::Use),
    row(Action::GetUser, "iam:GetUser", None, Kind::Use),
    row(Action::CreateUser, "iam:CreateUser", None, Kind::Control),
    row(Action::DeleteUser, "iam:DeleteUser", None, Kind::Control),
    row(Action::CreateKey, "iam:CreateAccessKey", None, Kind::Control),
    row(Action::ListKeys, "iam:ListAccessKeys", None, Kind::Use),
    row(Action::UpdateKey, "iam:UpdateAccessKey", None, Kind::Control),
    row(Action::DeleteKey, "iam:DeleteAccessKey", None, Kind::Control),
    row(Action::PutPolicy, "iam:PutUserPolicy", None, Kind::Control),
    row(Action::GetPolicy, "iam:GetUserPolicy", None, Kind::Use),
    row(Action::DeletePolicy, "iam:DeleteUserPolicy", None, Kind::Control),
    row(Action::SimulatePolicy, "iam:SimulatePrincipalPolicy", None, Kind::Use),
    row(Action::ListKeyStreams, "kinetoscope:ListKeyStreams", None, Kind::Use),
    row(Action::GetAuditLog, "kinetoscope:GetAuditLog", None, Kind::Use),
];

impl Action {
    /// As policies write it.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].name
    }

    /// What a token must say to allow it; `None`: no token does.
    pub fn verb(self) -> Option<Verb> {
        TABLE[self as usize].verb
    }

    /// What it is for the audit log.
    pub fn kind(self) -> Kind {
        TABLE[self as usize].kind
    }

    /// The action of a number; does not compile for what is none.
    pub(super) const fn of<const NUMBER: u8>() -> Self {
        TABLE[NUMBER as usize].action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_stands_where_it_is_looked_up() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.action as usize, index, "{:?}", row.action);
            let alike = TABLE.iter().filter(|other| other.name == row.name).count();
            assert_eq!(alike, 1, "{}", row.name);
        }
        assert_eq!(Action::GetAuditLog as usize + 1, TABLE.len(), "the last one is in the table");
    }
}
