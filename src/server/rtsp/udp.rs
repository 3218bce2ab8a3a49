//! Datagrams of a camera: two ports for each track, one for media and the next for reports.

use media::worker_protocol::camera::{BatchBuilder, PacketKind};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// Asked of the kernel for each port; a key frame comes in one burst.
const RECEIVE_BUFFER_BYTES: usize = 2 << 20;
/// Attempts to find two ports that follow each other, the first even (RFC 3550, section 11).
const ATTEMPTS_MAX: usize = 64;
/// Datagrams taken at a time, so that other connections get their turn.
const DATAGRAMS_MAX: usize = 256;

/// The two ports of a track.
pub(super) struct Ports {
    media: UdpSocket,
    reports: UdpSocket,
    /// The number of the first.
    pub(super) first: u16,
}

impl Ports {
    /// Opens two ports at `local`, where the client's connection came in.
    pub(super) async fn open(local: IpAddr) -> io::Result<Self> {
        for _ in 0..ATTEMPTS_MAX {
            let media = UdpSocket::bind(SocketAddr::new(local, 0)).await?;
            let first = media.local_addr()?.port();
            let Some(second) = first.checked_add(1).filter(|_| first % 2 == 0) else { continue };
            let Ok(reports) = UdpSocket::bind(SocketAddr::new(local, second)).await else { continue };
            for socket in [&media, &reports] {
                // The kernel gives what it allows; less is no reason to refuse.
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER_BYTES);
            }
            return Ok(Self { media, reports, first });
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no two free UDP ports that follow each other"))
    }
}

/// Takes a camera's datagrams.
pub(super) struct Receiver {
    sockets: Vec<(UdpSocket, u8, PacketKind)>,
    /// Nobody else's datagrams count.
    peer: IpAddr,
    buffer: Box<[u8]>,
}

impl Receiver {
    /// `ports` in the order of the tracks.
    pub(super) fn new(ports: impl IntoIterator<Item = Ports>, peer: IpAddr) -> Self {
        let mut sockets = Vec::new();
        for (track, ports) in (0..).zip(ports) {
            sockets.push((ports.media, track, PacketKind::Rtp));
            sockets.push((ports.reports, track, PacketKind::Rtcp));
        }
        // No datagram is longer than its 16-bit length allows.
        Self { sockets, peer, buffer: vec![0; 1 << 16].into() }
    }

    /// Adds what has come to `batch`, until that is full or nothing more is there; ready when something was added.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut BatchBuilder,
    ) -> Poll<io::Result<()>> {
        let mut taken = 0;
        for (socket, track, kind) in &self.sockets {
            while taken < DATAGRAMS_MAX && batch.len() < BATCH_BYTES {
                let mut buffer = ReadBuf::new(&mut self.buffer);
                match socket.poll_recv_from(cx, &mut buffer) {
                    Poll::Pending => break,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(from)) => {
                        taken += 1;
                        if from.ip().to_canonical() == self.peer
                            && !batch.push(*track, *kind, buffer.filled())
                        {
                            break;
                        }
                    }
                }
            }
        }
        if !batch.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if taken > 0 {
            // Strangers' datagrams only; there may be more behind them.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// A batch is handed on at this size at the latest; the longest datagram still fits then.
const BATCH_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::worker_protocol::camera::CameraRequest;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn datagrams_come_in_with_track_and_kind_and_strangers_do_not() {
        let tracks = [Ports::open(LOCAL).await.unwrap(), Ports::open(LOCAL).await.unwrap()];
        let firsts = [tracks[0].first, tracks[1].first];
        assert!(firsts.iter().all(|first| first % 2 == 0));
        let mut receiver = Receiver::new(tracks, LOCAL);
        let friend = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        stranger.send_to(b"strange", (LOCAL, firsts[1] + 1)).await.unwrap();
        friend.send_to(b"report", (LOCAL, firsts[1] + 1)).await.unwrap();
        let mut batch = BatchBuilder::default();
        std::future::poll_fn(|cx| receiver.poll_receive(cx, &mut batch)).await.unwrap();
        let message: Bytes = batch.take(1).slice(4..);
        let CameraRequest::Packets(batch) = CameraRequest::decode(message).unwrap() else { panic!() };
        let packets: Vec<_> = batch.packets().map(Result::unwrap).collect();
        assert_eq!(packets.len(), 1);
        assert_eq!(
            (packets[0].track, packets[0].kind, &packets[0].data[..]),
            (1, PacketKind::Rtcp, &b"report"[..])
        );
    }
}
