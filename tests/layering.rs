//! The arrows between our crates are the ones that the architecture draws, and no others.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// Crate → the crates of ours it may depend on, outside of its tests. Read from the README's architecture section.
const ARROWS: &[(&str, &[&str])] = &[
    ("shardlog", &[]),
    ("vault", &[]),
    ("media", &[]),
    ("streams", &["shardlog", "vault"]),
    ("video", &["media", "shardlog", "streams"]), // shardlog: for the seam's words and env, which streams hands on
    ("server", &["media", "shardlog", "streams", "vault", "video"]),
    ("bench", &["shardlog", "streams", "tests", "vault"]), // measures the log without a server around it
    ("tests", &[]),                                        // black box: it may know no crate of ours
    ("xtask", &[]),
];

#[test]
fn crates_depend_only_along_the_drawn_arrows() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).exec().expect("cargo metadata");
    let ours: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let drawn: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, targets)| (*name, targets.iter().copied().collect())).collect();
    assert_eq!(
        ours,
        drawn.keys().map(ToString::to_string).collect(),
        "a crate came or went: draw its arrows here"
    );

    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let allowed = &drawn[package.name.as_str()];
        let used =
            package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        for dependency in used.filter(|dependency| ours.contains(&dependency.name)) {
            if !allowed.contains(dependency.name.as_str()) {
                wrong.push(format!("{} → {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the architecture does not draw: {wrong:?}");
}

#[test]
fn codec_libraries_hang_only_on_the_media_workers_feature() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata");
    for package in metadata.workspace_packages() {
        for dependency in
            package.dependencies.iter().filter(|dependency| dependency.name.starts_with("gstreamer"))
        {
            let place = format!("{} depends on {}", package.name, dependency.name);
            assert_eq!(package.name.as_str(), "media", "{place}: codecs run only in media-worker");
            assert!(dependency.optional, "{place} without its feature");
        }
    }
}
