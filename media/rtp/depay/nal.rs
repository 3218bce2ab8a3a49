//! Heads of NAL units, and of the payloads that hold them.

/// How NAL units are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `forbidden 1, importance 2, type 5`
    H264,
    /// `forbidden 1, type 6, layer 6, temporal layer 3`
    H265,
}

/// What a NAL unit, or a payload, is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Part of a picture.
    Picture,
    /// A parameter set; after a picture it begins the next access unit.
    Parameter,
    /// Anything else that, after a picture, begins the next access unit.
    Begins,
    Other,
    /// A payload with several NAL units.
    Aggregation,
    /// A payload with a part of a NAL unit.
    Fragment,
    /// A payload that is not taken.
    Foreign,
}

impl Role {
    /// Whether only payloads have it: a NAL unit that says so of itself is not taken.
    pub(super) fn is_of_payloads(self) -> bool {
        matches!(self, Self::Aggregation | Self::Fragment | Self::Foreign)
    }
}

impl Form {
    pub(super) fn head_bytes(self) -> usize {
        match self {
            Self::H264 => 1,
            Self::H265 => 2,
        }
    }

    /// The type in a head that is as long as it should be.
    pub(super) fn kind(self, head: &[u8]) -> u8 {
        match self {
            Self::H264 => head[0] & 0x1f,
            Self::H265 => head[0] >> 1 & 0x3f,
        }
    }

    /// What the head says.
    pub(super) fn role(self, head: &[u8]) -> Role {
        match (self, self.kind(head)) {
            (Self::H264, 1..=5) => Role::Picture,
            (Self::H264, 7 | 8) => Role::Parameter,
            (Self::H264, 6 | 9) => Role::Begins,
            (Self::H264, 24) => Role::Aggregation,
            (Self::H264, 28) => Role::Fragment,
            // 25 to 27 and 29 are of the interleaved mode.
            (Self::H264, 0 | 25..) => Role::Foreign,
            (Self::H265, 0..=31) => Role::Picture,
            (Self::H265, 32..=34) => Role::Parameter,
            (Self::H265, 35 | 39 | 41..=44) => Role::Begins,
            (Self::H265, 48) => Role::Aggregation,
            (Self::H265, 49) => Role::Fragment,
            (Self::H265, 50..) => Role::Foreign,
            (_, _) => Role::Other,
        }
    }

    /// Whether a part of a picture is its first: then what comes after the head begins with a one, as the flag in H.265 and
    /// as the number 0 in H.264.
    pub(super) fn is_first_slice(self, nal: &[u8]) -> bool {
        let partition = self == Self::H264 && matches!(self.kind(nal), 3 | 4); // begin otherwise, and never are
        !partition && nal.get(self.head_bytes()).is_some_and(|byte| byte & 0x80 != 0)
    }

    /// The head of the NAL unit that a fragment is of; as many bytes of it count as a head has.
    pub(super) fn head_of_fragmented(self, head: &[u8], of: u8) -> [u8; 2] {
        match self {
            Self::H264 => [head[0] & 0xe0 | of & 0x1f, 0],
            Self::H265 => [head[0] & 0x81 | (of & 0x3f) << 1, head[1]],
        }
    }

    /// Whether any of these NAL units is part of a picture.
    pub(super) fn has_picture(self, unit: &[u8]) -> bool {
        crate::fmp4::nal::nal_units(unit, super::LENGTH_BYTES as u8)
            .any(|nal| nal.get(..self.head_bytes()).is_some_and(|head| self.role(head) == Role::Picture))
    }
}
