//! Where the binaries, the footage and the clients are.

use std::path::PathBuf;

/// The project's top folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project").to_path_buf()
}

/// A binary of ours, built beforehand by `cargo xtask test`; a stale or missing one is the caller's to rebuild.
pub fn binary(name: &str) -> PathBuf {
    let test_executable = std::env::current_exe().expect("own path");
    let profile = test_executable.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let path = profile.join(name);
    let how = "build it: cargo build -p server && cargo build -p media --features gst --bin media-worker";
    assert!(path.exists(), "{} is missing; {how}", path.display());
    path
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
