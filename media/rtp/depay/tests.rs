use super::*;
use crate::rtp::RtpPacket;
use proptest::prelude::*;

/// Payload bytes of the packets that tests make.
const MTU: usize = 20;

fn track(encoding: Encoding, fmtp: &[(&str, &str)]) -> RtpTrack {
    RtpTrack {
        encoding,
        payload_type: 96,
        clock_rate: 90_000,
        channels: 0,
        fmtp: fmtp.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ntp_extension: None,
        control: String::new(),
    }
}

fn received(ticks: i64, marker: bool, payload: &[u8]) -> Received {
    let head = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut packet = RtpPacket::parse(&head.to_vec().into()).unwrap();
    (packet.marker, packet.payload) = (marker, Bytes::copy_from_slice(payload));
    Received { packet, ticks, sequence: 0, lost: 0, late: false, restarted: false, tie: None }
}

/// As a sender would put NAL units into payloads: small ones together, large ones in pieces.
fn payloads(form: Form, nals: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let head_bytes = form.head_bytes();
    let head_of = |kind: u8, nal: &[u8]| match form {
        Form::H264 => vec![nal[0] & 0xe0 | kind],
        Form::H265 => vec![nal[0] & 0x81 | kind << 1, nal[1]],
    };
    let (aggregation, fragment) = if form == Form::H264 { (24, 28) } else { (48, 49) };
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for pair in nals.chunks(2) {
        if let [first, second] = pair
            && first.len() + second.len() + 4 + head_bytes <= MTU
        {
            let len = |nal: &Vec<u8>| (nal.len() as u16).to_be_bytes();
            payloads
                .push([&head_of(aggregation, first)[..], &len(first), first, &len(second), second].concat());
            continue;
        }
        for nal in pair {
            if nal.len() <= MTU {
                payloads.push(nal.clone());
                continue;
            }
            let pieces: Vec<&[u8]> = nal[head_bytes..].chunks(MTU - head_bytes - 1).collect();
            for (index, piece) in pieces.iter().enumerate() {
                let ends = u8::from(index == 0) << 7 | u8::from(index + 1 == pieces.len()) << 6;
                payloads.push([&head_of(fragment, nal)[..], &[ends | form.kind(nal)], piece].concat());
            }
        }
    }
    payloads
}

fn sample(nals: &[Vec<u8>]) -> Bytes {
    nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
}

fn units(out: Vec<Depayloaded>) -> Vec<(i64, Bytes)> {
    let unit = |one| match one {
        Depayloaded::Unit { ticks, data } => Some((ticks, data)),
        Depayloaded::Parameters(_) => None,
    };
    out.into_iter().filter_map(unit).collect()
}

/// A NAL unit of a slice, which is the first of its picture or not.
fn slice(form: Form, first: bool, len: usize) -> Vec<u8> {
    let mut nal = if form == Form::H264 { vec![0x41] } else { vec![2, 1] };
    nal.push(u8::from(first) << 7 | 5);
    nal.resize(nal.len() + len, 7);
    nal
}

fn sei(form: Form) -> Vec<u8> {
    if form == Form::H264 { vec![6, 1, 1, 9, 0x80] } else { vec![39 << 1, 1, 1, 1, 9, 0x80] }
}

fn forms() -> impl Strategy<Value = (Form, Encoding)> {
    prop_oneof![Just((Form::H264, Encoding::H264)), Just((Form::H265, Encoding::H265))]
}

proptest! {
    #[test]
    fn what_senders_take_apart_is_put_together(
        (form, encoding) in forms(), marked: bool,
        pictures in prop::collection::vec((any::<bool>(), prop::collection::vec(0_usize..70, 1..4)), 1..8),
    ) {
        let mut depayloader = Depayloader::new(&track(encoding, &[])).unwrap();
        let mut expected = Vec::new();
        for (ticks, (told, slices)) in (0..).step_by(3_000).zip(pictures) {
            let mut nals: Vec<Vec<u8>> = told.then(|| sei(form)).into_iter().collect();
            nals.extend(slices.iter().enumerate().map(|(index, len)| slice(form, index == 0, *len)));
            let payloads = payloads(form, &nals);
            for (index, payload) in payloads.iter().enumerate() {
                let last = marked && index + 1 == payloads.len();
                depayloader.push(&received(ticks, last, payload));
            }
            expected.push((ticks, sample(&nals)));
        }
        depayloader.end();
        prop_assert_eq!(units(depayloader.take()), expected);
        prop_assert_eq!(depayloader.foreign(), 0);
    }

    /// Whatever comes, what goes out is made of whole NAL units, one of them at least of a picture.
    #[test]
    fn any_payloads_are_safe(
        (form, encoding) in forms(),
        packets in prop::collection::vec((
            prop_oneof![Just(24_u8), Just(28), Just(96), Just(98), any::<u8>()],
            prop::collection::vec(any::<u8>(), 0..40), 0_i64..3, any::<bool>(), 0_u32..2, any::<bool>(), any::<bool>(),
        ), 0..40),
    ) {
        let mut depayloader = Depayloader::new(&track(encoding, &[])).unwrap();
        for (head, rest, ticks, marker, lost, late, restarted) in packets {
            let packet = received(ticks, marker, &[&[head][..], &rest].concat());
            depayloader.push(&Received { lost, late, restarted, ..packet });
        }
        depayloader.end();
        for (_, data) in units(depayloader.take()) {
            let nals: Vec<&[u8]> = crate::fmp4::nal::nal_units(&data, 4).collect();
            prop_assert_eq!(nals.iter().map(|nal| nal.len() + 4).sum::<usize>(), data.len());
            prop_assert!(nals.iter().any(|nal| form.role(nal) == Role::Picture));
            prop_assert!(nals.iter().all(|nal| form.role(nal) != Role::Parameter && !form.role(nal).is_of_payloads()));
        }
    }
}

#[test]
fn a_unit_whose_last_fragment_never_comes_is_left_out() {
    let mut depayloader = Depayloader::new(&track(Encoding::H264, &[])).unwrap();
    let (whole, begun) = ([0x41, 0x85], [28, 0x81, 5]);
    for (ticks, payload) in [(7, &whole[..]), (7, &begun), (8, &whole)] {
        depayloader.push(&received(ticks, false, payload));
    }
    depayloader.end();
    // The fragment began a picture of its own: nothing is left of that.
    assert_eq!(units(depayloader.take()), [7, 8].map(|ticks| (ticks, sample(&[whole.to_vec()]))));
}

#[test]
fn the_first_fragment_says_what_the_unit_is() {
    let mut depayloader = Depayloader::new(&track(Encoding::H264, &[])).unwrap();
    let (set, last_says_a_slice, picture) = ([28, 0x87, 1], [28, 0x41, 2], [0x41, 0x85]);
    for payload in [&set[..], &last_says_a_slice, &picture] {
        depayloader.push(&received(7, false, payload));
    }
    depayloader.end();
    assert_eq!(units(depayloader.take()), [(7, sample(&[picture.to_vec()]))]);
}

#[test]
fn a_picture_ends_where_the_next_begins_though_nothing_marks_it() {
    for (form, encoding) in [(Form::H264, Encoding::H264), (Form::H265, Encoding::H265)] {
        let mut depayloader = Depayloader::new(&track(encoding, &[])).unwrap();
        let pictures = [
            vec![slice(form, true, 3), slice(form, false, 3)],
            vec![sei(form), slice(form, true, 4)],
            vec![slice(form, true, 5)],
        ];
        for nal in pictures.iter().flatten() {
            depayloader.push(&received(7, false, nal));
        }
        depayloader.end();
        let expected: Vec<_> = pictures.iter().map(|nals| (7, sample(nals))).collect();
        assert_eq!(units(depayloader.take()), expected);
    }
}

#[test]
fn a_nal_unit_that_lost_a_fragment_is_left_out_and_no_other() {
    for (form, encoding) in [(Form::H264, Encoding::H264), (Form::H265, Encoding::H265)] {
        let nals = [sei(form), slice(form, true, 60), slice(form, false, 3)];
        let whole = payloads(form, &nals[1..2]);
        assert!(whole.len() > 2);
        for missing in 0..whole.len() {
            let mut depayloader = Depayloader::new(&track(encoding, &[])).unwrap();
            depayloader.push(&received(1, false, &nals[0]));
            for (index, payload) in whole.iter().enumerate().filter(|(index, _)| *index != missing) {
                let lost = u32::from(index == missing + 1);
                depayloader.push(&Received { lost, ..received(1, false, payload) });
            }
            let lost = u32::from(missing + 1 == whole.len());
            depayloader.push(&Received { lost, ..received(1, true, &nals[2]) });
            // Nothing is left of this one's picture.
            for payload in &payloads(form, &nals[1..2])[1..] {
                depayloader.push(&received(2, false, payload));
            }
            depayloader.push(&received(3, true, &slice(form, true, 1)));
            let expected =
                [(1, sample(&[nals[0].clone(), nals[2].clone()])), (3, sample(&[slice(form, true, 1)]))];
            assert_eq!(units(depayloader.take()), expected, "fragment {missing}");
        }
    }
}

#[test]
fn parameter_sets_come_before_the_pictures_they_are_for_and_only_when_they_change() {
    let (sps, pps) = ([0x67, 0x42, 0xc0, 0x1e, 0xda, 1], [0x68, 0xce, 0x38, 0x80]);
    let described = track(Encoding::H264, &[("sprop-parameter-sets", "Z0LAHtoB, aM44gA==,%")]);
    let mut depayloader = Depayloader::new(&described).unwrap();
    let [Depayloaded::Parameters(sets)] = &depayloader.take()[..] else { panic!("not told at once") };
    assert_eq!(
        (sets.sequence().next().unwrap(), sets.picture().next().unwrap()),
        (&sps[..].to_vec().into(), &pps[..].to_vec().into())
    );
    assert_eq!(sets.video().count(), 0);

    let mut other = sps;
    other[5] = 2;
    for (ticks, set) in [(0, &sps[..]), (1, &pps), (2, &other), (3, &other)] {
        depayloader.push(&received(ticks, false, set));
        depayloader.push(&received(ticks, true, &slice(Form::H264, true, 2)));
    }
    let kinds: Vec<Option<i64>> = depayloader
        .take()
        .into_iter()
        .map(|one| match one {
            Depayloaded::Unit { ticks, data } => {
                assert_eq!(data, sample(&[slice(Form::H264, true, 2)]));
                Some(ticks)
            }
            Depayloaded::Parameters(sets) => {
                assert!(sets.sequence().eq([&other[..]]));
                None
            }
        })
        .collect();
    assert_eq!(kinds, [Some(0), Some(1), None, Some(2), Some(3)]);
}

#[test]
fn late_packets_and_forms_that_are_not_taken_are_passed_over() {
    let mut depayloader = Depayloader::new(&track(Encoding::H264, &[])).unwrap();
    depayloader.push(&Received { late: true, ..received(0, true, &slice(Form::H264, true, 2)) });
    for payload in [&[][..], &[29, 0x85, 1], &[25, 0, 1], &[24, 0, 9, 1], &[28], &[0]] {
        depayloader.push(&received(0, true, payload));
    }
    assert_eq!((depayloader.take(), depayloader.foreign()), (Vec::new(), 6));
}

#[test]
fn nothing_grows_without_bound() {
    let mut depayloader = Depayloader::new(&track(Encoding::H264, &[])).unwrap();
    let piece = vec![1; 60_000];
    let push = |depayloader: &mut Depayloader, ends: u8| {
        depayloader.push(&received(0, false, &[&[0x7c, ends | 5][..], &piece].concat()));
    };
    push(&mut depayloader, 0x80);
    for _ in 0..UNIT_BYTES_MAX / 60_000 + 10 {
        push(&mut depayloader, 0);
    }
    push(&mut depayloader, 0x40);
    depayloader.end();
    assert_eq!(depayloader.take(), []);
    assert!(depayloader.unit.data.capacity() <= 2 * UNIT_BYTES_MAX);
}

#[test]
fn ids_are_found_behind_the_levels_of_layers() {
    let nal = |rest: &[u8]| [&[0x42, 1][..], rest].concat();
    let id = |rest: &[u8]| {
        let mut sets = ParameterSets::default();
        (sets.keep(Form::H265, &nal(rest)), sets.sequence().count())
    };
    // One layer: a byte, twelve of level (with three that only keep a start code away), then id 0.
    let level = [1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5d];
    assert_eq!(id(&[&[1][..], &level, &[0x80]].concat()), (true, 1));
    assert_eq!(id(&[&[1][..], &level].concat()), (false, 0), "cut off");
    // Id 16, which there is not.
    assert_eq!(id(&[&[1][..], &level, &[0b0000_1000, 0b1000_0000]].concat()), (false, 0));
    // Two layers, the lower with a level of its own.
    assert_eq!(id(&[&[3][..], &level, &[0x40, 0, 0x5d, 0x80]].concat()), (true, 1));
    assert_eq!(id(&[&[3][..], &level, &[0x40, 0, 0x5d]].concat()), (false, 0));
}
