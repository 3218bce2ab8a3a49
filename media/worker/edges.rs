//! What lies beyond a picture's right edge.
//!
//! JPEG codes blocks of 8 or 16 pixels. Where a picture does not fill the last ones, `jpegenc` reads on beyond the end of
//! each row: into the next row, or into memory that nobody has written. So the image would differ from run to run, and show
//! traces of it near the edge. Here every row gets a tail in which its last pixel is repeated.

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

/// Pixels in the widest block.
const BLOCK: usize = 16;

/// The picture with rows that go on up to the end of the last block. `None` if it cannot be read.
pub(crate) fn extended(picture: gst::Buffer, info: &gst_video::VideoInfo) -> Option<gst::Buffer> {
    if (info.width() as usize).is_multiple_of(BLOCK) {
        return Some(picture);
    }
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(&picture, info).ok()?;
    let (mut bytes, mut offsets, mut strides) = (Vec::new(), Vec::new(), Vec::new());
    for plane in 0..info.n_planes() {
        // Planar formats only: a plane is a component.
        let width = info.comp_width(plane as u8) as usize;
        let height = info.comp_height(plane as u8) as usize;
        let stride = usize::try_from(*frame.plane_stride().get(plane as usize)?).ok()?;
        let data = frame.plane_data(plane).ok()?;
        let extended = width.next_multiple_of(BLOCK);
        offsets.push(bytes.len());
        strides.push(i32::try_from(extended).ok()?);
        for row in 0..height {
            let row = data.get(row * stride..)?.get(..width)?;
            bytes.extend_from_slice(row);
            bytes.resize(bytes.len() + extended - width, *row.last()?);
        }
    }
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let flags = gst_video::VideoFrameFlags::empty();
    let (format, width, height) = (info.format(), info.width(), info.height());
    gst_video::VideoMeta::add_full(buffer.get_mut()?, flags, format, width, height, &offsets, &strides)
        .ok()?;
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_with_copies_of_their_last_pixel() {
        gst::init().unwrap();
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 18, 3).build().unwrap();
        // As GStreamer lays it out: four rows of 20 bytes, then rows of 12; of which 3 of 18 and 2 of 9 are pixels.
        let numbers: Vec<u8> = (0..info.size()).map(|byte| byte as u8).collect();
        let picture = extended(gst::Buffer::from_slice(numbers), &info).unwrap();
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(&picture, &info).unwrap();
        assert_eq!(frame.plane_stride(), [32, 16, 16]);
        let luma = frame.plane_data(0).unwrap();
        assert_eq!(luma[32..50], (20..38).collect::<Vec<u8>>());
        assert_eq!(luma[50..64], [37; 14]);
        let chroma = frame.plane_data(1).unwrap();
        assert_eq!(chroma[16..25], (92..101).collect::<Vec<u8>>());
        assert_eq!(chroma[25..32], [100; 7]);
    }
}
