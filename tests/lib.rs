//! What the black-box tests share: a server of their own on a free port, cameras that are real programs, footage made
//! on the spot, and waiting for conditions instead of sleeping.
//!
//! Every test starts what it needs and ends it; nothing talks to anything but loopback.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)] // tests speak, and run on real time

pub mod harness {
    //! Building blocks, one file each.
    pub mod boxes;
    pub mod camera;
    pub mod client;
    pub mod disks;
    pub mod footage;
    pub mod frames;
    pub mod paths;
    pub mod processes;
    pub mod promises;
    pub mod pusher;
    pub mod root_kms;
    pub mod rtsp;
    pub mod scripts;
    pub mod seed;
    pub mod server;
    pub mod time;
    pub mod unsynced;
    pub mod wait;
}
