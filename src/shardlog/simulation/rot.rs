//! A bit of a file turns over while the engine is closed.

use super::answer::assert_is;
use super::check::EVERYTHING;
use super::world::World;
use crate::env::FileSystem;
use crate::error::StoreError;
use crate::store::LogStore;
use crate::types::{Epoch, Parts, Seq};
use std::path::{Path, PathBuf};

/// Turns a bit over, looks at everything, and turns it back: what is read is what was written, or it is said to be damaged;
/// and nothing that was done meanwhile has made it worse.
pub(super) async fn step(world: &mut World) {
    world.rig.machine.files.clear_faults();
    let healthy = world.rig.store.stats().lanes_dead == 0 && !world.rig.machine.files.is_bounded();
    if !healthy || world.slots.iter().any(|slot| !slot.may.is_empty()) {
        return;
    }
    // In good order: then even the last frame is known to have been acknowledged.
    world.rig.store.close().await;
    world.stop(false);
    let Some((path, offset)) = pick(world) else { return world.restart(false).await };
    let mask = 1 << world.rig.dice.below(8);
    world.rig.note(|| format!("rot {} {offset} {mask:02x}", path.display()));
    assert!(world.rig.machine.files.rot(&path, offset, mask));
    match world.open().await {
        Ok(()) => look(world, &path).await,
        Err(StoreError::Corrupt { place, .. }) => {
            assert!(
                place.starts_with(path.to_str().unwrap_or_default()),
                "{place} is not {}",
                path.display()
            );
        }
        Err(error) => panic!("{error:?} for a damaged file"),
    }
    world.stop(false);
    world.rig.machine.files.rot(&path, offset, mask); // if the file is still there
    world.restart(world.rig.dice.coin()).await;
}

/// Nothing is damaged.
pub(super) async fn verify(world: &World) {
    let verified = world.rig.store.verify().await.expect("the log can be read");
    assert_eq!(verified.damage, [], "nothing has turned over");
}

/// Any byte of any file of the log.
fn pick(world: &World) -> Option<(PathBuf, u64)> {
    let files = &world.rig.machine.files;
    let below =
        |path: &Path| files.list(path).into_iter().flatten().map(|name| path.join(name)).collect::<Vec<_>>();
    let segments: Vec<_> = below(Path::new("/log")).iter().flat_map(|lane| below(lane)).collect();
    let path = segments.get(world.rig.dice.below(segments.len() as u64) as usize)?;
    let len = files.open(path, crate::env::OpenMode::Read).and_then(|file| file.size()).ok()?;
    (len > 0).then(|| (path.clone(), world.rig.dice.below(len)))
}

async fn look(world: &World, rotten: &Path) {
    let store = &world.rig.store;
    let mut unreadable = false;
    for slot in &world.slots {
        let (Some(id), Some(shard)) = (slot.id, &slot.shard) else { continue };
        let state = store.state(id).await.expect("the shard is there");
        assert_eq!((state.tail, state.epoch), (shard.tail(), Epoch(shard.epoch)));
        let mut next = shard.first;
        while next < shard.records.len() as u64 {
            match store.read(id, Seq(next), EVERYTHING, Parts::Whole).await {
                Ok(found) => {
                    assert!(!found.is_empty());
                    for found in &found {
                        assert_is(found, id, next, shard.records[next as usize]);
                        next += 1;
                    }
                }
                Err(StoreError::Corrupt { place, .. }) => {
                    assert!(place.contains(&id.to_string()), "{place} names no shard");
                    unreadable = true;
                    next += 1;
                }
                Err(error) => panic!("{error:?} for a damaged record"),
            }
        }
    }
    let verified = store.verify().await.expect("the log can be read");
    assert!(verified.damage.iter().all(|damage| damage.segment == rotten), "{:?}", verified.damage);
    assert!(!unreadable || !verified.damage.is_empty(), "a reader met what verifying the log did not find");
}
