//! Where the binaries, the footage and the clients are.

use std::path::PathBuf;

/// The project's top folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project").to_path_buf()
}

/// A binary of ours, built beforehand by `cargo xtask test`; a stale or missing one is the caller's to rebuild.
pub fn binary(name: &str) -> PathBuf {
    // A test is target/PROFILE/deps/TEST, a benchmark target/PROFILE/bench.
    let own = std::env::current_exe().expect("own path");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    let how = "cargo build -p server && cargo build -p media --features gst --bin media-worker";
    found.unwrap_or_else(|| panic!("{name} is not built for {}: {how}", own.display()))
}

/// Real footage: `KINETOSCOPE_MEDIA`, or `shared/media` beside the project.
pub fn media(file: &str) -> PathBuf {
    let folder =
        std::env::var_os("KINETOSCOPE_MEDIA").map_or_else(|| root().join("../shared/media"), PathBuf::from);
    let path = folder.join(file);
    assert!(path.exists(), "{} is missing; point KINETOSCOPE_MEDIA at the test footage", path.display());
    path
}

/// The Python that `cargo xtask setup` prepared with the client libraries.
pub fn python() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let path = target.join("python/bin/python");
    assert!(path.exists(), "{} is missing; run `cargo xtask setup`", path.display());
    path
}
