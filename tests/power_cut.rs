//! Power cuts on real file systems. The server's data lies on a file system in an image file; while it writes, the image is
//! copied at one instant. The copy is what a disk holds after a power cut at that instant: whatever the server, or the
//! kernel for it, had not yet sent to the disk is missing. It is mounted, which recovers the file system, and a server is
//! started on it: what clients had been told before the instant must be there.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::client::Client;
use tests::harness::disks::{Kind, Mounted, copy_at_once, say_none};
use tests::harness::promises::{Pieces, Promises};
use tests::harness::pusher::Pusher;
use tests::harness::seed::Seed;
use tests::harness::server::{self, Server, Settings};
use tests::harness::unsynced::copy_without;
use tests::harness::wait;

/// Power cuts on each kind of file system.
const CUTS: [(Kind, usize); 3] = [(Kind::Ext4, 9), (Kind::Xfs, 8), (Kind::Ext4WithoutJournal, 5)];
/// Imitated power cuts; where nothing can be mounted, five times as many.
const CUTS_OF_FOLDER: usize = 4;
const STREAMS: [&str; 2] = ["one", "two"];
/// What the file systems may grow to; what is not written takes no room.
const DISK_MIB: u64 = 2 << 10;

#[tokio::test]
async fn what_was_acknowledged_survives_power_cuts() {
    let folder = TempDir::new().expect("temporary folder");
    let pieces = Pieces::make(folder.path(), 40, 10);
    let mut seed = Seed::new("instants of the power cuts");
    let image = folder.path().join("disks.img");
    let made = Kind::Xfs.make(&image, 4 * DISK_MIB);
    let mut cuts_of_folder = CUTS_OF_FOLDER;
    match made.and_then(|()| Kind::Xfs.mount(&image, &folder.path().join("disks"))) {
        Ok(disks) => {
            for (kind, cuts) in CUTS {
                cut_disks(&disks, kind, cuts, &pieces, &mut seed).await;
            }
        }
        Err(why) => {
            say_none(
                &why,
                "Power cuts take away only what the kernel has not sent to the disk; no names are lost.",
            );
            cuts_of_folder *= 5;
        }
    }
    cut_folder(cuts_of_folder, folder.path(), &pieces, &mut seed).await;
}

/// Cuts the power of file systems in image files on `disks`.
async fn cut_disks(disks: &Mounted, kind: Kind, cuts: usize, pieces: &Pieces, seed: &mut Seed) {
    let [disk, copy] = ["disk.img", "copy.img"].map(|name| disks.at().join(name));
    let [at, after] = ["data", "after"].map(|name| disks.at().with_file_name(name));
    kind.make(&disk, DISK_MIB).expect("a file system is made in a file");
    let mounted = kind.mount(&disk, &at).expect("and mounted");
    let mut machine = Machine { name: format!("{kind:?}"), pieces, promises: BTreeMap::new() };
    // Dropped before the file system.
    let server = Server::start_on(&mounted.at().join("data"), settings()).await;
    for _ in 0..cuts {
        let cut = || copy_at_once(&disk, &copy).expect("a copy at one instant");
        let promised = machine.write_until(cut, &server.client(), seed).await;
        let recovered = kind.mount(&copy, &after).expect("the file system recovers");
        machine.start_from(&recovered.at().join("data"), promised, &server).await;
        drop(recovered);
        std::fs::remove_file(&copy).expect("the copy is in nobody's use");
    }
    drop((server, mounted));
    std::fs::remove_file(&disk).expect("the file system is in nobody's use");
}

/// Takes away from copies of a folder what is not on the disk.
async fn cut_folder(cuts: usize, folder: &Path, pieces: &Pieces, seed: &mut Seed) {
    let [data, copy] = ["before", "after"].map(|name| folder.join(name).join("data"));
    let mut machine = Machine { name: "files".to_owned(), pieces, promises: BTreeMap::new() };
    let server = Server::start_on(&data, settings()).await;
    for _ in 0..cuts {
        let cut = || copy_without(server.pid(), &data, &copy).expect("a copy of what is on the disk");
        let promised = machine.write_until(cut, &server.client(), seed).await;
        machine.start_from(&copy, promised, &server).await;
        std::fs::remove_dir_all(&copy).expect("the copy is in nobody's use");
    }
}

fn settings() -> Settings {
    // Small segments, so that cuts meet new files and names.
    let args = ["--segment-mib", "1", "--workers", "1", "--camera-workers", "1"].map(str::to_owned);
    Settings { args: args.to_vec(), ..Settings::default() }
}

/// A machine whose power is cut, and what was promised by it.
struct Machine<'a> {
    name: String,
    pieces: &'a Pieces,
    promises: BTreeMap<&'static str, Promises>,
}

impl Machine<'_> {
    /// Cameras push until the power is cut at some instant. What had been promised before it.
    async fn write_until(
        &mut self,
        cut: impl FnOnce(),
        client: &Client,
        seed: &mut Seed,
    ) -> BTreeMap<&'static str, Promises> {
        let pace = Duration::from_millis([3, 12, 25][seed.below(3) as usize]);
        let pushers: Vec<(&'static str, Pusher)> =
            STREAMS.iter().map(|stream| (*stream, self.pieces.push(client, stream, pace))).collect();
        wait::until("an acknowledgement", Duration::from_secs(60), || async {
            if pushers[0].1.persisted().is_empty() { Err("none".to_owned()) } else { Ok(()) }
        })
        .await;
        tokio::time::sleep(Duration::from_millis(seed.below(400))).await;
        let mut before = self.promises.clone();
        for (stream, pusher) in &pushers {
            before.entry(stream).or_default().add(&pusher.persisted());
        }
        cut();
        for (stream, pusher) in pushers {
            self.promises.entry(stream).or_default().add(&pusher.finish().await);
        }
        before
    }

    /// The machine starts again with what is on its disk.
    async fn start_from(&self, data: &Path, promised: BTreeMap<&'static str, Promises>, before: &Server) {
        let mut server = Server::start_on(data, settings()).await;
        let client = server.client();
        let mut counts = Vec::new();
        for (stream, mut promises) in promised {
            counts.push(promises.len());
            if let Err(broken) = promises.hold(&client, stream, self.pieces).await {
                let (name, after, before) = (&self.name, server.log_tail(), before.log_tail());
                panic!(
                    "{broken}\nafter a power cut, {name}; the server then:\n{after}\nand before:\n{before}"
                );
            }
        }
        assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
        server::check(data);
        println!("{}: {counts:?} acknowledged fragments are there after a power cut", self.name);
    }
}
