//! Cameras' sockets, handed over by the server through the socket that is stdin.

use rustix::fd::OwnedFd;
use rustix::io::{Errno, IoSliceMut};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::{cmsg_space, stdio};
use std::io;
use std::mem::MaybeUninit;

/// Sockets that may come with one byte; the server sends one.
const SOCKETS_MAX: usize = 4;

/// Waits for the next sockets; `None` when the server has gone, and nothing when it sent bytes alone.
pub(crate) fn next() -> io::Result<Option<Vec<OwnedFd>>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let parts = &mut [IoSliceMut::new(&mut byte)];
        match recvmsg(stdio::stdin(), parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut sockets = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            sockets.extend(rights);
        }
    }
    Ok(Some(sockets))
}
